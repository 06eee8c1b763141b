"""Control no-wildcard-hosts."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, NetworkChannel, SqlChannel
from proofs.probes.accounts import listed, login_accounts, without
from proofs.probes.hosts import covers, open_to_everybody
from proofs.probes.logins import standing, tcp_identities
from proofs.probes.transport.settings import listed as listed_values
from proofs.probes.transport.settings import texts


def test_no_account_is_open_to_every_host(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """No account that somebody can log in to has a host part that every address fits, however it is spelled.

    `%`, an empty host, `%.%`, `%:%`, `0.0.0.0/0.0.0.0` and `::/0` all mean everybody. Where the server takes the PROXY
    protocol's word from everybody (MariaDB, `proxy_protocol_networks`), a client names its own address and no host part
    means anything: seen on MariaDB 10.11.19.
    """
    proxies = listed_values(sql.variable("proxy_protocol_networks") or "")
    forgers = [each for each in proxies if open_to_everybody("%" if each == "*" else each)]
    assert not forgers, f"every client may name its own address: proxy_protocol_networks is {', '.join(forgers)!a}"
    judged = without(login_accounts(sql, target.engine), texts(params, "exempt_accounts"))
    wide = [account for account in judged if open_to_everybody(account.host)]
    assert not wide, f"{len(wide)} of {len(judged)} accounts are open to every host: {listed(wide)}"


def test_login_from_another_address_is_refused(
    sql: SqlChannel,
    network: NetworkChannel,
    target: Target,
    params: Mapping[str, ParameterValue],
    experiment: Experiments,
) -> None:
    """From an address outside its account's host part, an identity's right password and certificate are refused.

    1130 ER_HOST_NOT_PRIVILEGED where no account at all names that address, otherwise 1045 ER_ACCESS_DENIED_ERROR.
    """
    vantage = target.vantages.get("outside")
    if vantage is None:
        raise Indeterminate("the inventory has no vantage 'outside', from where the accounts must not be open")
    tried = [
        identity
        for identity in tcp_identities(sql, target, texts(params, "exempt_accounts"))
        if vantage.source_address is None or not covers(identity.host, vantage.source_address)
    ]
    if not tried:
        raise Indeterminate("the host part of every identity's account covers the vantage 'outside'")
    if vantage.forwards:
        # A login through a forwarder is not tried; where the port does not answer from there, none can be begun.
        port = int(sql.variable("port") or target.database.port)
        reached = network.connect(vantage.address or target.database.host, port, vantage="outside")
        if reached.ok:
            raise Indeterminate("the server is reached through the forwarder, and logins are not tried through one")
        with experiment("reach the server from an address no account names") as e:
            e.control(standing(sql, tried[0].name))
            e.attack(reached, refused_with=("refused", "timeout"))
        return
    with experiment("log in from an address the account does not name") as e:
        for identity in tried:
            e.control(standing(sql, identity.name))
            e.attack(sql.login(identity.name, vantage="outside"), refused_with=(1045, 1130))

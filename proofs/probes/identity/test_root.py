"""Control root-local-only."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import listed, login_accounts, without
from proofs.probes.rights.serverwide import effective_privileges
from proofs.probes.transport.settings import texts


def test_administrators_are_local(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """Every account named root, and every account that is an administrator in effect, is for the local host alone.

    Privileges count wherever they come from: granted, by a role (active by default or not), by MySQL's
    mandatory_roles or MariaDB's PUBLIC, by writing the grant tables, or by being a proxy for somebody who has them.
    """
    powers = texts(params, "admin_privileges")
    local = {host.lower() for host in texts(params, "local_hosts")}
    effective = effective_privileges(sql, target.engine)
    if not any(set(powers) & held.keys() for held in effective.values()):
        raise Indeterminate("the grant tables show no administrator at all, which cannot be the whole of them")
    judged = without(login_accounts(sql, target.engine), texts(params, "exempt_accounts"))
    remote = []
    for account in judged:
        held = effective.get((account.user, account.host), {})
        found = [f"{power} {held[power]}" for power in powers if power in held]
        if (found or account.user == "root") and account.host.lower() not in local:
            remote.append(f"{account} ({listed(found, 2) or 'by its name'})")
    assert not remote, f"{len(remote)} administrators can log in from other hosts: {listed(remote)}"


def test_root_over_the_network_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """The operator's password opens the server over the local socket, and not over TCP from outside.

    1045 ER_ACCESS_DENIED_ERROR, 1698 ER_ACCESS_DENIED_NO_PASSWORD_ERROR for an account that the socket alone opens,
    or 1130 ER_HOST_NOT_PRIVILEGED where no account names the address. It is tried with the inspector's certificate,
    so that a REQUIRE X509 does not refuse what the host part lets in.
    """
    operator = target.identities.get("operator")
    if operator is None or operator.via != "socket":
        raise Indeterminate("the inventory has no identity 'operator' that logs in over the socket")
    outside = target.vantages.get("outside")
    vantage = "outside" if outside is not None and outside.source_address is not None else "here"
    inspector = target.identities.get("inspector")
    certificate = "identity:inspector" if inspector is not None and inspector.keypair is not None else "own"
    with experiment("log in as the administrator over TCP") as e:
        e.control(sql.login("operator"))
        attempt = sql.login("operator", transport="tcp", vantage=vantage, certificate=certificate)
        e.attack(attempt, refused_with=(1045, 1130, 1698))

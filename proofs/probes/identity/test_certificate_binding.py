"""Control cert-bound-to-account."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import Identity, ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import listed, network_accounts, without
from proofs.probes.logins import standing, tcp_identities
from proofs.probes.transport.settings import texts


def test_every_network_account_is_bound_to_one_subject(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Every account that can log in over TCP names one subject and one issuer, and no two users share them.

    With REQUIRE X509 alone any certificate of the CA fits; run on MySQL 9.7.4 and MariaDB 10.11.18: another
    identity's certificate then opened the account.
    """
    judged = without(network_accounts(sql, target.engine), texts(params, "exempt_accounts"))
    loose = [account for account in judged if not (account.subject and account.issuer)]
    assert not loose, (
        f"{len(loose)} of {len(judged)} network accounts are not bound to one certificate: {listed(loose)}"
    )
    owners: dict[tuple[str, str], set[str]] = {}
    for account in judged:
        owners.setdefault((account.issuer, account.subject), set()).add(account.user)
    shared = [sorted(users) for users in owners.values() if len(users) > 1]
    assert not shared, f"one certificate opens the accounts of several users: {listed(shared)}"


def test_another_identitys_certificate_is_refused(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """The right password with another identity's valid certificate opens no identity's account.

    1045 ER_ACCESS_DENIED_ERROR on both engines. The certificate is one that opens its own identity's account.
    """
    chosen = tcp_identities(sql, target, texts(params, "exempt_accounts"))
    with experiment("log in with another identity's certificate") as e:
        for identity in chosen:
            other = _other(identity, tcp_identities(sql, target))
            e.control(standing(sql, identity.name))
            if other not in chosen:
                e.control(standing(sql, other.name))
            e.attack(sql.login(identity.name, certificate=f"identity:{other.name}"), refused_with=1045)


def _other(identity: Identity, identities: tuple[Identity, ...]) -> Identity:
    """The identity after this one, in a circle, that has another certificate."""
    names = [each.name for each in identities]
    start = names.index(identity.name) + 1
    for each in (*identities[start:], *identities[:start]):
        if each.keypair is not None and each.keypair != identity.keypair:
            return each
    raise Indeterminate("the inventory has no second identity with a client certificate of its own to try")

"""Control mtls-client-cert-required."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import Account, listed, network_accounts, without
from proofs.probes.logins import standing, tcp_identities
from proofs.probes.transport.settings import texts


def test_every_network_account_requires_a_certificate(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Every account that can log in over TCP carries REQUIRE X509, or a subject or issuer.

    `ssl_type` SPECIFIED alone is not enough: MariaDB 10.11.19 let an account with REQUIRE CIPHER in without any
    certificate (MySQL 9.7.4 refused it).
    """
    judged = without(network_accounts(sql, target.engine), texts(params, "exempt_accounts"))
    bare = [account for account in judged if not _requires_certificate(account)]
    assert not bare, f"{len(bare)} of {len(judged)} network accounts need no client certificate: {listed(bare)}"


def test_password_without_certificate_is_refused(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """The right password over TLS, but without a client certificate, opens no identity's account.

    1045 ER_ACCESS_DENIED_ERROR on both engines, as for a wrong password: only the identity's own session, made with
    the same password, shows what was missing.
    """
    with experiment("log in without a client certificate") as e:
        for identity in tcp_identities(sql, target, texts(params, "exempt_accounts")):
            e.control(standing(sql, identity.name))
            e.attack(sql.login(identity.name, certificate="none"), refused_with=1045)


def _requires_certificate(account: Account) -> bool:
    return account.ssl_type == "X509" or (account.ssl_type == "SPECIFIED" and bool(account.subject or account.issuer))

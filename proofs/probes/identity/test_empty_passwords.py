"""Control no-empty-passwords."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Identity, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.account_types import SOCKET_PLUGINS, Account
from proofs.probes.accounts import accounts, listed, login_accounts
from proofs.probes.logins import account_of, must_survive_one_failure, standing


def test_every_password_account_has_one(sql: SqlChannel, target: Target) -> None:
    """Every unlocked account that a password opens has a verifier stored for each way it opens by password.

    On MariaDB the alternatives of IDENTIFIED VIA … OR … count one by one.
    """
    judged = [account for account in login_accounts(sql, target.engine) if account.password_methods]
    if not judged:
        raise Indeterminate("by the account tables no account authenticates by password")
    empty = [account for account in judged if not all(method.has_secret for method in account.password_methods)]
    assert not empty, f"{len(empty)} of {len(judged)} password accounts have an empty password: {listed(empty)}"


def test_empty_password_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """An empty password opens no identity's account, though the certificate is the right one.

    1045 ER_ACCESS_DENIED_ERROR on both engines. It counts as a failed login: the channel puts a good one between two
    guesses at the same account. Where one failure is enough to block an account, none is tried.
    """
    found = accounts(sql, target.engine)
    pairs = [(identity, account_of(identity, found)) for identity in target.identities.values()]
    tried = [(identity, account) for identity, account in pairs if _opened_by_password(identity, account)]
    must_survive_one_failure(sql, target, [account for _, account in tried if account is not None])
    with experiment("log in with an empty password") as e:
        for identity, _ in tried:
            e.control(standing(sql, identity.name))
            e.attack(sql.login(identity.name, password="empty"), refused_with=1045)  # noqa: S106 - a label


def _opened_by_password(identity: Identity, account: Account | None) -> bool:
    """It has a password to leave out, its account is not locked, and the kernel doesn't vouch for it instead."""
    if identity.password is None or (account is not None and not account.can_log_in):
        return False
    vouched = account is not None and any(method.plugin in SOCKET_PLUGINS for method in account.usable_methods)
    return not (identity.via == "socket" and vouched)

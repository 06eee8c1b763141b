"""Which identities of the inventory a probe may log in as, and the look that shows that an identity works."""

from __future__ import annotations

from collections.abc import Sequence

from proofs.errors import Indeterminate
from proofs.model import Identity, Target
from proofs.ports import Attempt, SqlChannel
from proofs.probes.account_types import Account
from proofs.probes.accounts import accounts

READER = "inspector"


def account_of(identity: Identity, found: Sequence[Account]) -> Account | None:
    """The account an identity logs in to, by the inventory's user and host, or None where there is no such account."""
    name = (identity.user, identity.host.lower())
    return next((account for account in found if (account.user, account.host.lower()) == name), None)


def tcp_identities(sql: SqlChannel, target: Target, exempt: Sequence[str] = ()) -> tuple[Identity, ...]:
    """The identities that log in over TCP, without those whose account is locked or exempt (`user@host`).

    An identity whose account is not found stays in: that it cannot log in must be seen. Raises `Indeterminate`
    rather than return none.
    """
    found = accounts(sql, target.engine)
    chosen = []
    for identity in target.identities.values():
        account = account_of(identity, found)
        locked = account is not None and not account.can_log_in
        if identity.via == "tcp" and not locked and f"{identity.user}@{identity.host}" not in exempt:
            chosen.append(identity)
    if not chosen:
        raise Indeterminate("no identity of the inventory logs in over TCP, so nothing can be tried")
    return tuple(chosen)


def must_survive_one_failure(sql: SqlChannel, target: Target, found: Sequence[Account]) -> None:
    """Raises `Indeterminate` where one wrong guess would block one of these accounts: it may be in use."""
    if target.engine == "mariadb":
        limit = sql.variable("max_password_errors")
        if limit is None or int(limit) < 2:
            raise Indeterminate(f"max_password_errors is {limit}: one wrong guess would block an account")
    for account in found:
        if account.failed_login_attempts == 1:
            raise Indeterminate(f"{account}: FAILED_LOGIN_ATTEMPTS 1, one wrong guess would block it")


def standing(sql: SqlChannel, identity: str) -> Attempt:
    """The control experiment of attacks on a login: the identity gets in with TLS, its own certificate and password.

    The attack then differs in one of them. It is a login of its own, at once ended: a session kept open could be the
    only one the account may have. (The inspector's is open in any case.)
    """
    if identity == READER:
        return sql.query("SELECT CURRENT_USER() AS account", identity=identity)
    return sql.login(identity)

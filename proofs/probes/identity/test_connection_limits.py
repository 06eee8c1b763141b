"""Control per-account-connection-limit."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import Account, accounts, listed, login_accounts
from proofs.probes.logins import account_of
from proofs.probes.transport.settings import number, setting

OWN = ("scratch", "inspector")
"""Identities that are the harness's alone: using up their sessions locks nobody else out."""


def test_every_account_is_limited(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """Every account that can log in has a limit of simultaneous sessions: its own, or else the server's.

    An account's `max_user_connections` of 0 leaves it to the variable of the same name, and 0 there means no limit;
    a negative value (MariaDB) means none are allowed.
    """
    most = number(params, "max_sessions")
    general = int(setting(sql, "max_user_connections"))
    judged = login_accounts(sql, target.engine)
    loose = [
        f"{account} ({limit or 'no limit'})"
        for account in judged
        if (limit := account.max_user_connections or general) == 0 or limit > most
    ]
    assert not loose, f"{len(loose)} of {len(judged)} accounts may hold more than {most} sessions: {listed(loose)}"


def test_session_over_the_limit_is_refused(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """With as many sessions open as the account tables allow an account, one more is refused.

    1226 ER_USER_LIMIT_REACHED for an account's own limit, 1203 ER_TOO_MANY_USER_CONNECTIONS for the server's.
    """
    most = number(params, "max_live_probe_sessions")
    general = int(setting(sql, "max_user_connections"))
    name, limit = _smallest(target, accounts(sql, target.engine), general)
    if limit > most:
        raise Indeterminate(
            f"the limit of {name} is {limit}, and the harness opens no more than {most} sessions at a time"
        )
    with experiment(f"open session {limit + 1} as {name}") as e:
        attempts = sql.sessions(name, limit + 1)
        e.control(attempts[0])
        e.attack(attempts[-1], refused_with=(1226, 1203))


def _smallest(target: Target, found: tuple[Account, ...], general: int) -> tuple[str, int]:
    """The harness's own identity with the smallest limit."""
    limits = []
    for name in OWN:
        identity = target.identities.get(name)
        account = account_of(identity, found) if identity is not None else None
        if account is not None and account.can_log_in:
            limits.append((account.max_user_connections or general, name))
    limited = [(limit, name) for limit, name in limits if limit > 0]
    if not limited:
        raise Indeterminate(f"none of the harness's own accounts ({', '.join(OWN)}) has a limit that could be tried")
    limit, name = min(limited)
    return name, limit

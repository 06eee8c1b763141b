"""Control login-throttling."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import ChannelError, Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import Account, accounts, listed, network_accounts
from proofs.probes.logins import account_of
from proofs.probes.transport.settings import number, setting

DELAYS = ("component_connection_control", "connection_control")
"""MySQL's connection control delays logins: a component from 9.2, a plugin before. Separators differ: `.` and `_`."""


def test_throttling_is_configured(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """After few failed logins in a row the server delays, or refuses every account that can log in over TCP.

    MySQL: connection control, or FAILED_LOGIN_ATTEMPTS with PASSWORD_LOCK_TIME on each account (8.0.19). MariaDB:
    `max_password_errors`, by default 4294967295, which is off.
    """
    most = number(params, "max_failures")
    if target.engine == "mariadb":
        limit = int(setting(sql, "max_password_errors"))
        assert 0 < limit <= most, f"max_password_errors is {limit}, expected 1 to {most}"
        return
    if _delay_threshold(sql, most):
        return
    judged = network_accounts(sql, target.engine)
    free = [f"{each} ({each.failed_login_attempts})" for each in judged if not _limited(each, most)]
    assert not free, (
        f"{len(free)} of {len(judged)} network accounts are not blocked after {most} failures: {listed(free)}"
    )


def test_repeated_failures_are_blocked(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """After that many wrong passwords the right one is refused too, while another account still gets in.

    3955 (MySQL), 4150 (MariaDB) ER_USER_IS_BLOCKED. Only on the throw-away account `scratch`, only where the target
    allows it; the operator unblocks it before and after (ALTER USER … ACCOUNT UNLOCK clears the count on both), so
    that a run that was killed in between leaves nothing in the way of the next.
    """
    if not target.allow_lockout_probe:
        raise Indeterminate(
            "the target does not allow lock-out probes (allow_lockout_probe), so only settings were seen"
        )
    most = number(params, "max_failures")
    unlock = _unlock(sql, target)
    if target.engine == "mysql" and _delay_threshold(sql, most) and not _limited(_scratch(sql, target), most):
        _prove_delay(sql, most)
        return
    if stuck := _free(sql, unlock):
        raise Indeterminate(f"the throw-away account could not be unblocked again, so it is not blocked: {stuck}")
    tries = _tries(sql, target, most)
    try:
        for _ in range(tries):
            sql.login("scratch", password="wrong", lockout=True)  # noqa: S106 - a label
        right, other = sql.login("scratch"), sql.login("inspector")
    finally:
        stuck = _free(sql, unlock)
    if stuck and not right.ok:
        raise Indeterminate(f"the throw-away account is left blocked ({stuck}); by hand: {unlock}")
    with experiment(f"log in after {tries} failed logins") as e:
        e.control(other)
        e.attack(right, refused_with={"mysql": 3955, "mariadb": 4150})
        e.control(sql.login("scratch"))


def _tries(sql: SqlChannel, target: Target, most: int) -> int:
    """As many failures as the settings claim to allow, but never more than the control does."""
    if target.engine == "mariadb":
        limit = int(setting(sql, "max_password_errors"))
    else:
        limit = _scratch(sql, target).failed_login_attempts
    return min(limit or most, most)


def _limited(account: Account, most: int) -> bool:
    return 0 < account.failed_login_attempts <= most and account.lock_days != 0


def _delay_threshold(sql: SqlChannel, most: int) -> bool:
    for name, separator in zip(DELAYS, "._", strict=True):
        threshold = sql.variable(f"{name}{separator}failed_connections_threshold")
        if threshold is not None and 0 < int(threshold) <= most:
            return True
    return False


def _prove_delay(sql: SqlChannel, most: int) -> None:
    """With connection control a login is not refused but late; the server counts how often it made one late."""
    before = after = _delays(sql)
    for _ in range(most + 1):
        if after == before:
            sql.login("scratch", password="wrong", lockout=True)  # noqa: S106 - a label
            after = _delays(sql)
    good = sql.login("scratch")
    if not good.ok:
        raise Indeterminate(f"the control experiment did not succeed: {good.describe()}")
    assert after > before, f"{most + 1} failed logins in a row were not delayed (the server counts {after} delays)"


def _delays(sql: SqlChannel) -> int:
    shown = sql.query("SHOW GLOBAL STATUS LIKE '%connection\\_control\\_delay\\_generated'", memo=False)
    if not shown.rows:
        raise Indeterminate("the server does not show how many logins its connection control delayed")
    return sum(int(row["value"]) for row in shown.rows)


def _scratch(sql: SqlChannel, target: Target) -> Account:
    identity = target.identities.get("scratch")
    account = account_of(identity, accounts(sql, target.engine)) if identity is not None else None
    if account is None or not account.can_log_in:
        raise Indeterminate("the inventory has no throw-away identity 'scratch' with an unlocked account")
    return account


def _unlock(sql: SqlChannel, target: Target) -> str:
    account = _scratch(sql, target)
    if any(sign in account.name for sign in "'\"\\`"):
        raise Indeterminate(f"the name of the throw-away account is not plain: {account}")
    return f"ALTER USER '{account.user}'@'{account.host}' ACCOUNT UNLOCK"


def _free(sql: SqlChannel, unlock: str) -> str:
    """Unblock; what stood in the way, or nothing. Never raises: an outcome under way must not be lost to it."""
    try:
        freed = sql.attempt("operator", unlock)
    except (ChannelError, Indeterminate) as error:
        return str(error)
    return "" if freed.ok else freed.describe()

"""Control password-lifetime-and-reuse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import Account, listed, login_accounts, without
from proofs.probes.transport.settings import number, setting, texts

DAY = 86400


def test_lifetime_and_history_are_limited(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """The server's defaults make passwords expire and keep earlier ones from coming back.

    MySQL: `default_password_lifetime`, `password_history`, `password_reuse_interval` (a change back is refused with
    3638). MariaDB: `default_password_lifetime`, and the plugin password_reuse_check with
    `password_reuse_check_interval`, where 0 means for ever.
    """
    most, interval = number(params, "max_lifetime_days"), number(params, "min_reuse_interval_days")
    days = int(setting(sql, "default_password_lifetime"))
    assert 0 < days <= most, f"default_password_lifetime is {days}, expected 1 to {most} days"
    if target.engine == "mysql":
        history, reuse = int(setting(sql, "password_history")), int(setting(sql, "password_reuse_interval"))
        least = number(params, "min_history")
        assert history >= least, f"password_history is {history}, expected at least {least}"
        assert reuse >= interval, f"password_reuse_interval is {reuse}, expected at least {interval} days"
        return
    kept = sql.variable("password_reuse_check_interval")
    assert kept is not None, "the plugin password_reuse_check is not loaded, so earlier passwords may come back"
    assert kept == "0" or int(kept) >= interval, (
        f"password_reuse_check_interval is {kept}, expected 0 or {interval} days"
    )


def test_no_account_is_exempt_or_overdue(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], now: datetime
) -> None:
    """No unlocked password account lives by weaker rules of its own, has an overdue password, or keeps two.

    PASSWORD EXPIRE NEVER and INTERVAL, PASSWORD HISTORY and REUSE INTERVAL of an account go before the server's
    defaults. RETAIN CURRENT PASSWORD (MySQL 8.0.14) leaves an earlier password valid beside the new one.
    """
    judged = [account for account in login_accounts(sql, target.engine) if account.password_methods]
    if not judged:
        raise Indeterminate("by the account tables no account authenticates by password")
    general = int(setting(sql, "default_password_lifetime"))
    found = []
    for account in without(judged, texts(params, "exempt_accounts")):
        flaws = [*_age(account, general, number(params, "max_lifetime_days"), now), *_reuse(account, params)]
        found += [f"{account}: {flaw}" for flaw in flaws]
    assert not found, listed(found)


def _age(account: Account, general: int, most: int, now: datetime) -> list[str]:
    days = general if account.lifetime_days is None else account.lifetime_days
    if days == 0:
        return ["its password never expires"]
    if days > most:
        return [f"its password lives {days} days, expected at most {most}"]
    if account.expired:
        return []
    if account.password_changed is None:
        return ["the server does not know the age of its password, so it never expires"]
    age = (now.timestamp() - account.password_changed) / DAY
    return [f"its password is {age:.0f} days old, of {days}"] if age > days else []


def _reuse(account: Account, params: Mapping[str, ParameterValue]) -> list[str]:
    flaws = []
    least, interval = number(params, "min_history"), number(params, "min_reuse_interval_days")
    if account.history is not None and account.history < least:
        flaws.append(f"its password history is {account.history}, expected at least {least}")
    if account.reuse_days is not None and account.reuse_days < interval:
        flaws.append(f"its passwords may come back after {account.reuse_days} days, expected at least {interval}")
    if account.second_password:
        flaws.append("its earlier password is still valid beside the new one")
    return flaws

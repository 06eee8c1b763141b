"""Control secure-transport-required."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import Code, Experiment, Experiments, LoginResult, SqlChannel
from proofs.probes.accounts import accounts
from proofs.probes.transport.settings import ON, has_admin_interface, setting

SWITCH = 3159
LOCKED = {"mysql": 3118, "mariadb": 4151}
LOCKED_FIRST = frozenset({3118})
NO_ADMIN_PRIVILEGE = {"mysql": 1227, "mariadb": 1227}


def test_server_requires_secure_transport(sql: SqlChannel) -> None:
    """The server's own switch against plaintext connections is on.

    Variable `require_secure_transport` (MySQL 5.7.8, MariaDB 10.5.2). STIG MYS8-00-011300, MADB-10-008900.
    """
    value = setting(sql, "require_secure_transport")
    assert value.upper() in ON, f"require_secure_transport is {value!r}, expected ON"


def test_plaintext_login_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Every identity logs in with TLS, and none without it.

    MySQL looks at the account before the switch: 1045 ER_ACCESS_DENIED_ERROR for one that REQUIREs TLS itself, 3159
    ER_SECURE_TRANSPORT_REQUIRED for one that does not. MariaDB before 11.4 answers 1045 in both cases (MDEV-30178).
    A locked account shows the right password by its own refusal: 3118 (MySQL), 4151 (MariaDB). On MySQL's admin
    interface an account without SERVICE_CONNECTION_ADMIN is refused after its login, with 1227.
    """
    names = [name for name, each in target.identities.items() if each.via == "tcp" and each.password is not None]
    if not names:
        raise Indeterminate("the inventory names no identity that logs in over TCP with a password")
    required = {account.name: account.ssl_type for account in accounts(sql, target.engine)}
    with experiment("log in without TLS") as e:
        for name in names:
            good = sql.login(name)
            expected = _refusals(good, name, target, required)
            if good.codes & LOCKED_FIRST and expected["mysql"] == SWITCH:
                continue  # MySQL looks at the lock before the switch: this account can show nothing
            _control(e, good, LOCKED)
            e.attack(sql.login(name, tls="off"), refused_with=expected)
        if has_admin_interface(sql, target):
            good = sql.login("inspector", endpoint="admin")
            _control(e, good, NO_ADMIN_PRIVILEGE)
            attack = sql.login("inspector", tls="off", endpoint="admin")
            e.attack(attack, refused_with=_refusals(good, "inspector", target, required))


def _control(e: Experiment, good: LoginResult, otherwise: Mapping[str, Code]) -> None:
    if good.ok:
        e.control(good)
    else:
        e.control_refused(good, refused_with=otherwise)


def _refusals(
    good: LoginResult, name: str, target: Target, required: Mapping[str, str]
) -> Mapping[str, Code | tuple[Code, ...]]:
    identity = target.identities[name]
    account = str(good.session.get("current_user", f"{identity.user}@{identity.host}"))
    if account not in required:
        raise Indeterminate(f"the server's tables have no account {account!a}, as whom {name} logs in")
    return {"mysql": 1045 if required[account] else SWITCH, "mariadb": (1045, SWITCH)}

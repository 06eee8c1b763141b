"""Control password-complexity-enforced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.transport.settings import ON, number, setting

NOBODY = "'proof-of-controls-nobody'@'192.0.2.1'"
"""An account that is never made; the address is of a documentation network (RFC 5737)."""
PASSED = {"mysql": (1396,), "mariadb": (1372, 1290)}
"""Refusals that come after the password check: the account exists already; the second verifier is none."""


def test_complexity_policy_is_active(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """A password check is loaded and asks for the agreed length and characters of each class.

    MySQL: the component validate_password with policy MEDIUM or STRONG (LOW looks at the length alone), or the plugin
    of the same name before it. MariaDB: the plugin simple_password_check, with `strict_password_validation`, without
    which a ready-made verifier gets past it. Where they are missing, so are their variables: nothing is checked.
    """
    length, each = number(params, "minimum_length"), number(params, "minimum_of_each_class")
    if target.engine == "mysql":
        prefix = "validate_password." if sql.variable("validate_password.policy") is not None else "validate_password_"
        policy = sql.variable(f"{prefix}policy")
        assert policy is not None, "neither the component nor the plugin validate_password is installed"
        assert policy.upper() in ("MEDIUM", "STRONG", "1", "2"), (
            f"{prefix}policy is {policy!a}, expected MEDIUM or STRONG"
        )
        assert setting(sql, f"{prefix}check_user_name").upper() in ON, f"{prefix}check_user_name is OFF, expected ON"
        longest, counts = f"{prefix}length", ("mixed_case_count", "number_count", "special_char_count")
    else:
        prefix = "simple_password_check_"
        assert sql.variable(f"{prefix}digits") is not None, "the plugin simple_password_check is not loaded"
        strict = setting(sql, "strict_password_validation")
        assert strict.upper() in ON, f"strict_password_validation is {strict!a}, expected ON"
        longest, counts = f"{prefix}minimal_length", ("letters_same_case", "digits", "other_characters")
    found = int(setting(sql, longest))
    assert found >= length, f"{longest} is {found}, expected at least {length}"
    for name in counts:
        found = int(setting(sql, f"{prefix}{name}"))
        assert found >= each, f"{prefix}{name} is {found}, expected at least {each}"


def test_weak_password_is_refused(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], now: datetime, experiment: Experiments
) -> None:
    """The server refuses passwords that are too short or lack a class of characters, and would take a strong one.

    1819 ER_NOT_VALID_PASSWORD. Tried with statements that fail in any case, after the password check: on MySQL
    CREATE USER for an account that exists (then 1396), on MariaDB CREATE USER with a second verifier that is none
    (then 1372, or 1290 under strict_password_validation). MariaDB's password_reuse_check remembers every password it
    is asked about, so each run brings its own, and where it is loaded the target must allow canary writes.
    """
    if sql.variable("password_reuse_check_interval") is not None and not target.allow_canary_writes:
        raise Indeterminate("trying passwords adds rows to password_reuse_check's history (allow_canary_writes)")
    statement = _statement(sql, target)
    strong, weak = _passwords(number(params, "minimum_length"), now)
    passed = PASSED[target.engine]
    with experiment("set a weak password") as e:
        e.control_refused(sql.attempt("operator", statement.format(strong)), refused_with=passed)
        for flaw, password in weak.items():
            attempt = sql.attempt("operator", statement.format(password))
            assert not attempt.codes & {*passed}, (
                f"a password with {flaw} passed the server's check: {attempt.describe()}"
            )
            e.attack(attempt, refused_with=1819)


def _passwords(length: int, now: datetime) -> tuple[str, dict[str, str]]:
    """A strong password of just the least length or a little more, and what is wrong with weaker ones → those."""
    digits = f"{now:%Y%m%d%H%M%S}"
    letters = digits.translate(str.maketrans("0123456789", "qwertyuiop"))
    fill = "x" * max(0, length - len(digits) - 3)
    short = (letters[::-1] + "y" * length)[: max(0, length - 4)] + "X1-"
    return f"Q-{digits}x{fill}", {
        f"{len(short)} characters": short,
        "no upper-case letter": f"q-{digits}x{fill}",
        "no lower-case letter": f"Q-{digits}X{fill.upper()}",
        "no digit": f"Q-{letters}x{fill}",
        "nothing but letters and digits": f"Qx{digits}x{fill}",
    }


def _statement(sql: SqlChannel, target: Target) -> str:
    if target.engine == "mariadb":
        native = "mysql_native_password USING"
        return f"CREATE USER {NOBODY} IDENTIFIED VIA {native} PASSWORD('{{}}') OR {native} 'no verifier'"
    user, _, host = str(sql.rows("SELECT CURRENT_USER() AS account")[0]["account"]).rpartition("@")
    if any(sign in user + host for sign in "'\"\\`{}"):
        raise Indeterminate(f"the name of the inspector's account is not plain: {user!a}@{host!a}")
    return f"CREATE USER '{user}'@'{host}' IDENTIFIED BY '{{}}' ACCOUNT LOCK"

"""How each engine stores accounts, and how its rows become `Account`s.

MySQL keeps them in `mysql.user` (the JSON column `User_attributes` holds failed-login limits, second factors and a
retained second password); MariaDB in `mysql.global_priv`, whose JSON column is the only place that shows every
alternative of `IDENTIFIED VIA a OR b` (the view `mysql.user` shows one). No password hash is ever asked for: the
server is asked whether there is one.

Sources: MySQL Reference Manual, "Grant Tables" and "Password Management"; MariaDB Knowledge Base,
"mysql.global_priv Table"; both observed on MySQL 9.7.4 and MariaDB 10.11.19.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proofs.ports import SqlChannel
from proofs.probes.account_types import Account, Method

MYSQL = """SELECT user, host, plugin, authentication_string <> '' AS has_secret, account_locked, password_expired,
 ssl_type, CONVERT(ssl_cipher USING utf8mb4) AS ssl_cipher, CONVERT(x509_subject USING utf8mb4) AS x509_subject,
 CONVERT(x509_issuer USING utf8mb4) AS x509_issuer, max_questions, max_updates, max_connections, max_user_connections,
 UNIX_TIMESTAMP(password_last_changed) AS changed, password_lifetime, password_reuse_history, password_reuse_time,
 user_attributes ->> '$.Password_locking.failed_login_attempts' AS attempts,
 user_attributes ->> '$.Password_locking.password_lock_time_days' AS lock_days,
 JSON_CONTAINS_PATH(user_attributes, 'one', '$.additional_password') AS second_password,
 user_attributes ->> '$.multi_factor_authentication[0].plugin' AS factor_2,
 user_attributes ->> '$.multi_factor_authentication[1].plugin' AS factor_3
 FROM mysql.user ORDER BY user, host"""


def read_mysql(sql: SqlChannel) -> tuple[Account, ...]:
    """Every row of `mysql.user`."""
    return tuple(mysql_account(row) for row in sql.rows(MYSQL))


def mysql_account(row: Mapping[str, Any]) -> Account:
    """One row of the query `MYSQL`. A role is an account made locked, expired and without a verifier."""
    secret, locked = bool(_number(row["has_secret"])), _true(row["account_locked"])
    expired = _true(row["password_expired"])
    return Account(
        user=str(row["user"]),
        host=str(row["host"]),
        methods=(Method(str(row["plugin"]), secret),),
        factors=tuple(str(row[name]) for name in ("factor_2", "factor_3") if row[name]),
        is_role=locked and not secret and expired,
        locked=locked,
        expired=expired,
        ssl_type=str(row["ssl_type"]),
        cipher=str(row["ssl_cipher"] or ""),
        subject=str(row["x509_subject"] or ""),
        issuer=str(row["x509_issuer"] or ""),
        max_user_connections=_number(row["max_user_connections"]),
        max_connections_per_hour=_number(row["max_connections"]),
        max_questions_per_hour=_number(row["max_questions"]),
        max_updates_per_hour=_number(row["max_updates"]),
        password_changed=_optional(row["changed"]),
        lifetime_days=_optional(row["password_lifetime"]),
        history=_optional(row["password_reuse_history"]),
        reuse_days=_optional(row["password_reuse_time"]),
        failed_login_attempts=_number(row["attempts"]),
        lock_days=_number(row["lock_days"]),
        second_password=bool(_number(row["second_password"])),
    )


MARIADB = """SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.plugin') AS plugin,
 COALESCE(JSON_VALUE(Priv, '$.authentication_string'), '')
 NOT IN ('', '4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4') AS has_secret,
 COALESCE(JSON_VALUE(Priv, '$.authentication_string'), '')
 REGEXP '^([*][0-9A-Fa-f]{40}|[0-9A-Fa-f]{16})?$' AS native_form,
 COALESCE(JSON_LENGTH(Priv, '$.auth_or'), 0) AS alternatives,
 JSON_VALUE(Priv, '$.is_role') AS is_role, JSON_VALUE(Priv, '$.account_locked') AS account_locked,
 JSON_VALUE(Priv, '$.ssl_type') AS ssl_type, JSON_VALUE(Priv, '$.ssl_cipher') AS ssl_cipher,
 JSON_VALUE(Priv, '$.x509_subject') AS x509_subject, JSON_VALUE(Priv, '$.x509_issuer') AS x509_issuer,
 JSON_VALUE(Priv, '$.max_questions') AS max_questions, JSON_VALUE(Priv, '$.max_updates') AS max_updates,
 JSON_VALUE(Priv, '$.max_connections') AS max_connections,
 JSON_VALUE(Priv, '$.max_user_connections') AS max_user_connections,
 JSON_VALUE(Priv, '$.password_last_changed') AS changed, JSON_VALUE(Priv, '$.password_lifetime') AS password_lifetime
 FROM mysql.global_priv ORDER BY User, Host"""
"""The literal is what ed25519 stores for the empty password when it is set by its hash."""

MARIADB_ALTERNATIVES = """SELECT g.User AS user, g.Host AS host, a.plugin AS plugin,
 COALESCE(a.secret, '') NOT IN ('', '4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4') AS has_secret,
 COALESCE(a.secret, '') REGEXP '^([*][0-9A-Fa-f]{40}|[0-9A-Fa-f]{16})?$' AS native_form
 FROM mysql.global_priv g, JSON_TABLE(g.Priv, '$.auth_or[*]' COLUMNS (
 plugin VARCHAR(64) PATH '$.plugin', secret TEXT PATH '$.authentication_string')) a
 WHERE a.plugin IS NOT NULL ORDER BY g.User, g.Host, a.plugin"""

NATIVE = "mysql_native_password"
SSL_TYPES = ("", "ANY", "X509", "SPECIFIED")
"""`ssl_type` in `mysql.global_priv` is a number: NONE, SSL, X509, SPECIFIED (MariaDB Knowledge Base)."""


def read_mariadb(sql: SqlChannel) -> tuple[Account, ...]:
    """Every row of `mysql.global_priv`."""
    rows = sql.rows(MARIADB)
    # One method stands in the account itself (an empty object holds its place in the list), the others in `auth_or`.
    several = any(_number(row["alternatives"]) > 1 for row in rows)
    others = sql.rows(MARIADB_ALTERNATIVES) if several else ()
    return tuple(
        mariadb_account(row, [o for o in others if (o["user"], o["host"]) == (row["user"], row["host"])])
        for row in rows
    )


def mariadb_account(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]] = ()) -> Account:
    """One row of the query `MARIADB` with its rows of `MARIADB_ALTERNATIVES`."""
    lifetime = _optional(row["password_lifetime"])
    changed = _optional(row["changed"])
    return Account(
        user=str(row["user"]),
        host=str(row["host"]),
        methods=tuple(_method(way) for way in (row, *others)),
        is_role=_true(row["is_role"]),
        locked=_true(row["account_locked"]),
        expired=changed == 0,
        ssl_type=SSL_TYPES[_number(row["ssl_type"])],
        cipher=str(row["ssl_cipher"] or ""),
        subject=str(row["x509_subject"] or ""),
        issuer=str(row["x509_issuer"] or ""),
        max_user_connections=_number(row["max_user_connections"]),
        max_connections_per_hour=_number(row["max_connections"]),
        max_questions_per_hour=_number(row["max_questions"]),
        max_updates_per_hour=_number(row["max_updates"]),
        password_changed=changed or None,
        lifetime_days=None if lifetime is None or lifetime < 0 else lifetime,
    )


def _method(way: Mapping[str, Any]) -> Method:
    # Only the 41 and 16 character forms of a native verifier can match: `USING 'invalid'` is a closed door.
    plugin = str(way["plugin"] or NATIVE)
    return Method(plugin, bool(_number(way["has_secret"])), plugin != NATIVE or bool(_number(way["native_form"])))


def _optional(value: object) -> int | None:
    return None if value is None else int(float(str(value)))


def _number(value: object) -> int:
    return _optional(value) or 0


def _true(value: object) -> bool:
    return str(value).lower() in ("1", "true", "y")

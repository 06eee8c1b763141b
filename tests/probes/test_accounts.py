"""Account tables of both engines as values, host parts, and privileges in effect: tables of canned rows."""

from __future__ import annotations

import pytest
from probes.looks import Sql

from proofs.errors import Indeterminate
from proofs.probes.account_tables import mariadb_account, mysql_account
from proofs.probes.account_types import Account, Method
from proofs.probes.accounts import accounts, listed, login_accounts, network_accounts, unlisted, without
from proofs.probes.hosts import covers, open_to_everybody

MYSQL_ROW = {
    "user": "app", "host": "10.0.0.5", "plugin": "caching_sha2_password", "has_secret": 1, "account_locked": "N",
    "password_expired": "N", "ssl_type": "SPECIFIED", "ssl_cipher": "", "x509_subject": "/CN=app",
    "x509_issuer": "/CN=ca", "max_questions": 0, "max_updates": 0, "max_connections": 0, "max_user_connections": 10,
    "changed": "1795379040.000000", "password_lifetime": None, "password_reuse_history": None,
    "password_reuse_time": None, "attempts": "5", "lock_days": "-1", "second_password": None, "factor_2": None,
    "factor_3": None,
}  # fmt: skip
MARIADB_ROW = {
    "user": "app", "host": "10.0.0.5", "plugin": "ed25519", "has_secret": 1, "native_form": 0, "alternatives": 0,
    "is_role": None, "account_locked": None, "ssl_type": "3", "ssl_cipher": "", "x509_subject": "/CN=app",
    "x509_issuer": "/CN=ca", "max_questions": None, "max_updates": None, "max_connections": None,
    "max_user_connections": "10", "changed": "1795379041", "password_lifetime": None,
}  # fmt: skip
ALTERNATIVE = {"user": "app", "host": "10.0.0.5", "plugin": "unix_socket", "has_secret": 0, "native_form": 1}


def account(host: str = "10.0.0.5", plugin: str = "ed25519", **more: object) -> Account:
    return Account("app", host, (Method(plugin, has_secret=True),), **more)  # type: ignore[arg-type]


def test_a_row_of_mysql():
    found = mysql_account(MYSQL_ROW)
    assert (found.name, str(found), found.ssl_type, found.subject) == (
        "app@10.0.0.5",
        "'app'@'10.0.0.5'",
        "SPECIFIED",
        "/CN=app",
    )
    assert (found.password_changed, found.lifetime_days, found.failed_login_attempts, found.lock_days) == (
        1795379040,
        None,
        5,
        -1,
    )
    assert found.can_log_in
    assert not found.is_role
    assert not found.second_password


@pytest.mark.parametrize(
    ("change", "logs_in", "role"),
    [
        ({"account_locked": "Y"}, False, False),
        ({"account_locked": "Y", "has_secret": 0, "password_expired": "Y"}, False, True),
        ({"has_secret": 0}, True, False),
        ({"plugin": "mysql_no_login"}, False, False),
        ({"second_password": 1}, True, False),
    ],
)
def test_who_can_log_in_on_mysql(change, logs_in, role):
    found = mysql_account(MYSQL_ROW | change)
    assert (found.can_log_in, found.is_role) == (logs_in, role)


def test_a_second_factor_by_socket_keeps_an_account_off_the_network():
    found = mysql_account(MYSQL_ROW | {"factor_2": "auth_socket"})
    assert found.factors == ("auth_socket",)
    assert not found.over_tcp(names_resolved=True)


def test_alternatives_of_mariadb_count_one_by_one():
    found = mariadb_account(MARIADB_ROW, [ALTERNATIVE, ALTERNATIVE | {"plugin": "mysql_native_password"}])
    assert [m.plugin for m in found.methods] == ["ed25519", "unix_socket", "mysql_native_password"]
    assert [m.has_secret for m in found.password_methods] == [True, False]
    assert found.over_tcp(names_resolved=False)


@pytest.mark.parametrize(
    ("change", "logs_in"),
    [
        ({"plugin": "mysql_native_password", "native_form": 0}, False),  # USING 'invalid'
        ({"plugin": "mysql_native_password", "native_form": 1}, True),
        ({"plugin": None, "native_form": 1, "has_secret": 0}, True),
        ({"is_role": "1", "host": ""}, False),
        ({"account_locked": "true"}, False),
        ({"account_locked": "1"}, False),
    ],
)
def test_who_can_log_in_on_mariadb(change, logs_in):
    assert mariadb_account(MARIADB_ROW | change).can_log_in is logs_in


@pytest.mark.parametrize(
    ("written", "days", "changed", "expired"),
    [(None, None, "9", False), ("-1", None, "9", False), ("0", 0, "9", False), ("60", 60, "0", True)],
)
def test_password_lifetime_of_mariadb(written, days, changed, expired):
    found = mariadb_account(MARIADB_ROW | {"password_lifetime": written, "changed": changed})
    assert (found.lifetime_days, found.expired, found.password_changed) == (
        days,
        expired,
        9 if changed == "9" else None,
    )


@pytest.mark.parametrize(("written", "meant"), [(None, ""), ("0", ""), ("1", "ANY"), ("2", "X509"), ("3", "SPECIFIED")])
def test_ssl_type_of_mariadb(written, meant):
    assert mariadb_account(MARIADB_ROW | {"ssl_type": written}).ssl_type == meant


@pytest.mark.parametrize(
    ("host", "plugin", "names_resolved", "over_tcp"),
    [
        ("localhost", "ed25519", True, True),
        ("localhost", "ed25519", False, False),
        ("LOCALHOST", "ed25519", False, False),
        ("127.0.0.1", "ed25519", False, True),
        ("%", "ed25519", False, True),
        ("", "ed25519", False, True),
        ("%", "unix_socket", True, False),
        ("%", "auth_socket", True, False),
    ],
)
def test_who_can_log_in_over_tcp(host, plugin, names_resolved, over_tcp):
    assert account(host, plugin).over_tcp(names_resolved=names_resolved) is over_tcp


def looks(*rows, engine="mysql", me="app@10.0.0.5", **variables):
    table = "mysql.user" if engine == "mysql" else "mysql.global_priv ORDER"
    return Sql(variables, {table: rows, "CURRENT_USER": [{"account": me}], "JSON_TABLE": [ALTERNATIVE]})


def test_alternatives_are_asked_for_only_where_there_are_some():
    assert len(accounts(looks(MARIADB_ROW, engine="mariadb"), "mariadb")[0].methods) == 1
    assert len(accounts(looks(MARIADB_ROW | {"alternatives": 2}, engine="mariadb"), "mariadb")[0].methods) == 2


@pytest.mark.parametrize("rows", [(), (MYSQL_ROW | {"user": "other"},)])
def test_tables_that_do_not_show_their_reader_are_not_believed(rows):
    with pytest.raises(Indeterminate, match="which reads them"):
        accounts(looks(*rows), "mysql")


def test_an_empty_list_is_no_pass():
    locked = looks(MYSQL_ROW | {"account_locked": "Y"}, skip_name_resolve="ON")
    with pytest.raises(Indeterminate, match="nobody can log in,"):
        login_accounts(locked, "mysql")
    with pytest.raises(Indeterminate, match="over TCP"):
        network_accounts(looks(MYSQL_ROW | {"host": "localhost"}, me="app@localhost", skip_name_resolve="ON"), "mysql")
    with pytest.raises(Indeterminate, match="skip_name_resolve"):
        network_accounts(looks(MYSQL_ROW), "mysql")
    assert network_accounts(looks(MYSQL_ROW, skip_name_resolve="OFF"), "mysql")


def test_exemptions_name_whole_accounts():
    found = (account("Db1.example"), account("10.0.0.5"))
    assert [each.host for each in without(found, ("app@db1.EXAMPLE", "App@10.0.0.5", "10.0.0.5"))] == ["10.0.0.5"]
    assert without(found, ()) == found


def test_long_lists_are_cut():
    assert listed("abcdefgh") == "a, b, c, d, e, f and 2 more"
    assert str(account("evil\x1b[2J")) == "'app'@'evil\\x1b[2J'"


@pytest.mark.parametrize(
    ("host", "address", "inside"),
    [
        ("10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.50", False),
        ("10.0.0.%", "10.0.0.77", True),
        ("10.0.0._", "10.0.0.77", False),
        ("10.0.0.0/255.255.255.0", "10.0.0.77", True),
        ("10.0.0.0/24", "10.0.1.77", False),
        ("10.0.0.0/nonsense", "10.0.0.1", False),
        ("2001:DB8::1", "2001:db8::1", True),
        ("10\\%", "10.0.0.1", False),
        ("", "10.0.0.1", True),
    ],
)
def test_what_a_host_part_covers(host, address, inside):
    assert covers(host, address) is inside


@pytest.mark.parametrize(
    ("host", "wide"),
    [
        ("%", True), ("", True), ("%%", True), ("%.%", True), ("_%", True), ("%:%", True), ("0.0.0.0/0.0.0.0", True),
        ("0.0.0.0/0", True), ("::/0", True), ("10.%", False), ("%.example.org", False), ("localhost", False),
        ("10.0.0.0/255.0.0.0", False), ("127.0.0.1", False), ("192.%", False),
    ],
)  # fmt: skip
def test_what_is_open_to_everybody(host, wide):
    assert open_to_everybody(host) is wide


@pytest.mark.parametrize(
    ("in_force", "hidden"),
    [
        (["'app'@'10.0.0.5'", "'o'neil'@'%.Example'"], ()),
        (
            ["'app'@'10.0.0.5'", "'o'neil'@'%.Example'", "'ghost'@'%'", "''@'localhost'"],
            ("''@'localhost'", "'ghost'@'%'"),
        ),
        (["'app'@'10.0.0.5'", "'APP'@'10.0.0.5'"], ("'APP'@'10.0.0.5'",)),
        (["'app'@'10.0.0.5'"], None),
    ],
)
def test_an_account_in_force_that_no_table_holds_is_seen(in_force, hidden):
    tables = {
        "mysql.user ORDER": [MYSQL_ROW, MYSQL_ROW | {"user": "o'neil", "host": "%.example"}],
        "CURRENT_USER": [{"account": "app@10.0.0.5"}],
        "USER_PRIVILEGES": [{"grantee": grantee} for grantee in in_force],
    }
    sql = Sql({}, tables)
    if hidden is None:
        with pytest.raises(Indeterminate, match="do not show"):
            unlisted(sql, "mysql")
        return
    assert unlisted(sql, "mysql") == hidden
    if hidden:
        with pytest.raises(Indeterminate, match="tables do not hold"):
            accounts(sql, "mysql")
    else:
        assert len(accounts(sql, "mysql")) == 2

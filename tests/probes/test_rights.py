"""The engine of effective privileges, and its readers, over facts, tables and SHOW GRANTS made by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probes.looks import Sql

from proofs.errors import Indeterminate
from proofs.probes.rights.facts import Facts, Grant, Proxy, Scope
from proofs.probes.rights.paths import Rights, Stored
from proofs.probes.rights.patterns import fits, speaks_of, specificity
from proofs.probes.rights.serverwide import effective_privileges
from proofs.probes.rights.sessions import SERVER, Session, Thing
from proofs.probes.rights.shown import parse, unquoted
from proofs.probes.rights.vocabulary import MARIADB_BITS, MAY_PROXY_ANYBODY, STATIC, WRITES_GRANT_TABLES

APP, DDL, KEEPER, ROOT = ("app", "10.0.0.5"), ("ddl", "%"), ("keeper", "%"), ("root", "localhost")
EVENTS = Thing("table", "securedb", "audit_events")


def grant(holder, privileges, level="server", schema="", name="", column="", kind=""):
    return Grant(holder, Scope(level, schema, name, column, kind), frozenset(privileges.split(", ")))


def facts(*grants, engine="mysql", **more):
    return Facts(engine, (APP, DDL, KEEPER, ROOT), grants, **more)


def told(found, action, thing, account=APP, stored=()):
    return [str(path) for path in Rights(found, stored).paths(account, action, thing)]


def test_a_path_is_told_step_by_step():
    found = facts(grant(DDL, "DROP", "schema", "securedb"), members={APP: (DDL,)})
    assert told(found, "TRUNCATE", EVENTS) == ["app → role ddl → DROP on securedb.* → TRUNCATE securedb.audit_events"]


def test_roles_of_roles_and_mandatory_roles_are_followed():
    nested = facts(grant(KEEPER, "DELETE", "table", "securedb", "audit_events"), members={APP: (DDL,), DDL: (KEEPER,)})
    assert told(nested, "DELETE", EVENTS) == ["app → role ddl → role keeper → DELETE on securedb.audit_events"]
    mandatory = facts(grant(DDL, "DELETE", "schema", "secure%"), mandatory=(DDL,))
    assert told(mandatory, "DELETE", EVENTS) == [
        "app → mandatory role ddl → DELETE on secure%.* → DELETE securedb.audit_events"
    ]


def test_public_is_everybodys():
    found = Facts("mariadb", (APP, ("PUBLIC", "")), (grant(("PUBLIC", ""), "SELECT", "schema", "securedb"),))
    assert told(found, "SELECT", EVENTS) == ["app → PUBLIC → SELECT on securedb.* → SELECT securedb.audit_events"]


def test_a_column_is_enough():
    found = facts(grant(APP, "UPDATE", "column", "securedb", "audit_events", "payload"))
    assert told(found, "UPDATE", EVENTS) == [
        "app → UPDATE (payload) on securedb.audit_events → UPDATE securedb.audit_events"
    ]
    assert "UPDATE" not in Session(found, APP).held(EVENTS, columns=False)


def test_an_action_may_ask_for_more_than_one_privilege():
    drop, alter = (grant(APP, each, "table", "securedb", "audit_events") for each in ("DROP", "ALTER"))
    assert not told(facts(drop), "RENAME", EVENTS)
    assert told(facts(drop, alter), "RENAME", EVENTS)


def test_proxies_and_definers_are_followed_and_named():
    proxied = facts(grant(KEEPER, "DELETE", "schema", "securedb"), proxies=(Proxy(APP, KEEPER),))
    assert told(proxied, "DELETE", EVENTS)[0].startswith("app → proxy for 'keeper'@'%' → DELETE on securedb.*")
    call = grant(APP, "EXECUTE", "routine", "securedb", "purge", kind="PROCEDURE")
    rights = facts(call, grant(KEEPER, "DELETE", "schema", "securedb"))
    purge = Stored("PROCEDURE", "securedb", "purge", KEEPER)
    (path,) = Rights(rights, (purge,)).paths(APP, "DELETE", EVENTS)
    assert path.through == (purge,)
    assert str(path) == (
        "app → EXECUTE on PROCEDURE securedb.purge → procedure securedb.purge as its definer 'keeper'@'%'"
        " → DELETE on securedb.* → DELETE securedb.audit_events"
    )


def test_each_stored_object_is_a_path_of_its_own():
    calls = [grant(APP, "EXECUTE", "routine", "securedb", name, kind="PROCEDURE") for name in ("one", "two")]
    found = facts(*calls, grant(KEEPER, "DELETE", "schema", "securedb"))
    stored = tuple(Stored("PROCEDURE", "securedb", name, KEEPER) for name in ("one", "two"))
    assert [path.through[0].name for path in Rights(found, stored).paths(APP, "DELETE", EVENTS)] == ["one", "two"]


@pytest.mark.parametrize("power", ["CREATE USER", "SUPER", "SET_ANY_DEFINER", "ROLE_ADMIN"])
def test_who_can_become_anybody_can_do_anything(power):
    (path,) = Rights(facts(grant(APP, power))).paths(APP, "TRUNCATE", EVENTS)
    assert path.administrator
    assert str(path) == f"app → {power} on *.* → any other account → TRUNCATE securedb.audit_events"


def test_who_writes_the_grant_tables_can_do_anything():
    found = facts(grant(APP, "UPDATE", "table", "mysql", "tables_priv"))
    assert "UPDATE on mysql.tables_priv → any other account" in told(found, "DROP", EVENTS)[0]
    assert not told(facts(grant(APP, "UPDATE", "table", "mysql", "help_topic")), "DROP", EVENTS)


def test_partial_revokes_take_from_the_global_grant_alone():
    found = facts(grant(APP, "SELECT, DELETE"), revoked={APP: {"securedb": frozenset(("SELECT",))}})
    assert not told(found, "SELECT", EVENTS)
    assert told(found, "DELETE", EVENTS)
    assert told(found, "SELECT", Thing("table", "other", "t"))


def test_a_proxy_of_himself_and_a_circle_of_roles_end():
    found = facts(proxies=(Proxy(APP, APP),), members={DDL: (KEEPER,), KEEPER: (DDL,), APP: (DDL,)})
    assert not told(found, "SELECT", EVENTS)


@pytest.mark.parametrize(
    ("pattern", "schema", "yes"),
    [
        ("securedb", "securedb", True), ("secure%", "securedb", True), ("secure__", "securedb", True),
        (r"secure\_db", "secure_db", True), (r"secure\_db", "securexdb", False), ("secure_db", "securexdb", True),
        (r"secure\%", "securedb", False), (r"secure\%", "secure%", True), ("%", "", True), ("", "securedb", False),
        ("SecureDB", "securedb", False), ("a.b", "axb", False), ("a%\n", "ab\n", True),
    ],
)  # fmt: skip
def test_wildcards_and_escapes(pattern, schema, yes):
    assert fits(pattern, schema) is yes


@given(st.text(max_size=12))
def test_a_name_with_its_signs_escaped_means_itself_alone(name):
    pattern = "".join("\\" + sign if sign in "%_\\" else sign for sign in name)
    assert fits(pattern, name)
    assert not fits(pattern, name + "x")
    assert specificity(pattern, "mysql") == ((2, 0) if name else (0, 0))


@pytest.mark.parametrize(
    ("holder", "account", "yes"),
    [
        (("app", "10.0.0.5"), APP, True), (("app", "%"), APP, True), (("", "%"), APP, True), (("", ""), APP, True),
        (("app", "10.0.0.0/255.255.255.0"), APP, True), (("app", "10.0.0.6"), APP, False),
        (("other", "%"), APP, False), (("app", "10.0.0.6"), ("app", "10.0.0.%"), True),
        (("app", "10.0.0.%"), ("app", "10.%"), True), (("app", "HOST"), ("app", "host"), True),
    ],
)  # fmt: skip
def test_whose_a_row_is(holder, account, yes):
    assert speaks_of(holder, account) is yes


def test_the_order_of_patterns_differs_with_an_active_role():
    """Measured: without a role the most specific row counts, with one the pattern that sorts first."""
    narrow, wide = grant(APP, "SELECT", "schema", r"secure\_%"), grant(APP, "INSERT", "schema", "s%")
    found = facts(narrow, wide, members={APP: (DDL,)})
    thing = Thing("schema", "secure_db")
    assert set(Session(found, APP).held(thing)) == {"SELECT"}
    assert set(Session(found, APP, (DDL,)).held(thing)) == {"INSERT"}


def test_bits_of_mariadb_stand_where_its_source_has_them():
    assert {name: MARIADB_BITS.index(name) for name in ("SUPER", "CREATE USER", "SET USER", "SLAVE MONITOR")} == {
        "SUPER": 15, "CREATE USER": 25, "SET USER": 30, "SLAVE MONITOR": 38,
    }  # fmt: skip


EMPTY = {"_PRIVILEGES": [], "mysql.global_grants": [], "mysql.db": [], "mysql.tables_priv": [],
    "mysql.columns_priv": [], "mysql.procs_priv": [], "mysql.role_edges": [], "mysql.roles_mapping": [],
    "mysql.proxies_priv": []}  # fmt: skip


def mysql_tables(**more):
    row = {column.lower(): "N" for column in (*STATIC, "Create_role_priv", "Drop_role_priv")} | {"restrictions": None}
    users = [
        row | {"user": "app", "host": "%"},
        row | {"user": "keeper", "host": "%", "create_user_priv": "Y"},
        row | {"user": "root", "host": "localhost", "super_priv": "Y"},
    ]
    return {**EMPTY, **more, "FROM mysql.user": more.get("users", users)}


@pytest.mark.parametrize(
    ("tables", "variables", "held"),
    [
        ({}, {}, {}),
        (
            {"mysql.role_edges": [{"to_user": "app", "to_host": "%", "from_user": "keeper", "from_host": "%"}]},
            {},
            {"CREATE USER": "by role keeper → CREATE USER on *.*"},
        ),
        (
            {},
            {"mandatory_roles": "`keeper`@`%`,other"},
            {"CREATE USER": "by mandatory role keeper → CREATE USER on *.*"},
        ),
        (
            {"mysql.global_grants": [{"user": "app", "host": "%", "priv": "role_admin"}]},
            {},
            {"ROLE_ADMIN": "by ROLE_ADMIN on *.*"},
        ),
        (
            {"mysql.db": [{"user": "app", "host": "%", "db": "mysql", "insert_priv": "Y"}]},
            {},
            {WRITES_GRANT_TABLES: "by INSERT on mysql.*"},
        ),
        (
            {"mysql.db": [{"user": "", "host": "", "db": "m%", "update_priv": "Y"}]},
            {},
            {WRITES_GRANT_TABLES: "by UPDATE on m%.*"},
        ),
        ({"mysql.db": [{"user": "other", "host": "%", "db": "mysql", "update_priv": "Y"}]}, {}, {}),
        (
            {"mysql.proxies_priv": [{"user": "app", "host": "%", "proxied_user": "root", "proxied_host": "localhost"}]},
            {},
            {"SUPER": "by proxy for 'root'@'localhost' → SUPER on *.*"},
        ),
        (
            {"mysql.proxies_priv": [{"user": "app", "host": "%", "proxied_user": "", "proxied_host": ""}]},
            {},
            {MAY_PROXY_ANYBODY: "by PROXY of any account"},
        ),
    ],
)
def test_effective_privileges_of_mysql(tables, variables, held):
    assert effective_privileges(Sql(variables, mysql_tables(**tables)), "mysql")["app", "%"] == held


@pytest.mark.parametrize(
    ("restrictions", "writes"),
    [
        (None, True),
        ('[{"Database": "mysql", "Privileges": ["INSERT"]}]', True),
        ('[{"Database": "mysql", "Privileges": ["INSERT", "UPDATE"]}]', False),
        ('[{"Database": "sales", "Privileges": ["INSERT", "UPDATE"]}]', True),
    ],
)
def test_partial_revokes_keep_off_the_grant_tables(restrictions, writes):
    row = mysql_tables()["FROM mysql.user"][0]
    users = [row | {"insert_priv": "Y", "update_priv": "Y", "restrictions": restrictions}]
    found = effective_privileges(Sql({}, mysql_tables(users=users)), "mysql")["app", "%"]
    assert (WRITES_GRANT_TABLES in found) is writes


def test_privileges_in_memory_count_beside_those_of_the_tables():
    held = [
        {"grantee": "'app'@'%'", "privilege": "SYSTEM_VARIABLES_ADMIN"},
        {"grantee": "'app'@'%'", "privilege": "USAGE"},
        {"grantee": "'keeper'@'%'", "privilege": "INSERT"},
    ]
    found = effective_privileges(Sql({}, {"USER_PRIVILEGES": held, **mysql_tables()}), "mysql")
    assert found["app", "%"] == {"SYSTEM_VARIABLES_ADMIN": "by SYSTEM_VARIABLES_ADMIN on *.*"}
    assert WRITES_GRANT_TABLES in found["keeper", "%"]


def test_everybody_has_what_mariadb_grants_to_public():
    tables = EMPTY | {
        "mysql.global_priv": [
            {"user": "app", "host": "%", "access": "0"},
            {"user": "keeper", "host": "", "access": str(1 << 25)},
            {"user": "PUBLIC", "host": "", "access": "0"},
        ],
        "mysql.roles_mapping": [{"user": "PUBLIC", "host": "", "role": "keeper"}],
    }
    found = effective_privileges(Sql({}, tables), "mariadb")["app", "%"]
    assert found == {"CREATE USER": "by PUBLIC → role keeper → CREATE USER on *.*"}


NAMES = st.text(min_size=1, max_size=16).filter(lambda name: name.strip() and "\0" not in name)


def ticked(name):
    return "`" + name.replace("`", "``") + "`"


@given(NAMES, NAMES, NAMES, NAMES, NAMES)
def test_hostile_names_come_through_show_grants(user, host, schema, table, column):
    to = f"TO {ticked(user)}@{ticked(host)}"
    lines = [
        f"GRANT USAGE ON *.* {to}",
        f"GRANT SELECT, CREATE TEMPORARY TABLES ON {ticked(schema)}.* {to} WITH GRANT OPTION",
        f"GRANT SELECT ({ticked(column)}, {ticked(table)}), DELETE ON {ticked(schema)}.{ticked(table)} {to}",
        f"GRANT EXECUTE, ALTER ROUTINE ON PROCEDURE {ticked(schema)}.{ticked(table)} {to}",
        f"GRANT {ticked(table)}@{ticked(host)} {to}",
        f"GRANT PROXY ON {ticked(table)}@{ticked(host)} {to}",
        f"REVOKE INSERT ON {ticked(schema)}.* FROM {ticked(user)}@{ticked(host)}",
    ]
    key = (user, host)
    shown = parse(lines, key)
    held = {(each.scope, privilege) for each in shown.grants for privilege in each.privileges}
    assert held == {
        (Scope("schema", schema), "SELECT"), (Scope("schema", schema), "CREATE TEMPORARY TABLES"),
        (Scope("schema", schema), "GRANT OPTION"), (Scope("column", schema, table, column), "SELECT"),
        (Scope("column", schema, table, table), "SELECT"), (Scope("table", schema, table), "DELETE"),
        (Scope("routine", schema, table, kind="PROCEDURE"), "EXECUTE"),
        (Scope("routine", schema, table, kind="PROCEDURE"), "ALTER ROUTINE"),
    }  # fmt: skip
    assert all(each.holder == key for each in shown.grants)
    assert shown.roles == [(table, host)]
    assert shown.proxies == [Proxy(key, (table, host))]
    assert shown.revoked == {schema: frozenset(("INSERT",))}


@given(NAMES)
def test_a_quoted_name_is_read_back(name):
    assert unquoted(ticked(name)) == name
    assert unquoted("'" + name.replace("\\", "\\\\").replace("'", "''") + "'") == name


def test_all_privileges_and_dynamic_ones_are_understood():
    shown = parse(["GRANT ALL PRIVILEGES ON `s`.* TO `app`@`%`", "GRANT ROLE_ADMIN ON *.* TO `app`@`%`"], ("app", "%"))
    assert {"DROP", "TRIGGER"} <= shown.grants[0].privileges
    assert shown.grants[1].privileges == {"ROLE_ADMIN"}


@pytest.mark.parametrize("line", ["", "SELECT 1", "GRANT SELECT", "GRANT SELECT ON x TO y", "GRANT SELECT ON `a`.`b`"])
def test_what_is_not_understood_is_in_doubt(line):
    with pytest.raises(Indeterminate, match="not understood"):
        parse([line], ("app", "%"))


def test_an_account_that_is_not_there_is_in_doubt():
    with pytest.raises(Indeterminate, match=r"no account 'app'@'10\.0\.0\.6'"):
        Rights(facts()).paths(("app", "10.0.0.6"), "SELECT", EVENTS)
    with pytest.raises(Indeterminate, match="no account"):
        Rights(facts()).serverwide(("app", "10.0.0.6"))
    assert Rights(facts(grant(ROOT, "SELECT"))).paths(("root", "LOCALHOST"), "SELECT", EVENTS)


def test_serverwide_ignores_definers():
    found = facts(grant(APP, "EXECUTE", "schema", "s"), grant(ROOT, "SUPER"))
    assert not Rights(found, (Stored("FUNCTION", "s", "f", ROOT),)).serverwide(APP)
    assert Session(found, ROOT).held(SERVER)

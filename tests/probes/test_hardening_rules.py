"""The judgements of the hardening probes, as tables."""

from __future__ import annotations

import hashlib

import pytest
from probes.looks import Sql, target

from proofs.channels.sql.credentials import PUBLISHED
from proofs.probes.account_types import Account
from proofs.probes.hardening import test_runtime_variables as variables
from proofs.probes.hardening.option_files import server_options
from proofs.probes.hardening.rules import (
    Drift,
    agree,
    compiled_version,
    drifts,
    forgotten,
    missing_modes,
    on,
    unapproved,
    unconfined,
)
from proofs.probes.hardening.test_default_credentials import NATIVE_HASHES

APART = ("/var/lib/mysql/", "/usr/lib/mysql/plugin/", "/etc/mysql/tls", None, "relative")


@pytest.mark.parametrize(
    ("value", "engine", "allowed", "reason"),
    [
        (None, "mysql", (), None),
        ("NULL", "mysql", (), None),
        (None, "mariadb", (), "anywhere"),
        ("NULL", "mariadb", (), "absolute"),
        ("", "mysql", (), "anywhere"),
        ("", "mariadb", (), "anywhere"),
        ("/var/lib/mysql-files/", "mysql", (), None),
        ("/var/lib/mysql-files", "mysql", ("/var/lib/mysql-files/",), None),
        ("/srv/other/", "mysql", ("/var/lib/mysql-files/",), "allowed"),
        ("/tmp/", "mysql", (), "of its own"),
        ("/", "mysql", (), "of its own"),
        ("//tmp/../tmp/", "mysql", (), "of its own"),
        ("files", "mysql", (), "absolute"),
        ("/var/lib/mysql/files/", "mysql", (), "overlaps"),
        ("/usr/lib/mysql/", "mysql", (), "overlaps"),
        ("/etc/mysql/tls/", "mysql", (), "overlaps"),
        ("/srv/mysql-files/", "mysql", (), None),
        ("/etc/cron.d/", "mysql", (), "among the system's files"),
        ("/root/.ssh", "mariadb", (), "among the system's files"),
        ("/etcetera/", "mysql", (), None),
    ],
)
def test_unconfined(value, engine, allowed, reason):
    found = unconfined(value, engine, apart_from=APART, allowed=allowed)
    assert (found is None) == (reason is None)
    assert reason is None or reason in found


@pytest.mark.parametrize(
    ("one", "other", "name", "same"),
    [
        ("ON", "1", "", True),
        ("OFF", "off", "", True),
        ("ON", "OFF", "", False),
        ("8388608", "8M", "", True),
        ("2", "STRONG", "validate_password.policy", True),
        ("MEDIUM", "STRONG", "validate_password.policy", False),
        ("/srv/files/", "/srv/files", "secure_file_priv", True),
        ("TLSv1.2,TLSv1.3", "TLSv1.3,TLSv1.2", "tls_version", True),
        ("TLSv1.3", "TLSv1.2,TLSv1.3", "tls_version", False),
        ("A:B", "B:A", "tls_ciphersuites", True),
        ("", None, "", True),
        ("99", "100", "", False),
        ("STRICT_TRANS_TABLES,STRICT_ALL_TABLES,TRADITIONAL", "TRADITIONAL", "sql_mode", True),
        ("", "STRICT_ALL_TABLES", "sql_mode", False),
        ("STRICT_ALL_TABLES", "", "sql_mode", False),
    ],
)
def test_agree(one, other, name, same):
    assert agree(one, other, name) is same


@pytest.mark.parametrize(
    ("value", "options", "finding"),
    [
        (Drift("ON", False, None), None, None),
        (Drift("ON", True, None), None, "nowhere kept"),
        (Drift("ON", True, None), {"x": "ON"}, None),
        (Drift("ON", True, None), {"y": "ON"}, "nowhere kept"),
        (Drift("ON", False, None), {"x": "OFF"}, "in the option files"),
        (Drift("ON", False, None), {"skip_x": "ON"}, "in the option files"),
        (Drift("ON", True, "ON"), None, None),
        (Drift("ON", True, "ON"), {"x": "OFF"}, None),
        (Drift("ON", False, "OFF"), {"x": "ON"}, "persisted"),
        (Drift(None, False, "OFF"), None, "persisted"),
    ],
)
def test_drifts(value, options, finding):
    found = drifts({"x": value}, options)
    assert len(found) == (finding is not None)
    assert finding is None or finding in found[0]


def test_server_options_are_those_of_the_groups_a_server_reads():
    first = "[client]\nlocal-infile=1\n[mysqld]\nlocal-infile = OFF # why\n!includedir /x\nskip-name-resolve\n"
    second = "; note\n[mariadb-10.11]\nloose-local_infile='ON'\n[mysqldump]\nsql_mode=X\n"
    assert server_options([first]) == {"local_infile": "OFF", "skip_name_resolve": "ON"}
    assert server_options([first, second])["local_infile"] == "ON"
    assert "sql_mode" not in server_options([second])
    switched = "[mysqld]\nlocal_infile=OFF\nenable-local-infile\nssl\nloose-disable-ssl\n"
    assert server_options([switched]) == {"local_infile": "ON", "ssl": "OFF"}


@pytest.mark.parametrize(
    ("value", "options", "gone"),
    [
        (Drift("ON", False, None, from_file=True), {"y": "ON"}, ["x"]),
        (Drift("ON", False, None, from_file=True), {"x": "ON"}, []),
        (Drift("ON", False, None, from_file=True), {"skip_x": "ON"}, []),
        (Drift("ON", False, None, from_file=True), None, []),
        (Drift("ON", False, "ON", from_file=True), {"y": "ON"}, []),
        (Drift("ON", False, None), {"y": "ON"}, []),
    ],
)
def test_a_value_whose_line_is_gone_is_in_doubt(value, options, gone):
    assert forgotten({"x": value}, options) == gone


@pytest.mark.parametrize(
    ("interface", "version"),
    [("101119.0", "10.11.19"), ("90704.0", "9.7.4"), ("80409.0", "8.4.9"), ("", None), ("x", None), ("2.0", None)],
)
def test_compiled_version(interface, version):
    assert compiled_version(interface) == version


def test_small_rules():
    assert [on(v) for v in ("ON", "0", "maybe", None)] == [True, False, None, None]
    assert missing_modes("ONLY_FULL_GROUP_BY,strict_all_tables", ("STRICT_ALL_TABLES", "NO_ZERO_DATE")) == [
        "NO_ZERO_DATE"
    ]
    assert missing_modes("", ("STRICT_ALL_TABLES",)) == ["STRICT_ALL_TABLES"]
    assert unapproved(["A", "b", "c", "c"], ["a", "B"]) == ["c"]


def test_hashes_are_those_of_the_published_passwords():
    def native(password: str) -> str:
        return hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()

    assert sorted(NATIVE_HASHES) == sorted(map(native, PUBLISHED.values()))


@pytest.mark.parametrize(
    ("engine", "role", "definer"),
    [("mysql", ("dba", "%"), "dba@%"), ("mariadb", ("dba", ""), "dba"), ("mysql", ("dba", "%"), "app@10.0.0.5")],
)
def test_a_role_that_owns_a_routine_lends_its_privileges(monkeypatch, engine, role, definer):
    known = [Account("root", "localhost", ()), Account(*role, (), is_role=True)]
    held = {("root", "localhost"): {"SUPER": "granted"}, role: {"SUPER": "granted"}}
    monkeypatch.setattr(variables, "accounts", lambda *_: known)
    monkeypatch.setattr(variables, "effective_privileges", lambda *_: held)
    sql = Sql({}, {"routines": [{"definer": definer}], "triggers": [], "events": []})
    params = {"setting_privileges": ("SUPER",), "allowed_admins": ("root@localhost",)}
    if definer.startswith("dba"):
        with pytest.raises(AssertionError, match="'dba'@"):
            variables.test_only_administrators_may_set_variables(sql, target(engine), params)
    else:
        variables.test_only_administrators_may_set_variables(sql, target(engine), params)

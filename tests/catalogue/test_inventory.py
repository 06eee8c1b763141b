"""targets.yaml: selection, resolution, and every mistake found before anything is contacted."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofs.catalogue import load_catalogue, load_inventory, public_entry, target_from_entry
from proofs.errors import ConfigurationError
from proofs.model import SecretRef, Vantage
from proofs.resources import CONTROLS, TARGETS


@pytest.fixture
def catalogue(catalogue_data, write):
    return load_catalogue(write("controls.yaml", catalogue_data))


@pytest.fixture
def resolve(inventory_data, catalogue, write, tmp_path):
    def run(data=inventory_data, variables=None):
        inventory = load_inventory(write("targets.yaml", data))
        target = inventory.resolve("one", {"lab": str(tmp_path)} if variables is None else variables, catalogue)
        return inventory, target

    return run


def test_a_target_in_full(resolve, tmp_path):
    inventory, target = resolve()
    database = target.database
    assert (database.host, database.port, database.server_name) == ("127.0.0.1", 3307, "db.example")
    assert database.ca == str(tmp_path / "ca.pem")
    assert (database.admin_host, database.admin_port) == ("127.0.0.1", 33062)
    assert (database.x_host, database.x_port) == ("127.0.0.3", 33061)
    assert target.identities["inspector"].password == SecretRef("file", str(tmp_path / "pw"))
    assert target.identities["inspector"].keypair.key == str(tmp_path / "inspector.key")
    assert target.identities["operator"].password is None
    assert target.identities["operator"].via == "socket"
    assert target.vantages == {"here": Vantage("here"), "outside": Vantage("outside", "127.0.0.2")}
    assert target.parameters == {"first": {"limit": 7, "words": ("x", "y")}}
    assert (target.title, target.lab, target.connect_timeout_s) == ("one", "mysql", 2.0)
    assert target.allow_canary_writes
    assert not target.allow_lockout_probe
    assert (target.allow_ban_probe, target.ban_vantage) == (True, "outside")
    assert inventory.warnings == []


def test_other_vantages(inventory_data, resolve, tmp_path):
    (tmp_path / "at").write_text("40306\n")
    del inventory_data["targets"]["one"]["ban_vantage"]
    inventory_data["targets"]["one"]["vantages"] = {
        "cable": {"forwards": {"22": "[::1]:40022", "3306": {"file": "at"}}, "address": "10.0.0.9"},
        "bastion": {"through": "ssh://me@gate:2222", "identity_file": "k", "known_hosts": "h"},
    }
    _, target = resolve()
    assert target.vantages["cable"].forwards == {"22": "[::1]:40022", "3306": "127.0.0.1:40306"}
    files = (str(tmp_path / "k"), str(tmp_path / "h"))
    assert target.vantages["bastion"] == Vantage("bastion", None, {}, None, "ssh://me@gate:2222", *files)
    assert target_from_entry(json.loads(json.dumps(public_entry(target)))).vantages == target.vantages


@pytest.mark.parametrize("name", ["here", "moon"])
def test_who_may_not_be_banned(inventory_data, resolve, name):
    inventory_data["targets"]["one"]["ban_vantage"] = name
    with pytest.raises(ConfigurationError, match=f"ban_vantage: found '{name}', expected a vantage of this"):
        resolve()


def test_selectors(inventory_data, write):
    inventory_data["targets"]["two"] = copy.deepcopy(inventory_data["targets"]["one"])
    inventory_data["groups"]["both"] = ["two", "one"]
    inventory = load_inventory(write("targets.yaml", inventory_data))
    assert inventory.names(["one"]) == ["one"]
    assert inventory.names(["@both", "one"]) == ["two", "one"]
    assert inventory.names(["one,two", "@all"]) == ["one", "two"]
    assert inventory.entry("one")["lab"] == "mysql"
    with pytest.raises(ConfigurationError, match=r"found no 'tow', expected one of one, two, @all, @both; write two"):
        inventory.names(["tow"])
    with pytest.raises(ConfigurationError, match=r"found no '@bth'.*; write @both"):
        inventory.names(["@bth"])
    with pytest.raises(ConfigurationError, match="found no ''"):
        inventory.names([""])
    with pytest.raises(ConfigurationError, match="found no target selected"):
        inventory.names([])


ONE = ("targets", "one")
SCHEMA_CASES = [
    (("targets",), {}, "targets: found an empty mapping"),
    (("groups", "all", 0), "noone", "groups.all[0]: found 'noone', expected the name of a target"),
    (("targets", "a/b"), {}, "targets.a/b: found 'a/b', expected a name of letters"),
    (("targets", "../x"), {}, "expected a name of letters"),
    ((*ONE, "engine"), "postgres", "targets.one.engine: found 'postgres', expected one of mysql, mariadb"),
    ((*ONE, "engin"), "mysql", "targets.one.engin: found an unknown key"),
    ((*ONE, "database", "port"), 0, "targets.one.database.port: found 0, expected a port number"),
    ((*ONE, "database", "port"), 65536, "database.port: found 65536"),
    ((*ONE, "database", "port"), "3306", "database.port: found '3306', expected a whole number or a mapping"),
    ((*ONE, "database", "port"), {"flie": "x"}, "database.port.flie: found an unknown key, expected one of file, env"),
    ((*ONE, "database", "host"), "a b", "database.host: found 'a b', expected a host name or address"),
    ((*ONE, "database", "ca"), ..., "targets.one.database: found no key ca, expected ca: the PEM file of the CA"),
    ((*ONE, "identities", "inspector"), ..., "targets.one.identities: found no key inspector"),
    ((*ONE, "identities", "inspector", "user"), ..., "identities.inspector: found no key user"),
    (
        (*ONE, "identities", "inspector", "key"),
        ...,
        "certificate: found no key key beside it, expected both or neither",
    ),
    ((*ONE, "identities", "inspector", "password"), "hunter2", "password: found a literal value, expected a mapping"),
    ((*ONE, "identities", "inspector", "password"), "hunter2", "; store the secret elsewhere and refer to it"),
    ((*ONE, "identities", "inspector", "password"), 123456, "password: found a literal value, expected a mapping"),
    ((*ONE, "identities", "inspector", "password"), {"value": "hunter2"}, "password.value: found an unknown key"),
    (
        (*ONE, "identities", "inspector", "password"),
        {"command": "hunter2"},
        "command: found a literal value, expected a",
    ),
    ((*ONE, "identities", "inspector", "password"), {}, "password: found an empty mapping, expected a reference"),
    ((*ONE, "identities", "inspector", "password"), {"env": "A", "file": "B"}, "expected a reference"),
    ((*ONE, "identities", "inspector", "via"), "pipe", "via: found 'pipe', expected one of tcp, socket"),
    ((*ONE, "vantages", "outside", "forwards"), {"22": "40022"}, "forwards.22: found '40022', expected ADDRESS:PORT"),
    ((*ONE, "vantages", "outside", "forwards"), {"ssh": "127.0.0.1:1"}, "forwards.ssh: found 'ssh', expected a port n"),
    ((*ONE, "vantages", "outside", "through"), "ssh://a:pw@b", "through: found 'ssh://a:pw@b', expected a bastion"),
    ((*ONE, "vantages", "outside", "through"), "ssh://-oProxyCommand=x", "expected a bastion: ssh://"),
    (
        (*ONE, "host"),
        "safe-ssh://db",
        "targets.one.host: found 'safe-ssh://db', expected a host spec: local:// or ssh://",
    ),
    ((*ONE, "host"), "ftp://x", "targets.one.host: found 'ftp://x', expected a host spec: local:// or ssh://"),
    ((*ONE, "allow_canary_writes"), "yes", "allow_canary_writes: found 'yes', expected true or false"),
    ((*ONE, "run_timeout_s"), 0, "run_timeout_s: found 0, expected seconds (more than 0)"),
    ((*ONE, "names"), {"a": 5}, "targets.one.names.a: found 5, expected text"),
]


@pytest.mark.parametrize(("path", "value", "expected"), SCHEMA_CASES)
def test_mistakes_of_form(bend, inventory_data, write, path, value, expected):
    bend(inventory_data, path, value)
    with pytest.raises(ConfigurationError) as caught:
        load_inventory(write("targets.yaml", inventory_data))
    lines = str(caught.value).splitlines()
    assert any(expected in line for line in lines), lines
    assert "hunter2" not in str(caught.value)
    assert "123456" not in str(caught.value)


RESOLVE_CASES = [
    ((*ONE, "profile"), "al", "targets.one.profile: found 'al', expected a profile of the catalogue; write all"),
    ((*ONE, "database", "ca"), "none.pem", "database.ca: found no such file or directory at"),
    ((*ONE, "database", "crl"), "none.pem", "database.crl: found no such file or directory at"),
    ((*ONE, "database", "ca"), ".", "database.ca: found no ordinary file at"),
    ((*ONE, "database", "ca"), "port", "database.ca: found no PEM block in"),
    ((*ONE, "database", "ca"), "empty", "database.ca: found an empty file at"),
    ((*ONE, "database", "ca"), "~nobody-of-this-name/x", "expected a readable file; correct the path"),
    ((*ONE, "database", "ca"), "${NOT_SET_HERE}/x", "ca: found ${NOT_SET_HERE}, which is not set, expected"),
    ((*ONE, "database", "ca"), "${a b}/x", "expected ${NAME} with a variable's name"),
    ((*ONE, "database", "port"), {"file": "none"}, "database.port.file: found no such file or directory"),
    ((*ONE, "database", "port"), {"file": "ca.pem"}, "database.port.file: found '-----BEGI', expected a port number"),
    ((*ONE, "database", "port"), {"file": "zero"}, "port.file: found '0', expected a port number from 1 to 65535"),
    ((*ONE, "database", "port"), {"env": "NOT_SET_HERE"}, "database.port.env: found NOT_SET_HERE, which is not set"),
    ((*ONE, "database", "socket"), ..., "identities.operator.via: found socket, expected tcp, or a database.socket"),
    ((*ONE, "identities", "inspector", "key"), "none", "identities.inspector.key: found no such file"),
    ((*ONE, "identities", "inspector", "password", "file"), "none", "inspector.password.file: found no such file"),
    ((*ONE, "identities", "inspector", "password"), {"env": "NOT_SET_HERE"}, "password.env: found NOT_SET_HERE, which"),
    ((*ONE, "identities", "inspector", "password"), {"command": ["no-such-program"]}, "found no program no-such-progr"),
    ((*ONE, "certificates", "rogue", "certificate"), "none", "certificates.rogue.certificate: found no such file"),
    ((*ONE, "clients", 0, "path"), "none", "clients[0].path: found no such file"),
    (
        (*ONE, "vantages", "outside", "source_address"),
        "outside",
        "source_address: found 'outside', expected an IP addr",
    ),
    (
        (*ONE, "vantages", "outside", "through"),
        "ssh://gate",
        "vantages.outside: found source_address and through, expected one of them",
    ),
    (
        (*ONE, "vantages", "outside"),
        {"forwards": {"22": {"file": "zero"}}},
        "forwards.22.file: found '0', expected a port number from 1 to 65535",
    ),
    (
        (*ONE, "parameters"),
        {"frist": {"limit": 1}},
        "parameters.frist: found an unknown control, expected a control id",
    ),
    ((*ONE, "parameters"), {"first": {"limt": 1}}, "parameters.first.limt: found an unknown parameter"),
    ((*ONE, "parameters"), {"first": {"limit": "9"}}, "parameters.first.limit: found '9', expected a whole number"),
]


@pytest.mark.parametrize(("path", "value", "expected"), RESOLVE_CASES)
def test_mistakes_found_before_anything_is_contacted(bend, inventory_data, resolve, tmp_path, path, value, expected):
    (tmp_path / "empty").touch()
    (tmp_path / "zero").write_text("0")
    bend(inventory_data, path, value)
    with pytest.raises(ConfigurationError) as caught:
        resolve()
    lines = str(caught.value).splitlines()
    assert any(expected in line for line in lines), lines
    assert all(line.startswith(str(tmp_path / "targets.yaml") + ":") for line in lines)


def test_lab_variable_without_a_lab(inventory_data, resolve):
    with pytest.raises(ConfigurationError, match=r"found \$\{lab\} in a target without a lab"):
        resolve(variables={})


def test_environment_variables_and_dollars(inventory_data, resolve, monkeypatch, tmp_path):
    monkeypatch.setenv("WHERE", str(tmp_path))
    monkeypatch.setenv("PORT", "4000")
    one = inventory_data["targets"]["one"]
    one["database"]["ca"] = "${WHERE}/ca.pem"
    one["database"]["port"] = {"env": "PORT"}
    one["title"] = "costs 5$$ or $5"
    _, target = resolve()
    assert target.database.ca == str(tmp_path / "ca.pem")
    assert target.database.port == 4000
    assert target.title == "costs 5$ or $5"


def test_unwise_entries_are_warned_about_once(inventory_data, catalogue_data, write, tmp_path):
    (tmp_path / "inspector.key").chmod(0o644)
    (tmp_path / "pw").chmod(0o640)
    catalogue = load_catalogue(write("controls.yaml", catalogue_data))
    inventory = load_inventory(write("targets.yaml", inventory_data))
    inventory.resolve("one", {"lab": str(tmp_path)}, catalogue)
    inventory.resolve("one", {"lab": str(tmp_path)}, catalogue)
    assert len(inventory.warnings) == 2
    for part in (
        "inspector.key: mode 0644 lets others read this secret; chmod 600 it",
        "pw: mode 0640 lets others read this secret",
    ):
        assert any(part in warning for warning in inventory.warnings)
    assert all(warning.startswith("targets.yaml:") for warning in inventory.warnings)


def test_entry_round_trip(resolve):
    _, target = resolve()
    entry = json.loads(json.dumps(public_entry(target)))
    back = target_from_entry(entry)
    assert back.identities["inspector"].password == SecretRef("file", "")
    assert public_entry(back) == public_entry(target)
    for field in ("name", "database", "certificates", "vantages", "clients", "parameters", "names", "lab"):
        assert getattr(back, field) == getattr(target, field)


def test_entry_holds_no_secret_and_no_reference(inventory_data, resolve, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    identities = inventory_data["targets"]["one"]["identities"]
    identities["inspector"]["password"] = {"env": "DB_PASSWORD"}
    identities["app"] = {"user": "app", "host": "h", "password": {"command": ["echo", "--token=hunter2"]}}
    _, target = resolve()
    text = json.dumps(public_entry(target))
    assert "hunter2" not in text
    assert "DB_PASSWORD" not in text
    assert json.loads(text)["identities"]["app"]["password"] == "command"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bent_entry_is_read_or_refused(bend, leaves, anything, resolve, data):
    _, target = resolve()
    entry = json.loads(json.dumps(public_entry(target)))
    path = data.draw(st.sampled_from(list(leaves(entry))))
    bend(entry, path, data.draw(anything))
    try:
        public_entry(target_from_entry(entry))
    except ConfigurationError as error:
        assert all(line.startswith("inputs/target.json:1: ") for line in str(error).splitlines())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bent_inventory_resolves_or_says_why_in_lines(
    bend, leaves, anything, inventory_data, catalogue, write, tmp_path, data
):
    bent = copy.deepcopy(inventory_data)
    path = data.draw(st.sampled_from(list(leaves(bent))))
    bend(bent, path, data.draw(anything))
    file = write("bent.yaml", bent)
    try:
        inventory = load_inventory(file)
        for name in inventory.targets:
            inventory.resolve(name, {"lab": str(tmp_path)}, catalogue)
    except ConfigurationError as error:
        assert all(line.startswith(f"{file}:") for line in str(error).splitlines())


@pytest.mark.parametrize("sign", ["\x1e", "\x1b[2J", "\u2028", "\x85"])
def test_what_a_terminal_acts_on_is_spelled(bend, inventory_data, catalogue, write, tmp_path, sign):
    bend(inventory_data, (*ONE, "database", "crl"), f"none{sign}.pem")
    with pytest.raises(ConfigurationError) as caught:
        load_inventory(write("targets.yaml", inventory_data)).resolve("one", {"lab": str(tmp_path)}, catalogue)
    assert sign not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_shipped_inventory_is_well_formed():
    inventory = load_inventory(TARGETS)
    profiles = load_catalogue(CONTROLS).profiles
    for name in inventory.names(["@labs"]):
        assert inventory.entry(name)["lab"]
        assert inventory.entry(name)["profile"] in profiles

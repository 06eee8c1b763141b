"""The lab's data files: deployments and sabotages as shipped, and what is said about broken ones."""

import json
import string

import pytest
import yaml
from jsonschema import Draft202012Validator

from proofs import resources
from proofs.errors import ConfigurationError
from proofs.lab import build, deployment, material, sabotages
from proofs.lab.state import directory

GOOD = """\
- name: one
  title: One thing
  breaks: [a-control]
  sql: SELECT 1
"""


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_shipped_deployments_load_and_fill(engine):
    found = deployment.load(engine)
    assert found.engine == engine
    values = {
        "lab": "/run/lab",
        "issuer": "/CN=CA",
        **dict.fromkeys(("port", "admin_port", "x_port"), "1"),
        **{f"password:{identity}": "secret" for identity in (*found.identities, "operator")},
        **{f"subject:{identity}": f"/CN={user}" for identity, user in found.identities.items()},
    }
    options = build.server_options(found, values, {})
    assert options["ssl_key"] == "/run/lab/server/server.key"
    for text in (found.sql, found.client_options):
        assert "${" not in deployment.fill(text, values, deployment.sql_text)


def test_shipped_sabotages_fit_the_schema_and_the_material():
    schema = json.loads((resources.SCHEMAS / "sabotages.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    allowed = {kind: tuple(spec["enum"]) for kind, spec in schema["$defs"]["pki"]["properties"].items()}
    assert allowed == dict(material.VARIANTS)
    controls = {control["id"] for control in yaml.safe_load(resources.CONTROLS.read_text())["controls"]}
    found = sabotages.load()
    assert len(found) > 30
    assert {broken for sabotage in found.values() for broken in sabotage.breaks} <= controls
    for sabotage in found.values():
        assert set(sabotage.changes) <= {"mysql", "mariadb"}


def test_per_engine_changes_replace_common_ones(tmp_path):
    (tmp_path / "x.yaml").write_text(GOOD + "  mariadb: {sql: [SELECT 2, SELECT 3], options: {a: 1, b: null}}\n")
    one = sabotages.load(tmp_path)["one"]
    assert one.changes["mysql"].sql == ("SELECT 1",)
    assert one.changes["mariadb"].sql == ("SELECT 2", "SELECT 3")
    assert one.changes["mariadb"].options == {"a": "1", "b": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "  sqll: x\n", "x.yaml:1: [0]: Additional properties are not allowed ('sqll' was unexpected)"),
        (GOOD + "- name: two\n", "x.yaml:5: [1]: 'title' is a required property"),
        (GOOD + "  chmod:\n    a: 0644\n", "x.yaml:6: [0].chmod.a: 420 is not of type 'string'"),
        (GOOD + "  pki: {server: green}\n", "x.yaml:5: [0].pki.server: 'green' is not one of"),
        (GOOD + GOOD, "x.yaml:5: sabotage 'one' is already at"),
        (GOOD.replace("  sql: SELECT 1\n", ""), "x.yaml:1: sabotage 'one' changes nothing on mysql"),
        ("- name: [\n", "x.yaml:2: not YAML"),
    ],
)
def test_a_malformed_sabotage_is_named_by_file_and_line(tmp_path, text, words):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        sabotages.load(tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_sabotages(tmp_path):
    (tmp_path / "x.yaml").write_text(GOOD + "  engines: [mysql]\n")
    with pytest.raises(ConfigurationError, match="unknown sabotage 'two'; `proofs lab sabotages` lists them"):
        sabotages.find("two", "mysql", tmp_path)
    with pytest.raises(ConfigurationError, match="'one' is not for mariadb"):
        sabotages.find("one", "mariadb", tmp_path)


def test_unknown_deployment_names_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"no such file \(deployments here: mariadb, mysql\)"):
        deployment.load("oracle")


def test_fill_refuses_unknown_names_and_quotes():
    assert deployment.fill("'${a}'", {"a": "it's"}, deployment.sql_text) == "'it''s'"
    with pytest.raises(ConfigurationError, match=r"\$\{b\} is unknown; known: a"):
        deployment.fill("${b}", {"a": ""})
    with pytest.raises(ConfigurationError, match="backslash"):
        deployment.sql_text("a\\")


def test_options_change():
    options = deployment.parse_options("[mysqld]\n# c\na = 1\nskip_x\nb = c = d\n")
    assert options == {"a": "1", "skip_x": None, "b": "c = d"}
    assert deployment.changed(options, {"skip_x": None, "a": "2", "new": ""}) == {"a": "2", "b": "c = d", "new": ""}
    assert deployment.option_file("mysqld", options) == "[mysqld]\na = 1\nskip_x\nb = c = d\n"


def test_passwords_have_every_class():
    made = {build.new_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert len(password) == 28
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+="):
            assert set(kind) & set(password)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", "Lab", "x" * 41])
def test_lab_names_stay_inside(name):
    with pytest.raises(ConfigurationError, match="lab name"):
        directory(name)


def test_a_long_runtime_directory_is_refused(monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(ConfigurationError, match="too long for a unix socket"):
        directory("lab")


@pytest.mark.parametrize("target", ["lab", "lab-mariadb"])
def test_targets_name_only_what_the_lab_makes(target):
    entry = yaml.safe_load(resources.TARGETS.read_text())["targets"][target]
    found = deployment.load(entry["lab"])
    assert entry["engine"] == found.engine
    assert {i: spec["user"] for i, spec in entry["identities"].items()} == {
        **found.identities,
        "operator": found.operator,
    }

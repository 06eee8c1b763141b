"""controls.yaml: every mistake is one line that names its place and its remedy."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofs.catalogue import check_probes, load_catalogue
from proofs.errors import ConfigurationError


def errors_of(path):
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(path)
    return str(caught.value).splitlines()


def test_a_valid_catalogue_is_read_in_full(catalogue_data, write):
    catalogue = load_catalogue(write("controls.yaml", catalogue_data))
    first = catalogue.controls["first"]
    assert list(catalogue.controls) == ["first", "second"]
    assert first.mappings == {"nist-800-53r5": ("SC-8",), "cis-mysql-8.0": ("8.1",)}
    assert first.parameters["limit"].default == 5
    assert first.parameters["words"].default == ("a",)
    assert first.probes == ("transport/test_first.py::test_one", "transport/test_first.py::test_two")
    assert catalogue.profiles["all"].parameters == {"first": {"limit": 3}}
    assert catalogue.support[0].minimum == "8.4.3"
    assert catalogue.support_as_of.isoformat() == "2026-01-01"
    assert len(catalogue.sha256) == 64


CASES = [
    (("version",), 2, "version: found 2, expected 1; correct the value"),
    (("controls",), ..., "(top): found no key controls, expected controls: a list of controls; add controls"),
    (("extra",), 1, "extra: found an unknown key, expected one of version, support_table, controls, profiles; known:"),
    (
        ("controls", 0, "severity"),
        "hi",
        "controls[0].severity: found 'hi', expected one of high, medium, low; write high",
    ),
    (("controls", 0, "severity"), "hihg", "expected one of high, medium, low; write high"),
    (("controls", 0, "sevrity"), "low", "controls[0].sevrity: found an unknown key"),
    (("controls", 0, "sevrity"), "low", "; write severity"),
    (("controls", 0, "title"), ..., "controls[0]: found no key title, expected title: one line; add title"),
    (("controls", 0, "title"), 5, "controls[0].title: found 5, expected text (one line of text); put it in quotes"),
    (("controls", 0, "title"), "two\nlines", "controls[0].title: found 'two\\nlines', expected one line of text"),
    (("controls", 0, "id"), "First!", "controls[0].id: found 'First!', expected an id of small letters"),
    (("controls", 0, "id"), "first\n", "controls[0].id: found 'first\\n', expected an id of small letters"),
    (("controls", 1, "id"), "first", "controls[1].id: found 'first' again, expected each id once (first on line "),
    (("controls", 0, "engines"), [], "controls[0].engines: found an empty list, expected the engines it applies to"),
    (("controls", 0, "engines"), ["mysql", "mysql"], "controls[0].engines: found a list of 2, expected"),
    (("controls", 0, "engines", 1), "oracle", "controls[0].engines[1]: found 'oracle', expected one of mysql, mariadb"),
    (("controls", 0, "mappings"), {}, "controls[0].mappings: found an empty mapping, expected"),
    (("controls", 0, "mappings", "cci"), [], "controls[0].mappings.cci: found an empty list, expected a list of ids"),
    (("controls", 0, "mappings", "cci"), "CCI-1", "controls[0].mappings.cci: found 'CCI-1', expected a list"),
    (
        ("controls", 0, "mappings", "cci"),
        [8.1],
        "controls[0].mappings.cci[0]: found 8.1, expected text (an id, in quotes",
    ),
    (("controls", 0, "mappings", "A B"), ["x"], "controls[0].mappings.A B: found 'A B', expected a framework like"),
    (("controls", 0, "surface"), "clouds", "controls[0].surface: found 'clouds', expected one of transport, identity"),
    (("controls", 0, "surface"), "identity", "expected a probe of the surface identity; correct the folder"),
    (("controls", 0, "probes"), [], "controls[0].probes: found an empty list, expected the probes that prove it"),
    (("controls", 0, "probes", 0), "x.py::y", "controls[0].probes[0]: found 'x.py::y', expected a probe as surface/"),
    (
        ("controls", 0, "probes", 1),
        "transport/test_first.py::test_one",
        "controls[0].probes[1]: found transport/test_first.py::test_one again, expected each probe once; remove one",
    ),
    (("controls", 0, "parameters", "limit", "type"), "int", "expected one of integer, number, string, boolean"),
    (("controls", 0, "parameters", "limit", "default"), "5", "limit.default: found '5', expected a whole number"),
    (("controls", 0, "parameters", "limit", "default"), True, "limit.default: found true, expected a whole number"),
    (("controls", 0, "parameters", "words", "default"), "a", "words.default: found 'a', expected a list of texts"),
    (("controls", 0, "parameters", "words", "default"), [1], "words.default: found a list of 1, expected a list of"),
    (("controls", 0, "parameters", "least", "default"), {"a": 1}, "least.default: found a mapping, expected a mapping"),
    (("controls", 0, "parameters", "limit", "description"), ..., "limit: found no key description"),
    (("controls", 0, "parameters", "B-d"), {}, "parameters.B-d: found 'B-d', expected a name of small letters"),
    (("profiles", 0, "controls", 0), "frist", "profiles[0].controls[0]: found 'frist', expected the id of a control"),
    (("profiles", 0, "controls", 0), "frist", "; write first"),
    (("profiles", 0, "controls", 1), "first", "profiles[0].controls[1]: found 'first' again"),
    (("profiles", 0, "parameters"), {"zzz": {"a": 1}}, "profiles[0].parameters.zzz: found an unknown control"),
    (
        ("profiles", 0, "parameters", "first"),
        {"limt": 1},
        "first.limt: found an unknown parameter, expected one of first",
    ),
    (("profiles", 0, "parameters", "first"), {"limt": 1}, "; write limit"),
    (
        ("profiles", 0, "parameters", "first"),
        {"limit": "x"},
        "first.limit: found 'x', expected a whole number (integer)",
    ),
    (("profiles", 1, "parameters"), {"second": {"a": 1}}, "found a control outside the profile"),
    (("profiles", 1, "id"), "all", "profiles[1].id: found 'all' again, expected each id once (first on line"),
    (("support_table", "as_of"), "May 2026", "support_table.as_of: found 'May 2026', expected a date as YYYY-MM-DD"),
    (("support_table", "as_of"), "2026-02-30", "as_of: found '2026-02-30', expected a date of the calendar"),
    (("support_table", "series", 0, "series"), 8.4, "series[0].series: found 8.4, expected text"),
    (("support_table", "series", 0, "minimum"), "9.0.1", "minimum: found '9.0.1', expected a release of 8.4"),
    (("support_table", "series", 1), ..., None),
    (("controls",), {"first": 1}, "controls: found a mapping, expected a list"),
    (("controls", 0), "first", "controls[0]: found 'first', expected a mapping; correct the value"),
]


@pytest.mark.parametrize(("path", "value", "expected"), CASES)
def test_mistakes(bend, catalogue_data, write, path, value, expected):
    bend(catalogue_data, path, value)
    file = write("controls.yaml", catalogue_data)
    if expected is None:
        load_catalogue(file)
        return
    lines = errors_of(file)
    assert any(expected in line for line in lines), lines
    for line in lines:
        assert line.startswith(f"{file}:")
        assert line.removeprefix(f"{file}:").split(":")[0].isdigit()


def test_the_line_is_that_of_the_key(catalogue_data, write):
    catalogue_data["controls"][1]["severity"] = "hi"
    file = write("controls.yaml", catalogue_data)
    (line,) = errors_of(file)
    number = int(line.removeprefix(f"{file}:").split(":")[0])
    assert file.read_text().splitlines()[number - 1].strip() == "severity: hi"


def test_all_mistakes_at_once_but_bounded(catalogue_data, write):
    catalogue_data["controls"] = [
        {**copy.deepcopy(catalogue_data["controls"][0]), "severity": "x", "surface": "y"} for _ in range(30)
    ]
    lines = errors_of(write("controls.yaml", catalogue_data))
    assert len(lines) == 20
    assert lines[-1].endswith("more problems; mend these first")


def test_a_probe_belongs_to_one_control(catalogue_data, write):
    catalogue_data["controls"][1]["surface"] = "transport"
    catalogue_data["controls"][1]["probes"] = ["transport/test_first.py::test_two"]
    (line,) = errors_of(write("controls.yaml", catalogue_data))
    assert "controls[1].probes[0]: found transport/test_first.py::test_two, which first names too" in line


PROBES = {
    "transport/test_first.py::test_one",
    "transport/test_first.py::test_two",
    "identity/test_second.py::test_one",
}


def test_probes_that_fit(catalogue_data, write):
    check_probes(load_catalogue(write("controls.yaml", catalogue_data)), PROBES)


def test_probes_missing_and_orphaned(catalogue_data, write):
    file = write("controls.yaml", catalogue_data)
    catalogue = load_catalogue(file)
    present = (PROBES - {"transport/test_first.py::test_two"}) | {"transport/test_first.py::test_tow"}
    with pytest.raises(ConfigurationError) as caught:
        check_probes(catalogue, present)
    orphan, missing = str(caught.value).splitlines()
    assert "controls[0].probes[1]: found transport/test_first.py::test_two, which does not exist" in missing
    assert missing.endswith("write transport/test_first.py::test_tow")
    number = int(missing.removeprefix(f"{file}:").split(":")[0])
    assert file.read_text().splitlines()[number - 1].strip() == "- transport/test_first.py::test_two"
    assert "found no control that names transport/test_first.py::test_tow" in orphan


def test_probes_of_a_file_changed_since(catalogue_data, write):
    file = write("controls.yaml", catalogue_data)
    catalogue = load_catalogue(file)
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"controls\.yaml:1: .*which does not exist"):
        check_probes(catalogue, set())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bent_catalogue_loads_or_says_why_in_lines(bend, leaves, anything, catalogue_data, write, data):
    bent = copy.deepcopy(catalogue_data)
    path = data.draw(st.sampled_from(list(leaves(bent))))
    bend(bent, path, data.draw(anything))
    file = write("controls.yaml", bent)
    try:
        load_catalogue(file)
    except ConfigurationError as error:
        assert all(line.startswith(f"{file}:") for line in str(error).splitlines())

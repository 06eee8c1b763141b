"""Default < profile < target, and a record of each change."""

from __future__ import annotations

import json

import pytest

from proofs.catalogue import jsonable, load_catalogue, load_inventory, scope, tailor
from proofs.catalogue.tailor import without_effect
from proofs.errors import ConfigurationError


@pytest.fixture
def target_with(catalogue_data, inventory_data, write, tmp_path):
    def make(parameters):
        catalogue = load_catalogue(write("controls.yaml", catalogue_data))
        inventory_data["targets"]["one"]["parameters"] = parameters
        inventory = load_inventory(write("targets.yaml", inventory_data))
        return catalogue, inventory.resolve("one", {"lab": str(tmp_path)}, catalogue)

    return make


RECORD = {"control": "first", "parameter": "limit", "default": 5}


@pytest.mark.parametrize(
    ("profile", "parameters", "limit", "records"),
    [
        ("some", {}, 5, []),
        ("all", {}, 3, [{**RECORD, "value": 3, "by": "profile all"}]),
        ("some", {"first": {"limit": 9}}, 9, [{**RECORD, "value": 9, "by": "target"}]),
        ("some", {"first": {"limit": 5}}, 5, []),
        (
            "all",
            {"first": {"limit": 5}},
            5,
            [{**RECORD, "value": 3, "by": "profile all"}, {**RECORD, "value": 5, "by": "target"}],
        ),
        ("all", {"first": {"limit": 3}}, 3, [{**RECORD, "value": 3, "by": "profile all"}]),
    ],
)
def test_layers(target_with, profile, parameters, limit, records):
    catalogue, target = target_with(parameters)
    effective, found = tailor(catalogue, profile, target)
    assert effective["first"]["limit"] == limit
    assert effective["second"] == {}
    assert found == records
    json.dumps(found)


def test_lists_and_maps_are_recorded_as_json(target_with):
    catalogue, target = target_with({"first": {"words": ["x"], "least": {"mysql-8.4": "8.4.10"}}})
    effective, records = tailor(catalogue, "some", target)
    assert effective["first"]["words"] == ("x",)
    assert [record["value"] for record in records] == [["x"], {"mysql-8.4": "8.4.10"}]
    assert jsonable(("a",)) == ["a"]


def test_scope_reasons(target_with):
    catalogue, _ = target_with({})
    assert scope(catalogue, "all", "mysql").in_scope == ("first", "second")
    found = scope(catalogue, "all", "mariadb")
    assert found.in_scope == ("first",)
    assert found.excluded == {"second": "it applies to mysql, the target is mariadb"}
    assert scope(catalogue, "some", "mariadb").excluded == {"second": "profile some does not select it"}


def test_parameters_of_what_is_not_proven_have_no_effect(catalogue_data, target_with):
    parameter = {"type": "boolean", "default": False, "description": "A flag of it."}
    catalogue_data["controls"][1]["parameters"] = {"flag": parameter}
    catalogue, target = target_with({"first": {"limit": 9}, "second": {"flag": True}})
    assert without_effect(target, scope(catalogue, "all", "mysql")) == []
    (said,) = without_effect(target, scope(catalogue, "some", "mysql"))
    assert said == "one: parameters of second have no effect, profile some does not select it"
    (said,) = without_effect(target, scope(catalogue, "all", "mariadb"))
    assert said.endswith("have no effect, it applies to mysql, the target is mariadb")


def test_unknown_profile(target_with):
    catalogue, _ = target_with({})
    with pytest.raises(ConfigurationError, match="found no 'none', expected one of all, some"):
        scope(catalogue, "none", "mysql")

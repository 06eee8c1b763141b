"""The inventory's sections about the application: read, checked, recorded, and read again for a replay."""

from __future__ import annotations

import copy
import json

import pytest

from proofs.catalogue import load_catalogue, load_inventory, public_entry, target_from_entry
from proofs.errors import ConfigurationError
from proofs.model import Anchors, RecipePart, SecretRef, Tenant, TenantWrite
from proofs.records.services import PROVIDERS, open_key_service
from proofs.resources import SCHEMAS

SECTIONS = {
    "application": {"identities": ["inspector"], "routines": ["set_tenant"], "views": ["v"]},
    "tenancy": {
        "column": "tenant_id",
        "set_context": "CALL shop.set_tenant({tenant})",
        "state": ["contexts"],
        "tenants": {"a": {"id": "1", "identity": "inspector"}, "b": {"id": "2", "identity": "operator"}},
        "writes": [{"name": "w", "call": "CALL shop.w({tenant}, {x})", "values": {"x": "SELECT 1"}}],
        "queries": ["SELECT 1"],
    },
    "audit": {
        "table": "events",
        "reader": "inspector",
        "columns": {"id": "id", "previous": "p", "current": "c"},
        "genesis": "",
        "recipe": {"parts": [{"column": "p", "form": "hex"}, {"text": "|"}]},
        "tables": ["t"],
        "principals": ["operator"],
        "triggers": {"t_ai": "0" * 64},
        "anchors": {"file": "anchors/head.jsonl", "store": "off-host"},
    },
    "records": {
        "table": "people",
        "tenant": "tenant_id",
        "key": "id",
        "ciphertext": "ct",
        "iv": "iv",
        "aad": "aad",
        "wrapped_key": "dek",
        "key_name": "kek",
        "view": "v",
        "write": "CALL shop.w({key})",
        "key_service": {"provider": "file", "path": "kek", "key_name": "k1"},
    },
}


@pytest.fixture
def data(inventory_data):
    inventory_data["targets"]["one"] |= copy.deepcopy(SECTIONS)
    return inventory_data


@pytest.fixture
def resolve(catalogue_data, write, tmp_path):
    catalogue = load_catalogue(write("controls.yaml", catalogue_data))

    def run(data):
        inventory = load_inventory(write("targets.yaml", data))
        return inventory.resolve("one", {"lab": str(tmp_path)}, catalogue)

    return run


def test_the_sections_in_full(data, resolve, tmp_path):
    target = resolve(data)
    assert target.application.routines == ("set_tenant",)
    assert target.tenancy.tenants == {"a": Tenant("1", "inspector"), "b": Tenant("2", "operator")}
    assert target.tenancy.writes == (TenantWrite("w", "CALL shop.w({tenant}, {x})", {"x": "SELECT 1"}),)
    assert target.audit.recipe.parts == (RecipePart(column="p", form="hex"), RecipePart(text="|"))
    assert target.audit.recipe.algorithm == "sha256"
    assert target.audit.anchors == Anchors(str(tmp_path / "anchors" / "head.jsonl"), "off-host")
    assert target.records.plaintext == ()


def test_a_replay_reads_what_was_recorded(data, resolve):
    target = resolve(data)
    entry = json.loads(json.dumps(public_entry(target)))
    again = target_from_entry(entry)
    assert (again.application, again.tenancy, again.audit) == (target.application, target.tenancy, target.audit)
    assert entry["records"]["key_service"] == {"provider": "file", "key_name": "k1"}, "not where the key is"


def test_without_sections(inventory_data, resolve):
    target = resolve(inventory_data)
    assert (target.application, target.tenancy, target.audit, target.records) == (None, None, None, None)
    assert target_from_entry(json.loads(json.dumps(public_entry(target)))).audit is None


ONE = ("targets", "one")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("application", "identities", 0), "ap", "application.identities[0]: found 'ap', expected an identity of this"),
        (
            ("tenancy", "tenants", "b", "identity"),
            "app",
            "tenancy.tenants.b.identity: found 'app', expected an identity",
        ),
        (
            ("audit", "reader"),
            "inspectr",
            "audit.reader: found 'inspectr', expected an identity of this target; write insp",
        ),
        (("audit", "principals", 0), "root", "audit.principals[0]: found 'root', expected an identity of this target"),
        (("audit", "recipe", "parts"), [], "audit.recipe.parts: found an empty list"),
        (("audit", "recipe", "algorithm"), "md5", "algorithm: found 'md5', expected one of sha256, sha384, sha512"),
        (("audit", "anchors", "store"), "here", "anchors.store: found 'here', expected one of off-host, append-only"),
        (("audit", "triggers", "t_ai"), "abc", "audit.triggers.t_ai: found 'abc', expected 64 hexadecimal digits"),
        (("audit", "columns", "previous"), ..., "audit.columns: found no key previous"),
        (("tenancy", "tenants"), {"a": {"id": "1", "identity": "inspector"}}, "tenancy.tenants: found"),
        (("tenancy", "writes", 0, "cal"), "x", "tenancy.writes[0].cal: found an unknown key"),
        (("records", "write"), ..., "records: found no key write, expected write: the call that writes a record"),
        (("schema",), ..., "application: found no key schema, expected schema beside it; add schema"),
    ],
)
def test_mistakes(bend, data, resolve, path, value, expected):
    bend(data, (*ONE, *path), value)
    with pytest.raises(ConfigurationError) as caught:
        resolve(data)
    assert any(expected in line for line in str(caught.value).splitlines()), str(caught.value)


PKCS11 = {
    "provider": "pkcs11",
    "module": "softhsm2.so",
    "token": "t",
    "key_name": "k",
    "pin": {"env": "PROOFS_TEST_PIN"},
}
SERVICES = [
    {"provider": "file", "path": "kek", "key_name": "k"},
    PKCS11,
    {"provider": "aws-kms", "key_name": "alias/records", "region": "eu-central-1"},
    {"provider": "aws-kms", "key_name": "k", "region": "us-gov-west-1", "endpoint": "http://127.0.0.1:5000"},
    {"provider": "gcp-kms", "key_name": "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k"},
    {"provider": "hybrid", "path": "hybrid.json"},
]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service["provider"])
def test_key_services(service, bend, data, resolve, monkeypatch, tmp_path):
    monkeypatch.setenv("PROOFS_TEST_PIN", "24680-24680")
    bend(data, (*ONE, "records", "key_service"), service)
    target = resolve(data)
    settings = dict(target.records.key_service)
    if "path" in service:
        assert settings["path"] == str(tmp_path / service["path"]), "from the inventory's folder"
    if "pin" in service:
        assert settings["pin"] == SecretRef("env", "PROOFS_TEST_PIN")
        settings["pin"] = service["pin"]
    assert {**settings, "path": service.get("path")} == {**service, "path": service.get("path")}
    recorded = json.loads(json.dumps(public_entry(target)))
    assert set(recorded["records"]["key_service"]) <= {"provider", "key_name"}
    assert target_from_entry(recorded).records.table == "people"
    assert open_key_service(target.records.key_service | {"path": str(real_key(service, tmp_path))}, lambda: "pin").name


def real_key(service, folder):
    path = folder / "real"
    path.write_text(
        json.dumps({"name": "k", "x25519_public": "00" * 32, "ml_kem_public": "00" * 1184})
        if service["provider"] == "hybrid"
        else "0" * 64
    )
    path.chmod(0o600)
    return path


def test_every_provider_has_a_schema():
    assert {service["provider"] for service in SERVICES} == set(PROVIDERS)
    definitions = json.loads((SCHEMAS / "targets.schema.json").read_text())["$defs"]
    assert definitions["provider"]["enum"] == list(PROVIDERS)


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({}, "records.key_service: found no key provider, expected provider: what keeps the keys; add provider"),
        ({"provider": "vault"}, "key_service.provider: found 'vault', expected one of file, pkcs11, aws-kms, gcp-kms"),
        ({"provider": "file", "key_name": "k"}, "key_service: found no key path, expected path: a file of mode 0600"),
        ({"provider": "file", "path": "k"}, "key_service: found no key key_name, expected key_name: the name that rec"),
        ({**SERVICES[0], "pin": {"env": "P"}}, "key_service.pin: found an unknown key, expected one of provider, path"),
        ({**PKCS11, "pin": 24680}, "key_service.pin: found 24680, expected a mapping"),
        ({**PKCS11, "pin": {"env": "PROOFS_NOT_SET"}}, "key_service.pin.env: found PROOFS_NOT_SET, which is not set"),
        ({"provider": "aws-kms", "key_name": "k"}, "found no key region, expected region: an AWS region; add region"),
        ({**SERVICES[2], "region": "Frankfurt"}, "key_service.region: found 'Frankfurt', expected an AWS region"),
        ({**SERVICES[2], "endpoint": "http://kms.example"}, "key_service.endpoint: found 'http://kms.example', expect"),
        ({**SERVICES[2], "secret_key": "x"}, "key_service.secret_key: found an unknown key"),
        ({"provider": "gcp-kms", "key_name": "k"}, "key_service.key_name: found 'k', expected projects/…/locations/…"),
        ({"provider": "hybrid", "path": 1}, "key_service.path: found 1, expected text"),
    ],
)
def test_mistakes_about_key_services(service, expected, bend, data, resolve):
    bend(data, (*ONE, "records", "key_service"), service)
    with pytest.raises(ConfigurationError) as caught:
        resolve(data)
    assert any(expected in line for line in str(caught.value).splitlines()), str(caught.value)

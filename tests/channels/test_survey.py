"""The survey of encrypted records: each mistake of a client is counted as what it is."""

import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proofs.channels import survey as survey_module
from proofs.channels.survey import Survey
from proofs.records.file_key import FileKeyService
from proofs.records.keys import KeyServiceError
from proofs.records.seal import Place, seal

TENANT, OTHER = "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5", "c7d94e10-3f8b-4a6d-8e21-5b6a7c8d9e0f"


@pytest.fixture
def service(tmp_path):
    path = tmp_path / "kek"
    path.write_text(os.urandom(32).hex())
    path.chmod(0o600)
    return FileKeyService(path, "kek")


@pytest.fixture
def good(service):
    names = [f"r{number}" for number in range(41)]
    return [(name, seal(b"Ada Example" * 5, Place(TENANT, "users", name), service)) for name in names]


def facts(records, service=None, tenant=TENANT):
    found = Survey("users", service)
    for record, sealed in records:
        found.row(tenant, record, sealed)
    return found.as_json()


def test_good_records(good, service):
    found = facts(good, service)
    assert (found["rows"], found["opened"], found["tried"], found["offenders"]) == (41, 41, 41, {})
    assert found["chi_square"] is None, "too few bytes for statistics"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("ciphertext_short", {"ciphertext": b"x" * 16}),
        ("ciphertext_readable", {"ciphertext": b'{"name": "Ada Example", "mail": "ada@example.org"}'}),
        ("ciphertext_readable", {"ciphertext": os.urandom(60).hex().encode()}),
        ("iv_length", {"iv": b"short"}),
        ("iv_zero", {"iv": bytes(12)}),
        ("wrapped_key_short", {"wrapped_key": os.urandom(32)}),
        ("aad_not_of_tenant", {"aad": f"tenant={OTHER};table=users;record=r0".encode()}),
        ("aad_not_of_tenant", {"aad": b""}),
        ("does_not_open", {"iv": os.urandom(12)}),
    ],
)
def test_one_bad_record(good, service, what, change):
    record, sealed = good[0]
    found = facts([(record, replace(sealed, **change)), *good[1:]], service)
    assert found["offenders"][what] == 1
    assert found["first"][what] == ["r0"]


@pytest.mark.parametrize("name", ["iv", "ciphertext", "wrapped_key"])
def test_repeated_values(good, name):
    value = getattr(good[0][1], name)
    found = facts([*good[:40], ("again", replace(good[40][1], **{name: value}))])
    assert found["offenders"] == {f"{name}_repeated": 1}
    assert found["first"] == {f"{name}_repeated": ["again"]}


def test_an_iv_may_come_again_under_another_key(good):
    assert facts([*good[:40], ("again", replace(good[40][1], iv=good[0][1].iv, key_name="other"))])["offenders"] == {}


def test_one_data_key_in_two_wraps_is_seen_through_the_key_service(good):
    class Salted:
        """A service whose wraps of one key differ, as those of a real one do."""

        name = algorithm = "salted"

        def unwrap(self, wrapped, context):
            return b"k" * 32

    assert facts(good, Salted())["offenders"]["data_key_repeated"] == 40


def test_a_key_service_that_can_not_be_asked_is_no_finding(good):
    class Gone:
        name = algorithm = "gone"

        def unwrap(self, wrapped, context):
            raise KeyServiceError("not there")

    found = facts(good, Gone())
    assert (found["unreachable"], found["tried"], found["offenders"]) == ("not there", 1, {})


def test_a_stored_key_that_opens_its_record(good):
    record, sealed = good[0]
    key = os.urandom(32)
    bare = replace(sealed, ciphertext=AESGCM(key).encrypt(sealed.iv, b"x", sealed.aad), wrapped_key=bytes(8) + key)
    assert facts([(record, bare)])["offenders"] == {"key_not_wrapped": 1}


def test_uneven_bytes(good):
    many = [(r, replace(s, ciphertext=bytes(b & 0x7F | 0x80 for b in os.urandom(200)))) for r, s in good]
    assert facts(many)["chi_square"] > 4000
    assert facts([(r, replace(s, ciphertext=os.urandom(200))) for r, s in good])["chi_square"] < 481


def test_what_is_beyond_the_limit_is_said(good, monkeypatch):
    monkeypatch.setattr(survey_module, "MOST", 10)
    found = facts(good)
    assert (found["rows"], found["compared"]) == (41, 10)

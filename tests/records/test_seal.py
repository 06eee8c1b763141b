"""Sealed records: they open where they belong, and nowhere else."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.errors import ConfigurationError
from proofs.records import hybrid
from proofs.records.file_key import FileKeyService
from proofs.records.keys import UnwrapRefused
from proofs.records.seal import OpenRefused, Place, open_record, rewrap, seal
from proofs.records.services import open_key_service

PLACE = Place("2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5", "users", "00000000-0000-4000-8000-00000000c0de")


def key_file(folder, name):
    path = folder / name
    path.write_text(os.urandom(32).hex())
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [FileKeyService(key_file(folder, name), name) for name in ("one", "two")]


@given(st.binary(max_size=2000))
def test_a_record_comes_back(services, plaintext):
    sealed = seal(plaintext, PLACE, services[0])
    assert open_record(sealed, PLACE, services[0]) == plaintext
    assert (len(sealed.iv), len(sealed.ciphertext)) == (12, len(plaintext) + 16)
    if len(plaintext) > 8:
        assert plaintext not in sealed.ciphertext


def test_nothing_is_used_twice(services):
    sealed = [seal(b"same", PLACE, services[0]) for _ in range(50)]
    for part in ("iv", "ciphertext", "wrapped_key"):
        assert len({getattr(each, part) for each in sealed}) == 50


@given(part=st.sampled_from(["ciphertext", "iv", "aad", "wrapped_key"]), data=st.data())
def test_any_changed_bit_is_refused(services, part, data):
    sealed = seal(b"Ada Example", PLACE, services[0])
    changed = bytearray(getattr(sealed, part))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((OpenRefused, UnwrapRefused)):
        open_record(replace(sealed, **{part: bytes(changed)}), PLACE, services[0])


@pytest.mark.parametrize("moved", [{"tenant": "other"}, {"table": "accounts"}, {"record": "other"}])
@pytest.mark.parametrize("with_its_aad", [True, False])
def test_a_record_moved_elsewhere_is_refused(services, moved, with_its_aad):
    sealed, elsewhere = seal(b"Ada Example", PLACE, services[0]), replace(PLACE, **moved)
    with pytest.raises(OpenRefused):
        open_record(replace(sealed, aad=elsewhere.aad) if with_its_aad else sealed, elsewhere, services[0])


def test_another_key_is_refused(services):
    with pytest.raises(UnwrapRefused):
        open_record(seal(b"Ada", PLACE, services[0]), PLACE, services[1])
    with pytest.raises(OpenRefused, match="cipher"):
        open_record(replace(seal(b"Ada", PLACE, services[0]), cipher="AES-256-CBC"), PLACE, services[0])


def test_rotation_leaves_the_ciphertext(services):
    sealed = seal(b"Ada", PLACE, services[0])
    rotated = rewrap(sealed, PLACE, *services)
    assert (rotated.ciphertext, rotated.iv, rotated.aad) == (sealed.ciphertext, sealed.iv, sealed.aad)
    assert (rotated.key_name, rotated.wrapped_key != sealed.wrapped_key) == ("two", True)
    assert open_record(rotated, PLACE, services[1]) == b"Ada"
    with pytest.raises(UnwrapRefused):
        open_record(rotated, PLACE, services[0])
    with pytest.raises(OpenRefused):
        rewrap(replace(sealed, iv=bytes(12)), PLACE, *services)


def test_a_second_wrap_opens_the_same_record(services):
    pair = hybrid.generate("pq-1")
    sealed = seal(b"Ada", PLACE, services[0], hybrid.HybridWrap(pair.public()))
    by_second = replace(sealed, wrapped_key=sealed.wrapped_key_pq)
    assert open_record(by_second, PLACE, hybrid.HybridWrap(pair)) == b"Ada"


@pytest.mark.parametrize("part", ["", "a;b", "a=b", "ü", "a\nb"])
def test_ids_that_would_be_ambiguous(services, part):
    with pytest.raises(ValueError, match="can be bound"):
        seal(b"", replace(PLACE, tenant=part), services[0])


def test_key_files(tmp_path):
    path = key_file(tmp_path, "kek")
    settings = {"provider": "file", "path": str(path), "key_name": "k"}
    assert open_key_service(settings).name == "k"
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        open_key_service(settings)
    path.chmod(0o600)
    for wrong in ("", "zz" * 32, "00" * 31, "00" * 33):
        path.write_text(wrong)
        with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
            open_key_service(settings)
    with pytest.raises(ConfigurationError, match="No such file"):
        open_key_service(settings | {"path": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "found provider None, expected one of file, pkcs11"),
        ({"provider": "vault"}, "found provider 'vault'"),
        ({"provider": "aws-kms", "key_name": "k"}, "aws-kms: found no key region"),
        ({"provider": "gcp-kms"}, "gcp-kms: found no key key_name"),
        ({"provider": "pkcs11", "module": "m", "token": "t", "key_name": "k"}, "pkcs11: found no key pin"),
    ],
)
def test_mistakes_in_the_settings(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        open_key_service(settings)

"""The hybrid wrap: X25519 with ML-KEM-768, combined as X-Wing does."""

import hashlib
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.errors import ConfigurationError
from proofs.records import hybrid
from proofs.records.keys import KeyServiceError, UnwrapRefused

CONTEXT = {"tenant": "a", "record": "1"}
KEY = bytes(range(32))


@pytest.fixture(scope="module")
def key():
    return hybrid.generate("pq-1")


def test_a_key_comes_back(key):
    wrapped = hybrid.HybridWrap(key.public()).wrap(KEY, CONTEXT)
    assert len(wrapped) == 1 + 32 + 1088 + 32 + 16
    assert hybrid.HybridWrap(key).unwrap(wrapped, CONTEXT) == KEY


@settings(max_examples=60)
@given(at=st.integers(0, 1168), bit=st.integers(0, 7))
def test_any_changed_bit_is_refused(key, at, bit):
    wrapped = bytearray(hybrid.HybridWrap(key).wrap(KEY, CONTEXT))
    wrapped[at] ^= 1 << bit
    with pytest.raises(UnwrapRefused):
        hybrid.HybridWrap(key).unwrap(bytes(wrapped), CONTEXT)


def test_both_halves_are_needed(key):
    """Whoever breaks one of the two still can't unwrap."""
    wrapped, other = hybrid.HybridWrap(key).wrap(KEY, CONTEXT), hybrid.generate("other")
    for wrong in (replace(key, x25519_secret=other.x25519_secret), replace(key, ml_kem_secret=other.ml_kem_secret)):
        with pytest.raises(UnwrapRefused):
            hybrid.HybridWrap(wrong).unwrap(wrapped, CONTEXT)
    with pytest.raises(UnwrapRefused):
        hybrid.HybridWrap(key).unwrap(wrapped, {"tenant": "b", "record": "1"})
    for short in (b"", b"\x01", wrapped[:-1], wrapped[:1100]):
        with pytest.raises(UnwrapRefused):
            hybrid.HybridWrap(key).unwrap(short, CONTEXT)


def test_without_secret_halves_nothing_is_unwrapped(key):
    with pytest.raises(KeyServiceError, match="only its public half"):
        hybrid.HybridWrap(key.public()).unwrap(b"\x01" + bytes(1168), CONTEXT)


def test_the_combiner_is_the_draft_s():
    quantum, classical, ciphertext, public = (os.urandom(32) for _ in range(4))
    expected = hashlib.sha3_256(quantum + classical + ciphertext + public + rb"\./" + rb"/^" + b"\\").digest()
    assert hybrid.shared_secret(quantum, classical, ciphertext, public) == expected


def test_a_key_file(key, tmp_path):
    path = tmp_path / "pq.json"
    path.write_text(key.to_json())
    path.chmod(0o600)
    assert hybrid.load(path) == key
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        hybrid.load(path)
    path.write_text(key.public().to_json())
    assert hybrid.load(path) == key.public()
    assert key.x25519_secret.hex() not in repr(key)
    short = replace(key, ml_kem_public=key.ml_kem_public[:-1]).to_json()
    for wrong in ("{}", "[]", "{", '{"name": "x", "other": "00"}', short):
        path.write_text(wrong)
        with pytest.raises(ConfigurationError, match="not a hybrid key"):
            hybrid.load(path)

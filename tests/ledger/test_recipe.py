"""Recipes: the bytes that are hashed, spelled as the inventory says."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.ledger import Hasher
from proofs.model import Recipe, RecipePart

cells = st.lists(st.tuples(st.none() | st.binary(max_size=20), st.binary(max_size=20)), min_size=1, max_size=9)


@given(cells, st.sampled_from(["sha256", "sha384", "sha512"]), st.sampled_from(["hex", "HEX", "base64", "bytes"]))
def test_a_hash_is_what_the_parts_say(rows: list[tuple[bytes | None, bytes]], algorithm: str, encoding: str) -> None:
    parts = (
        RecipePart("a", null="~"),
        RecipePart(text="é|"),
        RecipePart("b", form="hex"),
        RecipePart("a", form="HEX", null="-"),
    )
    hasher = Hasher(Recipe(parts, algorithm, encoding))  # type: ignore[arg-type]
    assert hasher.columns == (("a", True), ("b", False), ("a", False))
    spell = {
        "hex": lambda d: d.hex().encode(),
        "HEX": lambda d: d.hex().upper().encode(),
        "base64": base64.b64encode,
        "bytes": lambda d: d,
    }[encoding]
    expected = []
    for a, b in rows:
        text = (b"~" if a is None else a) + "é|".encode() + b.hex().encode()
        text += b"-" if a is None else a.hex().upper().encode()
        expected.append(spell(hashlib.new(algorithm, text).digest()))
    first, second = zip(*rows, strict=True)
    columns = (first, second, first)
    assert hasher.hashes(columns) == expected
    assert hasher.holds(columns, expected)
    for wrong in (expected[0] + b"0", b"", None, bytes([expected[0][0] ^ 1]) + expected[0][1:]):
        assert not hasher.holds(columns, [wrong, *expected[1:]])


def test_hashes_that_only_fit_when_put_together_do_not_hold() -> None:
    hasher = Hasher(Recipe((RecipePart("a"),)))
    first, second = hasher.hashes([[b"1", b"2"]])
    assert hasher.holds([[b"1", b"2"]], [first, second])
    assert not hasher.holds([[b"1", b"2"]], [first + second[:1], second[1:]])


@pytest.mark.parametrize("form", ["text", "bytes"])
def test_text_and_bytes_are_hashed_as_they_come(form: str) -> None:
    hasher = Hasher(Recipe((RecipePart("a", form=form),)))  # type: ignore[arg-type]
    assert hasher.hashes([[b"abc"]]) == [hashlib.sha256(b"abc").hexdigest().encode()]

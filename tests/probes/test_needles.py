"""A text is found in every spelling that a careless program stores."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.probes.data_protection.needles import Place, places, spellings

TOKEN = "canary0123456789abcdef01234567"


@pytest.mark.parametrize(
    "stored",
    [
        f"name: {TOKEN} example".encode(),
        TOKEN.upper().encode(),
        f"x{TOKEN}".encode("utf-16-le"),
        TOKEN.encode("utf-16"),
        f"ab{TOKEN}".encode().hex().encode(),
        f"ab{TOKEN}".encode().hex().upper().encode(),
    ],
)
def test_it_is_found(stored):
    assert any(needle in stored for needle in spellings(TOKEN))


@given(before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_it_is_found_in_base64_wherever_it_begins(before, after):
    stored = base64.b64encode(before + TOKEN.encode() + after)
    assert any(needle in stored for needle in spellings(TOKEN))


@given(st.binary(min_size=100, max_size=400))
def test_it_is_not_found_where_it_is_not(stored):
    assert not any(needle in stored for needle in spellings(TOKEN))


def test_numbers_and_times_are_not_searched():
    rows = [
        {"db": "s", "tab": "t", "col": "id", "kind": "bigint"},
        {"db": "s", "tab": "t", "col": "doc", "kind": "JSON"},
        {"db": "s", "tab": "t`", "col": "raw`", "kind": "varbinary"},
    ]
    assert places(rows) == [Place("s", "t", ("doc",)), Place("s", "t`", ("raw`",))]
    assert "FROM `s`.`t``` WHERE INSTR(CAST(`raw``` AS BINARY), X'" in Place("s", "t`", ("raw`",)).count("x")

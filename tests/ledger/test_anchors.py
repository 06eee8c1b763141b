"""Anchor stores: lines that are anchors, lines that are not, and how regularly they came."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.ledger import parse_anchor, survey

START = datetime(2026, 1, 1, tzinfo=UTC)


def line(number: int, seconds: float, value: str = "ab" * 32) -> bytes:
    time = (START + timedelta(seconds=seconds)).isoformat()
    return json.dumps({"id": number, "hash": value, "time": time}).encode()


def test_a_line_and_what_syslog_puts_before_it() -> None:
    plain = line(7, 0)
    anchor = parse_anchor(3, b"<13>1 2026-01-01T00:00:00Z db01 anchor - - " + plain + b"\n")
    assert anchor is not None
    assert (anchor.line, anchor.id, anchor.hash, anchor.time) == (3, 7, b"ab" * 32, START)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b'{"id": 1}',
        b'{"id": "1", "hash": "a", "time": "2026-01-01T00:00:00Z"}',
        b'{"id": true, "hash": "a", "time": "2026-01-01T00:00:00Z"}',
        b'{"id": -1, "hash": "a", "time": "2026-01-01T00:00:00Z"}',
        b'{"id": 1, "hash": "", "time": "2026-01-01T00:00:00Z"}',
        b'{"id": 1, "hash": "\\u00e9", "time": "2026-01-01T00:00:00Z"}',
        b'{"id": 1, "hash": "a", "time": "2026-01-01T00:00:00"}',
        b'{"id": 1, "hash": "a", "time": 3}',
        b'{"id": 1, "hash": "a", "time": "yesterday"}',
        line(1, 0, "a" * 5000),
        b"{" * 4000,
    ],
)
def test_what_is_no_anchor(data: bytes) -> None:
    assert parse_anchor(1, data) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_line_or_none(data: bytes) -> None:
    parse_anchor(1, data)
    assert survey([data]).count + survey([data]).malformed == 1


def test_gaps_and_the_window() -> None:
    seconds = [0, 60, 120, 1000, 1060, 1120, 1181]
    lines = [line(number, at) for number, at in enumerate(seconds, start=1)]
    facts = survey(lines)
    assert (facts.count, facts.longest_gap_s, facts.longest_gap_line) == (7, 880, 4)
    assert (facts.median_gap_s, facts.gap_99_s) == (60, 880)
    late = survey(lines, START + timedelta(seconds=1010))
    assert (late.in_window, late.longest_gap_s) == (3, 61)
    assert facts.first is not None
    assert facts.last is not None
    assert (facts.first["id"], facts.last["id"]) == (1, 7)


def test_what_goes_backwards_or_is_malformed_is_counted() -> None:
    facts = survey([line(5, 0), line(4, 60), b"?", line(6, 30), line(6, 90)])
    assert (facts.backwards, facts.first_backwards) == (2, 2)
    assert (facts.malformed, facts.first_malformed) == (1, 3)
    assert survey([line(5, 60), line(6, 0)]).backwards == 1

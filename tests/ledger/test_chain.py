"""A good chain, one thing done to it: the diagnosis names just that, at that row; and nothing done passes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.ledger import Anchor, ChainReport, Checkpoint, Hasher, in_blocks, verify
from proofs.model import Recipe, RecipePart

GENESIS = b"0" * 64
HASHER = Hasher(Recipe((RecipePart("prev"), RecipePart(text="|"), RecipePart("payload"))))
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    id: int
    previous: bytes
    payload: bytes
    current: bytes


def hashed(previous: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(previous + b"|" + payload).hexdigest().encode()


def chain(count: int, *, step: int = 1, previous: bytes = GENESIS, start: int = 1) -> list[Row]:
    rows = []
    for number in range(count):
        row_id = start + number * step
        payload = json.dumps({"id": row_id, "what": f"event {number}"}).encode()
        rows.append(Row(row_id, previous, payload, hashed(previous, payload)))
        previous = rows[-1].current
    return rows


def walk(rows: Iterable[Row], *, size: int = 7, **more: object) -> ChainReport:
    tuples = [(row.id, row.previous, row.current, row.previous, row.payload) for row in rows]
    return verify(lambda: in_blocks(tuples, size), HASHER, previous="prev", genesis=GENESIS, **more)  # type: ignore[arg-type]


def told(report: ChainReport) -> list[tuple[str, int]]:
    return [(finding.kind, finding.row) for finding in report.findings]


def anchors_of(rows: list[Row], every: int = 5) -> list[Anchor]:
    marked = [row for number, row in enumerate(rows) if number % every == 0 or row is rows[-1]]
    return [
        Anchor(line, row.id, row.current, START + timedelta(minutes=line)) for line, row in enumerate(marked, start=1)
    ]


counts = st.integers(3, 60)
blocks = st.sampled_from([1, 2, 7, 100])


@given(counts, blocks, st.integers(1, 5))
def test_a_good_chain_is_intact(count: int, size: int, step: int) -> None:
    rows = chain(count, step=step)
    head = Checkpoint(rows[-1].id, rows[-1].current)
    report = walk(rows, size=size, head=head, anchors=anchors_of(rows))
    assert report.intact, report.findings
    assert (report.rows, report.first_id, report.last_id) == (count, 1, rows[-1].id)
    assert report.head == rows[-1].current.decode()
    assert report.anchors.compared == len(anchors_of(rows))
    assert report.rows_after_anchor == 0


@given(st.data(), counts, blocks)
def test_a_changed_payload(data: st.DataObject, count: int, size: int) -> None:
    rows, place = chain(count), data.draw(st.integers(0, count - 1))
    payload = bytearray(rows[place].payload)
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    rows[place] = replace(rows[place], payload=bytes(payload))
    report = walk(rows, size=size)
    assert told(report) == [("content", place + 1)]
    assert (report.unhashed, report.unlinked) == (1, 0)


@given(st.data(), counts, blocks)
def test_a_changed_hash(data: st.DataObject, count: int, size: int) -> None:
    rows, place = chain(count), data.draw(st.integers(0, count - 1))
    rows[place] = replace(rows[place], current=data.draw(st.sampled_from([b"f" * 64, b"", b"f" * 63, b"x" * 65])))
    # Of the last row nobody knows which of the two was changed.
    assert told(walk(rows, size=size)) == [("content" if place == count - 1 else "stored-hash", place + 1)]


@given(st.data(), counts, blocks)
def test_a_changed_link(data: st.DataObject, count: int, size: int) -> None:
    rows, place = chain(count), data.draw(st.integers(0, count - 1))
    rows[place] = replace(rows[place], previous=b"a" * 64)
    report = walk(rows, size=size)
    assert told(report) == [("stored-link", place + 1)]
    assert (report.unhashed, report.unlinked) == (1, 1)


@given(st.data(), counts, blocks)
def test_rows_that_are_missing(data: st.DataObject, count: int, size: int) -> None:
    rows = chain(count)
    first = data.draw(st.integers(0, count - 2))
    length = data.draw(st.integers(1, count - 1 - first))
    del rows[first : first + length]
    report = walk(rows, size=size)
    assert told(report) == [("missing" if first else "missing-first", first + 1)]
    assert f"{first + length}" in report.findings[0].says


@given(st.data(), counts, blocks)
def test_a_tail_cut_off(data: st.DataObject, count: int, size: int) -> None:
    rows = chain(count)
    kept = rows[: data.draw(st.integers(0, count - 1))]
    head = Checkpoint(rows[-1].id, rows[-1].current)
    assert told(walk(kept, size=size, head=head)) == [("tail", len(kept))]
    by_anchor = walk(kept, size=size, anchors=anchors_of(rows))
    assert not by_anchor.findings, "the rest is whole"
    assert by_anchor.anchors.wrong == sum(1 for anchor in anchors_of(rows) if anchor.id > len(kept))
    assert not by_anchor.intact


@given(st.data(), counts, blocks)
def test_two_rows_exchanged(data: st.DataObject, count: int, size: int) -> None:
    rows = chain(count)
    i = data.draw(st.integers(0, count - 2))
    j = data.draw(st.integers(i + 1, count - 1))
    rows[i], rows[j] = replace(rows[j], id=rows[i].id), replace(rows[i], id=rows[j].id)
    report = walk(rows, size=size)
    expected = [("order", j + 1)] if j == i + 1 else [("order", i + 1), ("order", j + 1)]
    assert told(report) == expected
    assert report.unhashed == 0


@given(st.data(), counts, blocks)
def test_a_row_twice(data: st.DataObject, count: int, size: int) -> None:
    rows = chain(count, step=10)
    copied = data.draw(st.integers(0, count - 1))
    after = data.draw(st.integers(copied, count - 1))
    rows.insert(after + 1, replace(rows[copied], id=rows[after].id + 3))
    assert told(walk(rows, size=size)) == [("duplicate", after + 2)]


@given(st.data(), counts, blocks)
def test_a_fork(data: st.DataObject, count: int, size: int) -> None:
    rows = chain(count, step=10)
    place = data.draw(st.integers(0, count - 1))
    after = data.draw(st.integers(place, count - 1))
    previous = rows[place].previous
    forged = Row(rows[after].id + 5, previous, b"forged", hashed(previous, b"forged"))
    rows.insert(after + 1, forged)
    report = walk(rows, size=size)
    assert told(report) == [("fork", after + 2)]
    assert f"as id {rows[place].id} does" in report.findings[0].says


@given(st.data(), counts, blocks)
def test_one_row_rewritten(data: st.DataObject, count: int, size: int) -> None:
    rows, place = chain(count), data.draw(st.integers(0, count - 2))
    rows[place] = replace(rows[place], payload=b"rewritten", current=hashed(rows[place].previous, b"rewritten"))
    assert told(walk(rows, size=size)) == [("rewritten", place + 1)]


@given(st.data(), counts, blocks)
def test_a_tail_rewritten_with_all_its_hashes_is_shown_by_the_anchors_alone(
    data: st.DataObject, count: int, size: int
) -> None:
    genuine = chain(count)
    place = data.draw(st.integers(0, count - 1))
    rows, previous = genuine[:place], genuine[place].previous
    for row in genuine[place:]:
        payload = row.payload + b" " if row is genuine[place] else row.payload
        rows.append(Row(row.id, previous, payload, hashed(previous, payload)))
        previous = rows[-1].current
    assert walk(rows, size=size, head=Checkpoint(rows[-1].id, previous)).intact, "nothing inside can show it"
    report = walk(rows, size=size, anchors=anchors_of(genuine))
    assert not report.findings
    assert report.anchors.wrong == sum(1 for anchor in anchors_of(genuine) if anchor.id > place)
    assert f"id {next(a.id for a in anchors_of(genuine) if a.id > place)} has another hash" in str(
        report.anchors.first_wrong
    )


@given(st.data(), counts, blocks)
def test_whatever_is_changed_does_not_pass(data: st.DataObject, count: int, size: int) -> None:
    """Any number of cells changed, rows dropped, copied or exchanged: never intact unless the rows are the same."""
    genuine = chain(count, step=data.draw(st.sampled_from([1, 10])))
    rows = list(genuine)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(rows) - 1))
        column = data.draw(st.sampled_from(["previous", "payload", "current", "drop", "swap"]))
        if column == "drop" and len(rows) > 1:
            del rows[place]
        elif column == "swap":
            other = data.draw(st.integers(0, len(rows) - 1))
            rows[place], rows[other] = (
                replace(rows[other], id=rows[place].id),
                replace(rows[place], id=rows[other].id),
            )
        elif column != "drop":
            rows[place] = replace(rows[place], **{column: data.draw(st.sampled_from([b"", b"0" * 64, b"x"]))})
    report = walk(rows, size=size, head=Checkpoint(genuine[-1].id, genuine[-1].current))
    assert report.intact == (rows == genuine)


@given(st.data(), counts, blocks)
def test_since_a_checkpoint_only_the_new_rows_are_judged(data: st.DataObject, count: int, size: int) -> None:
    rows = chain(count)
    known = data.draw(st.integers(0, count - 1))
    since = Checkpoint(rows[known].id, rows[known].current)
    broken = replace(rows[0], payload=b"changed before the checkpoint")
    report = walk([broken, *rows[1:]][known:] if known else rows, size=size, since=since, anchors=anchors_of(rows))
    assert report.intact
    assert report.since == since.id
    assert report.rows == count - known
    changed = [replace(rows[known], current=b"e" * 64), *rows[known + 1 :]]
    assert ("checkpoint", 1) in told(walk(changed, since=since))
    assert ("checkpoint", 1) in told(walk(rows[known + 1 :], since=since)) if known < count - 1 else True
    assert told(walk([], since=since)) == [("checkpoint", 0)]


def test_a_chain_with_nothing_right_is_told_in_bounded_space() -> None:
    rows = [replace(row, current=hashed(b"", row.payload)) for row in chain(5000)]
    report = walk(rows, size=1000)
    assert report.unhashed == report.unlinked + 1 == 5000
    assert len(report.findings) + report.untold <= 10_000
    assert len(report.findings) <= 50


def test_a_null_and_another_genesis() -> None:
    rows = chain(4)
    assert told(walk([replace(rows[0], previous=None), *rows[1:]])) == [("stored-link", 1)]  # type: ignore[arg-type]
    assert told(walk([*rows[:2], replace(rows[2], payload=None), rows[3]])) == [("content", 3)]  # type: ignore[arg-type]
    assert told(walk(chain(4, previous=b"1" * 64))) == [("genesis", 1)]
    assert told(walk([])) == []


def test_ids_that_do_not_rise() -> None:
    rows = chain(4)
    report = walk([rows[0], replace(rows[1], id=1), *rows[2:]])
    assert told(report) == [("id", 2)]
    assert not report.intact


def test_anchors_that_go_back() -> None:
    rows = chain(20)
    marks = anchors_of(rows)
    report = walk(rows, anchors=[*marks[:3], marks[1], *marks[3:]])
    assert report.anchors.wrong == 1
    assert "line 2: anchor id 6 comes after one of id 11" in str(report.anchors.first_wrong)


@pytest.mark.parametrize(("every", "after"), [(5, 0), (1000, 0)])
def test_the_tail_since_the_last_anchor(every: int, after: int) -> None:
    rows = chain(40)
    report = walk(rows, anchors=anchors_of(rows[:30], every))
    assert report.rows_after_anchor == 10 + after
    assert walk(rows).rows_after_anchor == 40

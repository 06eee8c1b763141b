"""One walk along the chain: every row recomputed, every link followed, in constant memory.

Blocks whose columns are all as they must be are compared as a whole; only a block that is not is looked at row by row.
What was found wrong is then told exactly (`proofs.ledger.diagnosis`), for which the stream is read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from proofs.ledger.anchors import Anchor
from proofs.ledger.diagnosis import Suspect, diagnose, neighbours
from proofs.ledger.recipe import Hasher
from proofs.ledger.report import MAX_FINDINGS, AnchorReport, ChainReport, Finding, shown
from proofs.ledger.rows import Block, Cell


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A row that is known: its id and its stored hash."""

    id: int
    hash: bytes


def verify(
    stream: Callable[[], Iterable[Block]],
    hasher: Hasher,
    *,
    previous: str,
    genesis: bytes,
    first_id: int = 1,
    head: Checkpoint | None = None,
    since: Checkpoint | None = None,
    anchors: Iterable[Anchor] = (),
) -> ChainReport:
    """Verify the rows of `stream` (called once, and once more if something is wrong), ordered by id.

    `previous` is the recipe's name for the previous hash, `genesis` what the first row's must be; `head` is where the
    chain says elsewhere that it ends. With `since`, the stream begins with that very row, and nothing before it is
    judged. `anchors` come in the order of their ids. Raises what the stream raises.
    """
    walk = _Walk(hasher, previous, genesis, since)
    joined = _Join(anchors, since)
    for block in stream():
        if len(block.ids):
            walk.take(block)
            joined.take(block)
    report = walk.report
    _end(report, walk, head)
    joined.finish(report)
    if walk.suspects:
        around = neighbours(stream(), walk.suspects)
        told = diagnose(walk.suspects, around, genesis, first_id)
        report.findings = sorted([*told, *report.findings], key=lambda finding: finding.row)
    report.untold += max(0, len(report.findings) - MAX_FINDINGS)
    report.findings = report.findings[:MAX_FINDINGS]
    return report


def _end(report: ChainReport, walk: _Walk, head: Checkpoint | None) -> None:
    if walk.since is not None:
        report.since = walk.since.id
        if report.rows == 0:
            _tell(report, "checkpoint", f"id {walk.since.id}, verified before, is no longer there, nor any after it")
    if head is None:
        return
    last = report.last_id
    if last is None or head.id > last:
        there = "no row" if last is None else f"id {last}"
        _tell(report, "tail", f"the chain ends with {there}, but its stored head is id {head.id}: rows are missing")
    elif head.id < last:
        _tell(report, "head", f"the stored head is id {head.id}, but rows follow it up to id {last}")
    elif head.hash != walk.hash:
        _tell(report, "head", f"the stored head's hash is not that of its row, id {last}")


def _tell(report: ChainReport, kind: str, says: str) -> None:
    report.findings.append(Finding(kind, report.rows, report.last_id or 0, says))


class _Walk:
    """The state of the walk: the row before, and what was found so far."""

    def __init__(self, hasher: Hasher, previous: str, genesis: bytes, since: Checkpoint | None) -> None:
        self.report = ChainReport()
        self.suspects: list[Suspect] = []
        self.hash: Cell = genesis
        self.since = since
        self._hasher = hasher
        self._links = {place for place, wanted in enumerate(hasher.columns) if wanted.column == previous}
        self._await_checkpoint = since is not None

    def take(self, block: Block) -> None:
        report, count = self.report, len(block.ids)
        if self._await_checkpoint and self.since is not None:
            self._await_checkpoint = False
            self._checkpoint(block, self.since)
        ids_rise = self._rising(block.ids)
        linked = block.previous[0] == self.hash and block.previous[1:] == block.current[:-1]
        if not (ids_rise and linked and self._hasher.holds(block.parts, block.current)):
            self._row_by_row(block)
        if report.first_id is None:
            report.first_id = block.ids[0]
        report.last_id = block.ids[-1]
        report.rows += count
        self.hash = block.current[-1]
        report.head = shown(self.hash)

    def _rising(self, ids: object) -> bool:
        assert isinstance(ids, (list, tuple))  # noqa: S101 - for the type checker
        if self.report.last_id is not None and ids[0] <= self.report.last_id:
            return False
        first, last = ids[0], ids[-1]
        if last - first == len(ids) - 1 and list(ids) == list(range(first, last + 1)):
            return True
        return all(a < b for a, b in pairwise(ids))

    def _checkpoint(self, block: Block, since: Checkpoint) -> None:
        if block.ids[0] == since.id and block.current[0] == since.hash:
            # Its own link was verified then; what it is linked to now is taken as it stands.
            self.hash = block.previous[0]
            return
        what = "has another hash now" if block.ids[0] == since.id else "is no longer there"
        self.report.findings.append(Finding("checkpoint", 1, since.id, f"id {since.id}, verified before, {what}"))
        self.hash = block.previous[0] if block.ids[0] == since.id else since.hash

    def _row_by_row(self, block: Block) -> None:
        report = self.report
        expected = self._hasher.hashes(block.parts)
        hash_before, id_before = self.hash, report.last_id
        for number, row_id in enumerate(block.ids):
            previous, current = block.previous[number], block.current[number]
            linked, hashed = previous == hash_before, current is not None and expected[number] == current
            rises = id_before is None or row_id > id_before
            report.unlinked += not linked
            report.unhashed += not hashed
            report.misnumbered += not rises
            if not (linked and hashed and rises):
                relinked = not hashed and not linked and self._with_link(block, number, hash_before) == current
                if len(self.suspects) < 2 * MAX_FINDINGS:
                    at = report.rows + number + 1
                    self.suspects.append(
                        Suspect(
                            row=at,
                            id=row_id,
                            previous=previous,
                            current=current,
                            expected=expected[number],
                            id_before=id_before,
                            linked=linked,
                            hashed=hashed,
                            relinked=relinked,
                            rises=rises,
                        )
                    )
                else:
                    report.untold += 1
            hash_before, id_before = current, row_id

    def _with_link(self, block: Block, number: int, previous: Cell) -> bytes:
        columns = [[previous if place in self._links else column[number]] for place, column in enumerate(block.parts)]
        return self._hasher.hashes(columns)[0]


class _Join:
    """The anchors beside the stream, both in the order of ids: a merge join that holds one block and one anchor."""

    def __init__(self, anchors: Iterable[Anchor], since: Checkpoint | None) -> None:
        self.found = AnchorReport()
        self._rest: Iterator[Anchor] = iter(anchors)
        self._next = next(self._rest, None)
        self._from = since.id if since is not None else 0
        self._highest = 0
        self._after = 0

    def take(self, block: Block) -> None:
        last = block.ids[-1]
        dense = last - block.ids[0] == len(block.ids) - 1
        places = None if dense else {row_id: place for place, row_id in enumerate(block.ids)}
        before = self._highest
        while self._next is not None and self._next.id <= last:
            anchor = self._next
            if anchor.id < self._from:
                self.found.before += 1
            else:
                place = anchor.id - block.ids[0] if places is None else places.get(anchor.id, -1)
                self._compare(anchor, block, place)
            self._highest = max(self._highest, anchor.id)
            self._next = next(self._rest, None)
        if self._highest == before:
            self._after += len(block.ids)
        else:
            self._after = sum(1 for row_id in block.ids if row_id > self._highest)

    def _compare(self, anchor: Anchor, block: Block, place: int) -> None:
        self.found.compared += 1
        if anchor.id < self._highest:
            self._wrong(f"line {anchor.line}: anchor id {anchor.id} comes after one of id {self._highest}")
        elif anchor.id == 0:
            return  # the chain was empty then
        elif not 0 <= place < len(block.ids):
            self._wrong(
                f"line {anchor.line}: id {anchor.id}, anchored at {anchor.time.isoformat()}, is not in the table"
            )
        elif block.current[place] != anchor.hash:
            self._wrong(
                f"line {anchor.line}: id {anchor.id} has another hash than when it was anchored "
                f"at {anchor.time.isoformat()}"
            )

    def finish(self, report: ChainReport) -> None:
        while self._next is not None:
            anchor, last = self._next, report.last_id
            if anchor.id and anchor.id >= self._from:
                self.found.compared += 1
                there = "is empty" if last is None else f"ends with id {last}"
                self._wrong(f"line {anchor.line}: id {anchor.id} was anchored, but the chain {there}")
            self._highest = max(self._highest, anchor.id)
            self._next = next(self._rest, None)
        self.found.last_id = self._highest or None
        report.anchors = self.found
        report.rows_after_anchor = self._after

    def _wrong(self, says: str) -> None:
        self.found.wrong += 1
        self.found.first_wrong = self.found.first_wrong or says

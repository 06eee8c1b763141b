"""From rows that do not fit to what was done to the chain, in words that name the row.

A row whose previous hash is not that of the row before was written after *some* row: which one, and who else was, is
asked of the stream once more, for a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from proofs.ledger.report import Finding
from proofs.ledger.rows import Block, Cell

_KEPT = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that does not fit, with what is known of it: see `proofs.ledger.chain`."""

    row: int
    id: int
    previous: Cell
    current: Cell
    expected: bytes
    id_before: int | None
    linked: bool
    hashed: bool
    relinked: bool
    rises: bool


@dataclass(slots=True)
class Neighbours:
    """The rows that have a hash (`owners`), and those written after it (`followers`: row number, id, own hash)."""

    owners: list[tuple[int, int]] = field(default_factory=list)
    followers: list[tuple[int, int, Cell]] = field(default_factory=list)


def neighbours(stream: Iterable[Block], suspects: Sequence[Suspect]) -> Mapping[Cell, Neighbours]:
    """By previous hash of each row with a broken link: whose hash it is, and which rows follow it."""
    found: dict[Cell, Neighbours] = {s.previous: Neighbours() for s in suspects if not s.linked}
    wanted, row = set(found), 0
    for block in stream:
        if not wanted.isdisjoint(block.current):
            for place, value in enumerate(block.current):
                if value in wanted and len(found[value].owners) < _KEPT:
                    found[value].owners.append((row + place + 1, block.ids[place]))
        if not wanted.isdisjoint(block.previous):
            for place, value in enumerate(block.previous):
                if value in wanted and len(found[value].followers) < _KEPT:
                    found[value].followers.append((row + place + 1, block.ids[place], block.current[place]))
        row += len(block.ids)
    return found


def diagnose(
    suspects: Sequence[Suspect], around: Mapping[Cell, Neighbours], genesis: bytes, first_id: int
) -> list[Finding]:
    """One finding for each thing that was done; rows that only follow from another finding are left out."""
    if genesis in around:
        around[genesis].owners.insert(0, (0, first_id - 1))
    found: list[Finding] = []
    explained: set[int] = set()
    order = _Order(suspects, around, first_id)
    for place, s in enumerate(suspects):
        after = suspects[place + 1] if place + 1 < len(suspects) else None
        if s.row in explained:
            continue
        finding: Finding | None
        if not s.hashed:
            finding = _content(s, after, explained)
        elif s.linked:
            finding = _at(s, "id", f"its id does not rise above the one before, {s.id_before}")
        else:
            finding = order.explain(s)
        if finding is not None:
            found.append(finding)
            if finding.kind == "foreign":
                order.strays.add(s.row)
    return found


def _content(s: Suspect, after: Suspect | None, explained: set[int]) -> Finding:
    """A row whose columns do not give its hash."""
    if s.linked:
        if after is not None and after.row == s.row + 1 and after.previous == s.expected:
            if after.hashed:
                explained.add(after.row)
            return _at(s, "stored-hash", "its stored hash was changed: the row after it was linked to the right one")
        return _at(s, "content", "its columns do not give its stored hash")
    if s.relinked:
        return _at(s, "stored-link", "its stored previous hash was changed: with that of the row before, its hash fits")
    return _at(s, "foreign", "neither is it linked to the row before nor do its columns give its hash")


class _Order:
    """Where rows that are whole in themselves stand, and where they belong."""

    def __init__(self, suspects: Sequence[Suspect], around: Mapping[Cell, Neighbours], first_id: int) -> None:
        self.strays: set[int] = set()
        self._around = around
        self._first_id = first_id
        self._moved: dict[int, int] = {}
        for s in suspects:
            near = around.get(s.previous)
            if s.hashed and not s.linked and near is not None and near.owners and len(near.followers) == 1:
                self._moved[s.row] = near.owners[0][0] + 1
        self._exchanged: set[int] = set()
        for row, place in self._moved.items():
            if place > row and self._moved.get(place) == row and place - 1 not in self._exchanged:
                self._exchanged |= {row, place}

    def explain(self, s: Suspect) -> Finding | None:
        """A row that is not linked to the row before; None if another finding explains it."""
        near = self._around.get(s.previous, Neighbours())
        twin = next((other for other in near.followers if other[0] != s.row and other[2] == s.current), None)
        if twin is not None:
            return self._stray(s, "duplicate", f"it is a copy of id {twin[1]}")
        if near.owners and self._follows_rightly(s, near.owners[0][0]):
            return None
        rival = next((follower for follower in near.followers if follower[0] < s.row), None)
        if rival is not None:
            owner = _named(*near.owners[0]) if near.owners else "a row that is not there"
            return self._stray(s, "fork", f"it follows {owner}, as id {rival[1]} does")
        if near.owners:
            if near.owners[0][0] in self._moved and s.row not in self._exchanged:
                return None
            return _at(s, "order", f"it belongs after {_named(*near.owners[0])}")
        return self._nobody_before(s)

    def _stray(self, s: Suspect, kind: str, says: str) -> Finding:
        self.strays.add(s.row)
        return _at(s, kind, says)

    def _follows_rightly(self, s: Suspect, owner: int) -> bool:
        """It follows the last row that belongs there: those between were put in."""
        return owner < s.row and all(between in self.strays for between in range(owner + 1, s.row))

    def _nobody_before(self, s: Suspect) -> Finding:
        """No row has the hash that this one was written after."""
        if s.id_before is None:
            if s.id > self._first_id:
                return _at(
                    s, "missing-first", f"the chain begins with it: ids {self._first_id} to {s.id - 1} are missing"
                )
            return _at(s, "genesis", "its previous hash is not the genesis value")
        if s.id > s.id_before + 1:
            gap = f"id {s.id - 1}" if s.id == s.id_before + 2 else f"ids {s.id_before + 1} to {s.id - 1}"
            return _at(s, "missing", f"the row it was written after is not there: {gap} missing")
        says = f"id {s.id_before}: rewritten with a hash of its own: id {s.id} was written after another row"
        return Finding("rewritten", s.row - 1, s.id_before, says)


def _named(row: int, row_id: int) -> str:
    return f"id {row_id}" if row else "the genesis value"


def _at(s: Suspect, kind: str, says: str) -> Finding:
    return Finding(kind, s.row, s.id, f"row {s.row} (id {s.id}): {says}")

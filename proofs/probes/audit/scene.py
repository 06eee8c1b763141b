"""Writes in open transactions, beside the audit's reader who counts the events before anything is committed.

The reader looks twice each time: at what is committed, and (READ UNCOMMITTED) at everything. The difference is what the
scene's own transactions wrote: whoever appends holds the end of the chain until it commits or rolls back, so on a busy
server no other transaction has uncommitted events at that moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofs.errors import Indeterminate
from proofs.ledger import Hasher
from proofs.ports import QueryResult, SqlChannel
from proofs.probes.audit.place import ROLES, Place
from proofs.probes.sqltext import quoted

NEWEST = 12
"""Events a look brings by default: more than one call of an API writes."""
UNCOMMITTED = "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
UTC = "SET SESSION time_zone = '+00:00'"


@dataclass(frozen=True)
class Event:
    """One event as the reader sees it: its columns by role, and the columns its hash is made of."""

    roles: Mapping[str, Any]
    parts: tuple[Any, ...]

    @property
    def what(self) -> str:
        """Table and action, for messages."""
        return ascii(f"{self.roles.get('table')} {self.roles.get('action')}")

    def image(self, role: str) -> Mapping[str, Any] | None:
        """The row before or after the change by column name in lower case; None where there is none.

        Raises AssertionError for an image that is no JSON object.
        """
        text = self.roles.get(role)
        if text is None or text == "null":
            return None
        try:
            document = json.loads(str(text))
        except ValueError:
            document = None
        assert isinstance(document, dict), f"{self.what}: the image {role} is no JSON object: {str(text)[:80]!a}"
        return {str(name).lower(): value for name, value in document.items()}


class Played:
    """What came of a scene."""

    def __init__(self, results: Sequence[QueryResult], parts: int) -> None:
        self._results = results
        self._parts = parts

    def __getitem__(self, step: int) -> QueryResult:
        return self._results[step]

    def must(self, step: int) -> QueryResult:
        """A step without which the rest proves nothing. Raises `Indeterminate` if it was refused."""
        if not self._results[step].ok:
            raise Indeterminate(self._results[step].describe())
        return self._results[step]

    def events(self, look: int) -> list[Event]:
        """The uncommitted events at a look, oldest first."""
        committed = {event.roles["id"] for event in self._read(look)}
        return [event for event in self._read(look + 1) if event.roles["id"] not in committed]

    def all(self, look: int) -> list[Event]:
        """The newest events at a look, committed or not, oldest first."""
        return self._read(look + 1)

    def newest_committed(self, look: int) -> Event | None:
        """The last event that was committed at a look."""
        return next(reversed(self._read(look)), None)

    def _read(self, step: int) -> list[Event]:
        rows = self.must(step).rows
        found = [
            Event(
                {role: row[f"r_{role}"] for role in ROLES if f"r_{role}" in row},
                tuple(row.get(f"p_{number}") for number in range(self._parts)),
            )
            for row in rows
        ]
        return found[::-1]


class Scene:
    """Collects steps of several sessions, then plays them as one exchange; every session is rolled back."""

    def __init__(self, sql: SqlChannel, place: Place, newest: int = NEWEST) -> None:
        self._sql = sql
        self._wanted = Hasher(place.audit.recipe).columns
        roles = [f"{quoted(column)} AS r_{role}" for role, column in place.audit.columns.items() if role in ROLES]
        parts = [f"{quoted(wanted.column)} AS p_{number}" for number, wanted in enumerate(self._wanted)]
        tail = f"FROM {place.table} ORDER BY {place.column('id')} DESC LIMIT"
        few = f"{place.column('id')} AS r_id, {place.column('current')} AS r_current"
        self._look = f"SELECT {', '.join(roles + parts)} {tail} {newest}"
        self._glance = f"SELECT {few} {tail} {NEWEST + newest}"
        self._sessions = {"committed": place.reader, "everything": place.reader}
        self._steps: list[tuple[str, str]] = []
        for label, preparation in (("committed", [UTC]), ("everything", [UTC, UNCOMMITTED])):
            for statement in ("ROLLBACK", *preparation):
                self.step(label, statement)

    def session(self, label: str, identity: str) -> None:
        """One more session, in a transaction of its own."""
        self._sessions[label] = identity

    def step(self, label: str, statement: str) -> int:
        """A statement of a session; its number in what is played."""
        self._steps.append((label, statement))
        return len(self._steps) - 1

    def look(self) -> int:
        """The reader looks: at what is committed, then at everything."""
        step = self.step("committed", self._glance)
        self.step("everything", self._look)
        return step

    def play(self) -> Played:
        """Everything, in order."""
        return Played(self._sql.scenario(self._sessions, self._steps), len(self._wanted))


def follows(place: Place, before: Event | None, events: Sequence[Event]) -> str | None:
    """What is wrong with how these events continue the chain after `before`, or None.

    Each must name the hash of the one before it, and its own must be the one the inventory's recipe gives.
    """
    hasher = Hasher(place.audit.recipe)
    last = _cell(before.roles["current"]) if before else place.audit.genesis.encode()
    for event in events:
        if _cell(event.roles["previous"]) != last:
            return f"{event.what}: its previous hash is not the hash of the event before it"
        stored = _cell(event.roles["current"])
        if hasher.hashes([[_cell(part)] for part in event.parts]) != [stored]:
            return f"{event.what}: its hash is not the one its columns give"
        last = stored
    return None


def _cell(value: Any) -> bytes:
    if isinstance(value, Mapping):
        return bytes.fromhex(str(value["$hex"]))
    return b"" if value is None else str(value).encode()

"""Triggers, routines and events that the audit consists of, and those that could get in its way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import accounts
from proofs.probes.audit.place import Place
from proofs.probes.audit.wording import mentions, writes
from proofs.probes.readers import account_name, complete_reader
from proofs.probes.sqltext import literal

TRIGGERS = """SELECT TRIGGER_SCHEMA AS db, TRIGGER_NAME AS name, ACTION_TIMING AS timing, EVENT_MANIPULATION AS event,
 EVENT_OBJECT_TABLE AS tab, DEFINER AS definer, ACTION_STATEMENT AS body FROM information_schema.TRIGGERS
 WHERE TRIGGER_SCHEMA = {schema} ORDER BY TRIGGER_NAME"""
ROUTINES = """SELECT ROUTINE_SCHEMA AS db, ROUTINE_NAME AS name, ROUTINE_TYPE AS kind, SECURITY_TYPE AS security,
 DEFINER AS definer, ROUTINE_DEFINITION AS body FROM information_schema.ROUTINES
 WHERE ROUTINE_SCHEMA = {schema} OR {named} ORDER BY ROUTINE_SCHEMA, ROUTINE_NAME"""
"""Of other schemas, the servers' own among them, those alone whose text holds a name of the audit."""
EVENTS = """SELECT EVENT_SCHEMA AS db, EVENT_NAME AS name, DEFINER AS definer, EVENT_DEFINITION AS body
 FROM information_schema.EVENTS ORDER BY EVENT_SCHEMA, EVENT_NAME"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A trigger (`timing`, `event`, `table`) or a routine (`kind`, `security`) with its text and its definer."""

    name: str
    definer: str
    body: str
    head: str
    timing: str = ""
    event: str = ""
    table: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of `head`, a line feed and the text; line ends, trailing blanks, a last semicolon made alike.

        Nothing else is made alike: a comment ends where its line ends, so line ends mean something. (MySQL keeps the
        semicolon after a trigger that is one statement, MariaDB does not.)
        """
        lines = [line.rstrip() for line in self.body.strip().rstrip(";").splitlines()]
        return hashlib.sha256("\n".join([self.head, *lines]).encode()).hexdigest()


def triggers_of(sql: SqlChannel, place: Place, tables: Iterable[str]) -> Sequence[Stored]:
    """The triggers of these tables of the schema. Raises `Indeterminate` where nobody sees them with certainty."""
    reader = complete_reader(sql, place.target)
    wanted = set(tables)
    return [
        Stored(
            name=str(row["name"]),
            definer=str(row["definer"]),
            body=str(row["body"]),
            head=f"TRIGGER {row['timing']} {row['event']} ON {row['tab']}",
            timing=str(row["timing"]).upper(),
            event=str(row["event"]).upper(),
            table=str(row["tab"]),
        )
        for row in sql.rows(TRIGGERS.format(schema=literal(place.schema)), identity=reader)
        if str(row["tab"]) in wanted
    ]


def append_routines(sql: SqlChannel, place: Place) -> Sequence[Stored]:
    """The routines that write events. Raises `Indeterminate` where one is not seen or its text is hidden."""
    found = [each for each in _routines(sql, place) if each[0] == place.schema and each[1].name in place.audit.append]
    for name in place.audit.append:
        if not any(stored.name == name and stored.body for _, stored in found):
            raise Indeterminate(f"the routine {name!a} (audit.append) is not to be seen, or not its text")
    return [stored for _, stored in found]


def wrong_definitions(place: Place, found: Sequence[Stored]) -> list[str]:
    """How these differ from the definitions the inventory knows by hash. Raises `Indeterminate` where it knows none."""
    known = place.audit.triggers
    if not known:
        raise Indeterminate(
            "the inventory knows no definition by its hash (audit.triggers; `python tools/audit_hashes.py` prints them)"
        )
    wrong = [f"{each.name!a} is not declared (audit.triggers)" for each in found if each.name not in known]
    wrong += [
        f"the definition of {each.name!a} changed: {each.digest}, declared is {known[each.name]}"
        for each in found
        if each.name in known and known[each.name] != each.digest
    ]
    return wrong


def unlocked(sql: SqlChannel, target: Target, found: Iterable[Stored]) -> list[str]:
    """Definers of these that somebody can log in as."""
    owners = {account_name(each.definer) for each in found}
    return [
        account.name
        for account in accounts(sql, target.engine)
        if account.can_log_in and (account.user, account.host.lower()) in owners
    ]


def mentions_of(sql: SqlChannel, place: Place) -> list[str]:
    """Routines, events and triggers, other than the declared ones, that write and name what is the audit's.

    A program that puts such a name together from pieces is not found this way; that it may write is for the effective
    privileges of its definer to show.
    """
    reader = complete_reader(sql, place.target)
    names = _names(place)
    own = {*place.audit.triggers, *place.audit.append}
    candidates = [(f"routine {db}.{stored.name}", stored) for db, stored in _routines(sql, place)]
    candidates += [(f"event {row['db']}.{row['name']}", _bare(row)) for row in sql.rows(EVENTS, identity=reader)]
    tables = {place.audit.table, *place.audit.guarded, *place.audit.tables}
    everywhere = sql.rows(TRIGGERS.replace("WHERE TRIGGER_SCHEMA = {schema} ", ""), identity=reader)
    candidates += [
        (f"trigger {row['db']}.{row['name']}", _bare(row))
        for row in everywhere
        if not (str(row["db"]) == place.schema and str(row["tab"]) in tables)
    ]
    return [
        f"{what!a} (definer {stored.definer!a}) names {', '.join(found)}"
        for what, stored in candidates
        if not (stored.name in own and what.startswith(("routine", "trigger")))
        and (found := mentions(stored.body, names))
        and (writes(stored.body) or set(found) & set(place.audit.append))
    ]


def _bare(row: dict[str, object]) -> Stored:
    return Stored(str(row["name"]), str(row["definer"]), str(row["body"] or ""), "")


def _names(place: Place) -> tuple[str, ...]:
    return (place.audit.table, *place.audit.guarded, *place.audit.append)


def _routines(sql: SqlChannel, place: Place) -> Sequence[tuple[str, Stored]]:
    reader = complete_reader(sql, place.target)
    named = " OR ".join(f"LOCATE({literal(name.lower())}, LOWER(ROUTINE_DEFINITION)) > 0" for name in _names(place))
    return [
        (
            str(row["db"]),
            Stored(
                str(row["name"]),
                str(row["definer"]),
                str(row["body"] or ""),
                f"{row['kind']} SQL SECURITY {row['security']}",
            ),
        )
        for row in sql.rows(ROUTINES.format(schema=literal(place.schema), named=named), identity=reader)
    ]

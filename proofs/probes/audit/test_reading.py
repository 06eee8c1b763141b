"""Control audit-read-restricted."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.audit.place import attackers, newest_event, place_of
from proofs.probes.audit.refusals import NO_RIGHT
from proofs.probes.audit.ways import LENDERS, tables_of, told, ways
from proofs.probes.sqltext import quoted


def test_reading_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Every identity but the reader and the principals is refused the newest event (1142).

    Each column is tried apart, so that a right to one of them shows. Control experiment: the reader reads it.
    """
    place = place_of(target)
    event = newest_event(sql, place)
    with experiment("read the audit") as e:
        e.control(sql.attempt(place.reader, f"SELECT * FROM {event.table} WHERE {event.where}"))  # noqa: S608
        for name in attackers(sql, target):
            if name == place.reader or name in place.audit.principals:
                continue
            columns = ["1", *map(quoted, place.audit.columns.values())]
            statements = [f"SELECT {column} FROM {event.table} LIMIT 1" for column in columns]  # noqa: S608
            for result in sql.script(name, statements):
                e.attack(result, refused_with=NO_RIGHT)


def test_nobody_else_has_a_way_to_read(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account but the reader's and the principals' has a way to SELECT from the audit table, or from a column of it.

    Views count: one that shows the audit shows it to whoever may read the view.
    """
    place = place_of(target)
    wanted = [("SELECT", tables_of(place)[0])]
    found = ways(sql, target, place, wanted, params, lending=LENDERS, spared=(place.reader,))
    assert not found, f"ways to read the audit: {told(found)}"

"""Control tenant-metadata-hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, QueryResult, SqlChannel
from proofs.probes.readers import complete_reader
from proofs.probes.sqltext import filled, literal, quoted
from proofs.probes.tenancy.definitions import SYSTEM, base_tables, bodies, granted
from proofs.probes.tenancy.effects import engines_that_keep
from proofs.probes.tenancy.oracle import OUT_OF_RANGE, SETTINGS, telling
from proofs.probes.tenancy.scene import Scene, Side, View, refusals, scene, script, succeeded, views
from proofs.probes.tenancy.wording import spellings, unknown_like

DICTIONARY = {
    "tables": "table_schema, table_name",
    "columns": "table_schema, table_name",
    "views": "table_schema, table_name",
    "routines": "routine_schema, routine_name",
    "parameters": "specific_schema, specific_name",
    "triggers": "event_object_schema, event_object_table",
    "events": "event_schema, event_name",
    "statistics": "table_schema, table_name",
    "table_constraints": "table_schema, table_name",
    "key_column_usage": "table_schema, table_name",
    "referential_constraints": "constraint_schema, table_name",
    "partitions": "table_schema, table_name",
    "table_privileges": "table_schema, table_name",
    "column_privileges": "table_schema, table_name",
    "schemata": "schema_name, NULL",
}
"""Tables of information_schema that both engines have, with the columns that name an object: schema, object."""


def test_the_dictionary_shows_the_interface_only(sql: SqlChannel, target: Target) -> None:
    """information_schema and SHOW name applications nothing but their interface: the inventory's views and routines.

    What an application was given a right on of its own it is shown too; that is for other controls to find. A reader
    with all rights is shown the base tables by the same statements.
    """
    here = scene(target)
    tables = base_tables(sql, target, here.schema, here.tenancy.column)
    interface = (*here.application.views, *here.application.routines)
    known = {here.schema.lower()} | {f"{here.schema}.{name}".lower() for name in interface}
    statements = [
        f"SELECT DISTINCT {columns.split(', ')[0]} AS place, {columns.split(', ')[1]} AS name "  # noqa: S608
        f"FROM information_schema.{table} WHERE {columns.split(', ')[0]} NOT IN {SYSTEM}"
        for table, columns in DICTIONARY.items()
    ]
    statements += [f"SHOW OPEN TABLES FROM {quoted(here.schema)}", f"SHOW TABLES FROM {quoted(here.schema)}"]
    reader = complete_reader(sql, target)
    full = {name for each in statements[: len(DICTIONARY)] for name in _objects(sql.query(each, identity=reader), here)}
    unseen = [table for table in tables if f"{here.schema}.{table}".lower() not in full]
    if unseen:
        raise Indeterminate(f"the same statements do not even show {reader} the table {unseen[0]}")
    for identity in here.application.identities:
        shown = {name for result in sql.script(identity, statements) for name in _objects(result, here)}
        if not shown & known:
            raise Indeterminate(f"{identity} is not even shown its own interface")
        is_granted = granted(sql, target, identity)
        beyond = sorted(name for name in shown - known if not is_granted(*name.partition(".")[::2]))
        assert not beyond, f"{identity} is shown what is not its interface: {', '.join(beyond[:10])}"


def test_base_tables_cannot_be_described(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """What describes a table is refused for base tables, and shown of a view.

    1142 ER_TABLEACCESS_DENIED_ERROR. MySQL answers 1146 for a table that does not exist, so names can be guessed there;
    that is the server's own, and no right changes it.
    """
    here = scene(target)
    tables = base_tables(sql, target, here.schema, here.tenancy.column)
    ways = ("SHOW COLUMNS FROM {}", "SHOW INDEX FROM {}", "CHECKSUM TABLE {}", "SHOW CREATE TABLE {}", "DESCRIBE {}")
    view = here.application.views[0]
    for identity in here.application.identities:
        # What a right was given on may be described; that there is one is for other controls to find.
        is_granted = granted(sql, target, identity)
        names = [quoted(here.schema, each) for each in tables if not is_granted(here.schema, each)]
        if not names:
            continue
        with experiment(f"describe base tables as {identity}") as e:
            statements = [f"DESCRIBE {quoted(here.schema, view)}"]
            statements += [way.format(name) for way in ways for name in names]
            control, *results = sql.script(identity, statements)
            e.control(control)
            for result in results:
                e.attack(result, refused_with=1142)


def test_definitions_are_hidden(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Applications see neither the text of a routine nor of a view, nor how a view is evaluated.

    SHOW CREATE VIEW 1142, EXPLAIN 1345 ER_VIEW_NO_EXPLAIN, SHOW CREATE PROCEDURE with a body of NULL, an optimizer
    trace that is withheld (`insufficient_privileges`). The reader with all rights sees every text.
    """
    here = scene(target)
    texts = bodies(sql, target, here.schema)
    kinds = sql.rows(_ROUTINES + literal(here.schema), identity=here.application.identities[0])
    creates = [
        f"SHOW CREATE {kind} {quoted(here.schema, str(row['name']))}"
        for kind in ("FUNCTION", "PROCEDURE")
        for row in kinds
        if row["kind"] == kind
    ]
    names = [quoted(here.schema, name) for name in here.application.views]
    for identity in here.application.identities:
        groups = [
            creates,
            [_TEXTS + literal(here.schema)],
            ["SET SESSION optimizer_trace = 'enabled=on'", f"SELECT COUNT(*) FROM {names[0]}", _TRACE],  # noqa: S608
            [f"SELECT 1 FROM {name} LIMIT 0" for name in names],  # noqa: S608
            [f"{verb} {name}" for name in names for verb in ("SHOW CREATE VIEW", "EXPLAIN SELECT * FROM")],
        ]
        routines, dictionary, trace, selects, explains = script(sql, identity, groups)
        succeeded(*routines, *dictionary, *selects)
        told = [str(row) for result in routines for row in result.rows if _body(row)]
        told += [str(row) for result in dictionary for row in result.rows if row["text"]]
        assert not told, f"{identity} is shown the text of {len(told)} of {len(texts)} definitions: {told[0][:150]!a}"
        traced = [row for row in trace[2].rows if row["trace"]] if all(step.ok for step in trace) else []
        assert not traced, f"the optimizer's trace shows {identity} how a view is made: {traced[0]['trace'][:150]!a}"
        with experiment(f"have views explained as {identity}") as e:
            for result in selects:
                e.control(result)
            for result in explains:
                e.attack(result, refused_with=(1142, 1345))


def test_other_sessions_are_hidden(sql: SqlChannel, target: Target) -> None:
    """With sessions of two tenants open, neither sees the other's in the process list."""
    here = scene(target)
    for mine, other in here.pairs:
        look = "SHOW FULL PROCESSLIST"
        sessions = {"own": mine.identity, "other": other.identity}
        steps = [("other", "SELECT CONNECTION_ID() AS id"), ("other", look), ("own", look), ("own", _OF_OTHERS)]
        which, theirs, seen, threads = sql.scenario(sessions, steps)
        succeeded(which, theirs, seen)
        there = int(which.rows[0]["id"])
        if there not in {int(row["id"]) for row in theirs.rows}:
            raise Indeterminate(f"the session of {other.name} does not even show to itself: {theirs.describe()}")
        users = {str(row["user"]) for row in seen.rows} - {target.identities[mine.identity].user}
        assert not users, f"{mine.identity} is shown sessions of {', '.join(sorted(users))}: {seen.describe()}"
        assert not threads.ok or not threads.rows, f"{mine.identity} is shown sessions of others: {threads.describe()}"


def test_no_condition_is_evaluated_on_rows_of_others(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """A condition of the caller's own, which raises an error on one row of the other tenant, raises none.

    Whatever else is asked of that row (tenant, key) and however the optimizer is set by the session: a view that merges
    into the query around it lets conditions be evaluated on rows it does not show. The same statements do raise the
    error (1690) for the tenant whose row it is.
    """
    here = scene(target)
    shown = views(sql, here)
    for mine, other in here.pairs:
        samples = [f"SELECT * FROM {view.quoted} LIMIT 20" for view in shown]  # noqa: S608
        (bound, *rows), *_ = script(sql, other.identity, [[here.bind(other.id), *samples]])
        succeeded(bound)
        statements = [each for view, row in zip(shown, rows, strict=True) for each in _telling(view, row, other)]
        bound, *controls = sql.script(other.identity, [here.bind(other.id), *statements])
        succeeded(bound)
        trials = [statements, [here.bind(mine.id), *statements], *([setting, *statements] for setting in SETTINGS)]
        without, (bound, *with_context), *others = script(sql, mine.identity, trials)
        succeeded(bound)
        untold = [*without, *with_context, *(result for group in others for result in group[1:])]
        for control in controls:
            if OUT_OF_RANGE not in control.codes:
                raise Indeterminate(f"the control experiment came out otherwise: {control.describe()}")
        for result in untold:
            told = OUT_OF_RANGE in result.codes
            assert not told, f"{mine.identity} can ask for rows of {other.name} by an error: {result.describe()}"
            if not result.ok and not result.codes & refusals(params):
                raise Indeterminate(f"refused for another reason: {result.describe()}")


def test_a_key_of_another_tenant_does_not_show(sql: SqlChannel, target: Target) -> None:
    """A record under a key that another tenant has is stored like one under a key that nobody has; both rolled back."""
    here, records = scene(target), target.records
    if records is None:
        raise Indeterminate("the inventory says nothing of the records (records)")
    if not target.allow_canary_writes:
        raise Indeterminate("the target does not allow canary writes (allow_canary_writes)")
    if keeping := engines_that_keep(sql, here.schema):
        raise Indeterminate(f"what is written here cannot be rolled back: {', '.join(keeping)}")
    view, column = quoted(here.schema, records.view), quoted(records.key)
    keys = {}
    for side in here.sides:
        look = f"SELECT {column} AS k FROM {view} ORDER BY {column} LIMIT 1"  # noqa: S608
        bound, found = sql.script(side.identity, [here.bind(side.id), look])
        succeeded(bound, found)
        if not found.rows:
            raise Indeterminate(f"{side.name} has no record: {found.describe()}")
        value = found.rows[0]["k"]
        keys[side] = str(value["$hex"]) if isinstance(value, dict) else str(value)
    fresh = unknown_like(keys[here.sides[0]], keys.values())
    for mine, other in here.pairs:
        bind = here.bind(mine.id)
        calls = [filled(records.write, _RECORD | {"tenant": mine.id, "key": key}) for key in (fresh, keys[other])]
        (bound, nobodys), (again, theirs) = (sql.script(mine.identity, [bind, call]) for call in calls)
        succeeded(bound, nobodys, again)
        assert theirs.ok, f"{mine.identity} is told that {other.name} has a record of that key: {theirs.describe()}"


def _telling(view: View, sample: QueryResult, side: Side) -> list[str]:
    succeeded(sample)
    tenant = (view.tenant or "").lower()
    # Where the view shows rows of several tenants, it is one of this tenant's that matters here.
    own = [row for row in sample.rows if literal(row.get(tenant)) in spellings(side.id)] or sample.rows
    found = telling(view.quoted, tenant, own[0]) if own else []
    if not found:
        raise Indeterminate(f"no row by which an error could tell: {sample.describe()}")
    return found


def _objects(result: QueryResult, here: Scene) -> set[str]:
    """Names in lower case, `schema.object`, of a look at the dictionary, SHOW TABLES or SHOW OPEN TABLES."""
    succeeded(result)
    found = set()
    for row in result.rows:
        place = row.get("place", here.schema)
        name = row["name"] if "name" in row else row.get("table", next(iter(row.values())))
        found.add((str(place) if name is None else f"{place}.{name}").lower())
    return found


def _body(row: Mapping[str, Any]) -> bool:
    """Whether SHOW CREATE PROCEDURE or FUNCTION gave the text: its column is named after the statement."""
    return any(value is not None for name, value in row.items() if name.startswith("create "))


_ROUTINES = "SELECT routine_type AS kind, routine_name AS name FROM information_schema.routines WHERE routine_schema = "
_TEXTS = "SELECT view_definition AS text FROM information_schema.views WHERE table_schema = "
_TRACE = "SELECT trace AS trace FROM information_schema.optimizer_trace"
_OF_OTHERS = (
    "SELECT processlist_user AS user FROM performance_schema.threads "
    "WHERE processlist_user <> SUBSTRING_INDEX(USER(), '@', 1)"
)
_RECORD = {
    "ciphertext": {"$hex": "63" * 60},
    "iv": {"$hex": "69" * 12},
    "aad": "proof-of-controls",
    "wrapped_key": {"$hex": "77" * 60},
    "wrapped_key_pq": None,
    "cipher": "AES-256-GCM",
    "wrap": "AES-256-KW",
    "key_name": "proof-of-controls",
}
"""A record that nobody could open; it is rolled back."""

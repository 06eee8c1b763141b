"""Control no-user-created-code: who may put code into the server, and who may change what is there."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import listed
from proofs.probes.engines import schema_of
from proofs.probes.privileges.holders import attackers, granted, judged, themselves, uses
from proofs.probes.readers import complete_reader
from proofs.probes.rights.sessions import Thing
from proofs.probes.sqltext import literal, quoted
from proofs.probes.transport.settings import texts

CODE_TABLES = {"mysql": ("func", "plugin", "component"), "mariadb": ("func", "plugin", "proc", "event")}
"""Tables of the schema `mysql` that name libraries to load or hold code; writing them is INSTALL and CREATE by hand."""


def test_code_is_for_the_named_owners(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account that somebody can log in to may create or change routines, triggers, events or views.

    By whatever path, on whatever schema: INSERT, UPDATE or DELETE on the tables of `mysql` that name libraries or hold
    code does the same (SV-235168, SV-253731).
    """
    rights = granted(sql, target)
    privileges = frozenset(name.upper() for name in texts(params, "code_privileges"))
    if not privileges:
        raise Indeterminate("the parameter code_privileges names none")
    findings = []
    for account in judged(sql, target, params["code_owners"]):
        findings += [path for path, _ in uses(rights, account, privileges)]
        for table in CODE_TABLES[target.engine]:
            for action in ("INSERT", "UPDATE", "DELETE"):
                paths = rights.paths(account, action, Thing("table", "mysql", table))
                findings += [str(path) for path in themselves(paths)]
    assert not findings, f"{len(findings)} ways to put code into the server: {listed(findings)}"


def test_nobody_changes_the_interface(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """The routines and views of the application can be dropped, altered or replaced by the named owners alone."""
    if target.application is None:
        raise Indeterminate("the inventory does not say what the application may use (application)")
    schema = schema_of(target)
    rights = granted(sql, target)
    accounts = judged(sql, target, params["code_owners"])
    questions = [("DROP", Thing("table", schema, name)) for name in target.application.views]
    questions += [("REPLACE VIEW", Thing("table", schema, name)) for name in target.application.views]
    for name, kind in _routines(sql, target):
        questions.append(("DROP ROUTINE", Thing(kind, schema, name)))
    findings = [
        str(path) for action, thing in questions for path in themselves(rights.who_can(action, thing, accounts))
    ]
    assert not findings, f"{len(findings)} ways to change the application's interface: {listed(findings)}"


def _routines(sql: SqlChannel, target: Target) -> list[tuple[str, str]]:
    """Name and kind of every routine of the schema; `Indeterminate` if one that the inventory names is not there."""
    found = sql.rows(
        "SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS kind FROM information_schema.ROUTINES"  # noqa: S608 - a literal
        f" WHERE ROUTINE_SCHEMA = {literal(schema_of(target))}",
        identity=complete_reader(sql, target),
    )
    names = {str(row["name"]).lower() for row in found}
    missing = [
        each for each in (target.application.routines if target.application else ()) if each.lower() not in names
    ]
    if missing:
        raise Indeterminate(f"routines of the inventory that are not there (application.routines): {listed(missing)}")
    return [(str(row["name"]), str(row["kind"]).upper()) for row in found]


def test_creating_code_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Every identity is refused a routine, view, trigger, event, library and plugin.

    Nothing comes of it even if it is let through: the names exist already (or, of what is altered or loaded, do not),
    and the operator's refusal for that reason is the control experiment. 1044 ER_DBACCESS_DENIED_ERROR or 1142
    ER_TABLEACCESS_DENIED_ERROR; 1419 comes before them for triggers on MySQL with a binary log and without
    log_bin_trust_function_creators.
    """
    statements = _statements(sql, target)
    asked = [statement for statement, *_ in statements]
    controls = sql.script("operator", asked, transaction=False)
    for identity in attackers(target):
        results = sql.script(identity, asked, transaction=False)
        with experiment(f"create code as {identity}") as e:
            for control, result, (statement, past, denied) in zip(controls, results, statements, strict=True):
                e.control_refused(control, refused_with=past)
                assert not set(past) & result.codes, f"{identity} may do it: {statement}: {result.describe()}"
                e.attack(result, refused_with=denied)


def _statements(sql: SqlChannel, target: Target) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Statement, refusals past the check of privileges, refusals by it.

    1304 and 1050: it exists already; 1359: so does the trigger; 1539: no such event; 1126: no such library.
    """
    schema = schema_of(target)
    if target.application is None or not target.application.views:
        raise Indeterminate("the inventory names no view of the application (application.views)")
    procedures = [name for name, kind in _routines(sql, target) if kind == "PROCEDURE"]
    triggers = sql.rows(
        "SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS tab"  # noqa: S608 - a literal
        " FROM information_schema.TRIGGERS"
        f" WHERE TRIGGER_SCHEMA = {literal(schema)} ORDER BY 1",
        identity=complete_reader(sql, target),
    )
    if not procedures:
        raise Indeterminate(f"the schema {schema!a} has no procedure whose name could be taken")
    nowhere = "`no_such_thing_proof_of_controls`"
    statements: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
        (f"CREATE PROCEDURE {quoted(schema, procedures[0])}() SELECT 1", (1304,), (1044,)),
        (f"CREATE VIEW {quoted(schema, target.application.views[0])} AS SELECT 1 AS one", (1050,), (1142,)),
        (f"ALTER EVENT {quoted(schema)}.{nowhere} COMMENT ''", (1539,), (1044,)),
        (f"CREATE FUNCTION {nowhere} RETURNS INTEGER SONAME 'no_such_library.so'", (1126,), (1044, 1142)),
        (f"INSTALL PLUGIN {nowhere} SONAME 'no_such_library.so'", (1126,), (1044, 1142)),
    ]
    if triggers:
        name, table = quoted(schema, str(triggers[0]["name"])), quoted(schema, str(triggers[0]["tab"]))
        made = f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW SET @x = 1"
        statements.append((made, (1359,), (1142, 1419)))
    return statements

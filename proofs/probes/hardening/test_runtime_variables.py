"""Control runtime-variables-protected: who may change the configuration, and whether it survives a restart."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, SqlChannel
from proofs.probes.accounts import accounts, listed, without
from proofs.probes.hardening.option_files import on_disk
from proofs.probes.hardening.rules import Drift, drifts, forgotten, names, on
from proofs.probes.rights.serverwide import effective_privileges

ATTACKERS = ("app", "auditor", "migration")
INVALID = "require_secure_transport = 'proof-of-controls'"
"""No such value exists: with the privilege 1231 ER_WRONG_VALUE_FOR_VAR, without it 1227; it never takes effect."""


def test_only_administrators_may_set_variables(
    sql: SqlChannel, target: Target, params: dict[str, ParameterValue]
) -> None:
    """No account but the named administrators can get a privilege that sets global variables.

    Static and dynamic privileges, held directly, through any granted role (active by default or not), through a
    mandatory role, PUBLIC, or a proxied account, or by writing to the grant tables. Locked accounts count: routines
    run with their privileges, and so do roles that own one (SV-235169, SV-253732).
    """
    wanted = {name.upper() for name in names(params["setting_privileges"])}
    if not wanted:
        raise Indeterminate("the parameter setting_privileges names no privilege")
    held = effective_privileges(sql, target.engine)
    owners = _owners(sql, target)
    every = [each for each in accounts(sql, target.engine) if not each.is_role or each.name.rstrip("@") in owners]
    powers = {account: wanted & held.get((account.user, account.host), {}).keys() for account in every}
    if not any(powers.values()):
        raise Indeterminate("by the grant tables nobody may set variables, so they were not seen as they are")
    findings = []
    for account in without(every, params["allowed_admins"]):
        if powers[account]:
            how = held[account.user, account.host]
            findings.append(f"{account} ({', '.join(f'{name} {how[name]}' for name in sorted(powers[account]))})")
    assert not findings, f"accounts that may set global variables besides the allowed ones: {listed(findings)}"


def _owners(sql: SqlChannel, target: Target) -> set[str]:
    """Definers of routines, triggers and events as `user@host`, a role of MariaDB by its name alone."""
    reader = "operator" if "operator" in target.identities else "inspector"
    return {
        str(row["definer"])
        for source in ("routines", "triggers", "events")
        for row in sql.rows(f"SELECT DISTINCT definer AS definer FROM information_schema.{source}", identity=reader)  # noqa: S608
    }


def test_running_persisted_and_restart_values_agree(
    sql: SqlChannel, machine: HostChannel, target: Target, params: dict[str, ParameterValue]
) -> None:
    """The values in force are those the server will have after its next start.

    MySQL: performance_schema.variables_info says where a value came from and who set it, persisted_variables what
    waits in mysqld-auto.cnf. A value set at run time and not persisted is gone at the next start; a persisted one
    that differs takes its place. MariaDB: GLOBAL_VALUE_ORIGIN = SQL of information_schema.SYSTEM_VARIABLES.
    Where the host can be read, the option files are compared as they are now; where it can't, a change of them since
    the last start stays unseen. A value whose line is gone from them is in doubt: it may stand in a group or under a
    name that is not understood here (SV-235170).
    """
    watched = {name.lower() for name in names(params["watched_variables"])}
    options = on_disk(sql, machine, target)
    found = _mysql_values(sql) if target.engine == "mysql" else _mariadb_values(sql)
    seen = {name: value for name, value in found.items() if name in watched or value.persisted is not None}
    if not watched & seen.keys():
        raise Indeterminate("the server shows none of the watched variables")
    if any(value.persisted is not None for value in seen.values()):
        loaded = on(sql.variable("persisted_globals_load"))
        assert loaded, "variables are persisted, but persisted_globals_load is off: the next start ignores them"
    findings = drifts(seen, options)
    assert not findings, f"values that the next start would change: {listed(findings)}"
    if gone := forgotten(seen, options):
        raise Indeterminate(f"came from an option file, and no line of one was found to name it now: {listed(gone)}")


def _mysql_values(sql: SqlChannel) -> dict[str, Drift]:
    waiting = sql.rows(
        "SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value FROM performance_schema.persisted_variables"
    )
    persisted = {str(row["name"]).lower(): str(row["value"]) for row in waiting}
    rows = sql.rows(
        "SELECT VARIABLE_NAME AS name, VARIABLE_SOURCE AS source, SET_USER AS who, SET_TIME AS moment,"
        " VARIABLE_PATH <> '' AND VARIABLE_SOURCE NOT IN ('DYNAMIC', 'PERSISTED') AS from_file"
        " FROM performance_schema.variables_info"
    )
    running = {str(row["variable_name"]).lower(): str(row["value"]) for row in sql.rows("SHOW GLOBAL VARIABLES")}
    found = {}
    for row in rows:
        name = str(row["name"]).lower()
        by = f" by {row['who']!a} at {row['moment']}" if row["who"] else ""
        from_file = bool(int(row["from_file"]))
        found[name] = Drift(running.get(name), row["source"] == "DYNAMIC", persisted.pop(name, None), by, from_file)
    found.update({name: Drift(None, False, value, "") for name, value in persisted.items()})
    return found


def _mariadb_values(sql: SqlChannel) -> dict[str, Drift]:
    rows = sql.rows(
        "SELECT VARIABLE_NAME AS name, GLOBAL_VALUE AS value, GLOBAL_VALUE_ORIGIN AS source"
        " FROM information_schema.SYSTEM_VARIABLES WHERE GLOBAL_VALUE IS NOT NULL"
    )
    return {
        str(row["name"]).lower(): Drift(row["value"], row["source"] == "SQL", None, from_file=row["source"] == "CONFIG")
        for row in rows
    }


def test_set_global_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """The application's identities cannot set a global variable, neither for now nor persistently.

    1227 ER_SPECIFIC_ACCESS_DENIED_ERROR. The value is one that no server takes: whoever has the privilege gets 1231
    ER_WRONG_VALUE_FOR_VAR and nothing changes. The operator's 1231 is the control experiment.
    """
    present = [name for name in ATTACKERS if name in target.identities]
    statements = [f"SET GLOBAL {INVALID}"] + ([f"SET PERSIST {INVALID}"] if target.engine == "mysql" else [])
    for statement in statements:
        with experiment(statement.split("=")[0].strip()) as e:
            e.control_refused(sql.attempt("operator", statement), refused_with=1231)
            for identity in present:
                attempt = sql.attempt(identity, statement)
                assert 1231 not in attempt.codes, f"{identity} may set it: {attempt.describe()}"
                e.attack(attempt, refused_with=1227)

"""Control sql-mode-strict: invalid values are refused, not bent into shape."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import listed
from proofs.probes.hardening.rules import missing_modes, names

IDENTITIES = ("app", "auditor", "migration")
STORED = """SELECT 'routine' AS kind, ROUTINE_SCHEMA AS place, ROUTINE_NAME AS name, SQL_MODE AS mode
 FROM information_schema.ROUTINES
 UNION ALL SELECT 'trigger', TRIGGER_SCHEMA, TRIGGER_NAME, SQL_MODE FROM information_schema.TRIGGERS
 UNION ALL SELECT 'event', EVENT_SCHEMA, EVENT_NAME, SQL_MODE FROM information_schema.EVENTS"""
VENDOR_SCHEMAS = ("mysql", "sys", "information_schema", "performance_schema")


def _required(params: dict[str, ParameterValue]) -> tuple[str, ...]:
    required = names(params["required_modes"])
    if not required:
        raise Indeterminate("the parameter required_modes names no mode")
    return required


def test_global_mode_is_strict(sql: SqlChannel, params: dict[str, ParameterValue]) -> None:
    """The global sql_mode holds every required mode.

    STRICT_ALL_TABLES refuses invalid values for every storage engine, STRICT_TRANS_TABLES only for transactional
    ones (SV-235156, SV-253714).
    """
    mode = sql.variable("sql_mode")
    if mode is None:
        raise Indeterminate("the server shows no variable sql_mode")
    missing = missing_modes(mode, _required(params))
    assert not missing, f"the global sql_mode lacks {', '.join(missing)}; it is {mode!a}"


def test_new_sessions_start_strict(sql: SqlChannel, target: Target, params: dict[str, ParameterValue]) -> None:
    """A new session of the application begins in strict mode.

    `init_connect` runs at every login of an account without administrative rights and could change the mode; the
    global variable does not show that. (Any session may change its own mode later.)
    """
    present = [name for name in IDENTITIES if name in target.identities]
    if not present:
        raise Indeterminate(f"the inventory has none of the identities {', '.join(IDENTITIES)}")
    for identity in present:
        look = sql.attempt(identity, "SELECT @@SESSION.sql_mode AS mode")
        if not look.ok or not look.rows:
            raise Indeterminate(look.describe())
        missing = missing_modes(str(look.rows[0]["mode"]), _required(params))
        assert not missing, f"a new session of {identity} lacks {', '.join(missing)}"


def test_routines_carry_strict_mode(sql: SqlChannel, params: dict[str, ParameterValue]) -> None:
    """Every stored routine, trigger and event was created under the required modes.

    They run under the mode they were created with, whatever the server's is now (information_schema, SQL_MODE). The
    vendor's own schemas are left out. Read as the operator, who sees them all: to others a missing privilege makes
    them invisible, which would look like there being none.
    """
    held = {
        str(row["privilege"]).upper()
        for row in sql.rows(
            "SELECT PRIVILEGE_TYPE AS privilege FROM information_schema.USER_PRIVILEGES WHERE GRANTEE ="
            " CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
            identity="operator",
        )
    }
    blind = {"SELECT", "TRIGGER", "EVENT"} - held
    if blind:
        raise Indeterminate(f"the operator may not see every routine, trigger and event: lacks {sorted(blind)}")
    found = [row for row in sql.rows(STORED, identity="operator") if row["place"].lower() not in VENDOR_SCHEMAS]
    required = _required(params)
    lax = [
        f"{row['kind']} {row['place']}.{row['name']} ({', '.join(missing)})"
        for row in found
        if (missing := missing_modes(str(row["mode"]), required))
    ]
    assert not lax, f"created without required modes: {listed(lax)}"


def test_invalid_value_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """A number out of range and a text that is too long are refused instead of cut to fit.

    1264 ER_WARN_DATA_OUT_OF_RANGE, 1406 ER_DATA_TOO_LONG. Tried on a temporary table that belongs to the one session
    and goes with it, whose rows come from its own definition; no table of the target is touched. Control experiment:
    the same table with a value that fits.
    """
    if target.schema is None:
        raise Indeterminate("the inventory names no schema to make a temporary table in")
    table = f"CREATE TEMPORARY TABLE `{target.schema.replace('`', '``')}`.proof_of_controls (v {{}} NOT NULL) AS SELECT"
    with experiment("store an invalid value") as e:
        for kind, good, bad, code in (("TINYINT", "100", "300", 1264), ("VARCHAR(2)", "'ab'", "'abc'", 1406)):
            e.control(sql.attempt("operator", f"{table.format(kind)} {good} AS v"))
            e.attack(sql.attempt("operator", f"{table.format(kind)} {bad} AS v"), refused_with=code)

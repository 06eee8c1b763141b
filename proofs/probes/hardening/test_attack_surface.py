"""Control no-symlinks-udf-demo: nothing runs in or lies on the server that the deployment does not need."""

from __future__ import annotations

import re
from collections.abc import Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, SqlChannel
from proofs.probes.accounts import listed
from proofs.probes.hardening.option_files import on_disk
from proofs.probes.hardening.rules import names, on, unapproved

ATTACKERS = ("app", "auditor", "migration")
RUNNING = ("ACTIVE", "DELETED", "INACTIVE")
"""States of a plugin whose code is in the server; DELETED is in use until its last session ends."""
CREATE_FUNCTION = "CREATE FUNCTION proof_of_controls_absent RETURNS INTEGER SONAME 'proof_of_controls_absent.so'"


def test_symbolic_links_are_off(sql: SqlChannel, machine: HostChannel, target: Target) -> None:
    """Symbolic links to tables are off, and so are functions without a companion symbol.

    have_symlink is DISABLED (or NO) where they are off; MySQL turns them off by default since 8.0, MariaDB has them
    on. allow_suspicious_udfs is a variable on MariaDB and only an option on MySQL, where it is looked for in the
    option files if the host can be read (SV-235143, SV-253690).
    """
    value = sql.variable("have_symlink")
    if value is None:
        raise Indeterminate("the server shows no variable have_symlink")
    assert value.upper() in ("DISABLED", "NO"), f"have_symlink is {value!a}, expected DISABLED"
    suspicious = sql.variable("allow_suspicious_udfs")
    if suspicious is None and target.engine == "mariadb":
        raise Indeterminate("the server shows no variable allow_suspicious_udfs")
    options = on_disk(sql, machine, target) or {}
    for place, given in (("running", suspicious), ("option file", options.get("allow_suspicious_udfs"))):
        assert on(given or "OFF") is False, f"allow_suspicious_udfs ({place}) is {given!a}, expected OFF"


def test_no_demo_schema_exists(sql: SqlChannel, params: dict[str, ParameterValue]) -> None:
    """No sample schema exists on the server.

    Read by an account with a global privilege, to which every schema is visible; with partial revokes (MySQL) some
    are not (SV-235144, SV-253690).
    """
    grants = [str(next(iter(row.values()))) for row in sql.rows("SHOW GRANTS")]
    hidden = [grant for grant in grants if grant.startswith("REVOKE")]
    if hidden or not any(_static_global(grant) for grant in grants):
        raise Indeterminate("not every schema shows: the inspector has no static global privilege, or partial revokes")
    schemas = {name.lower() for name in _names(sql, "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA")}
    if "mysql" not in schemas:
        raise Indeterminate("the list of schemas lacks even mysql")
    forbidden = {name.lower() for name in names(params["forbidden_schemas"])}
    assert not schemas & forbidden, f"sample schemas exist: {', '.join(sorted(schemas & forbidden))}"


def _static_global(grant: str) -> bool:
    """The grant gives a privilege on *.* that is neither USAGE nor, on MySQL, a dynamic one (they have underscores)."""
    found = re.match(r"GRANT (.+?) ON \*\.\*", grant)
    return found is not None and any(
        name.strip() not in ("USAGE", "PROXY") and "_" not in name for name in found.group(1).split(",")
    )


def test_plugins_and_components_are_approved(
    sql: SqlChannel, target: Target, params: dict[str, ParameterValue]
) -> None:
    """Every plugin, component and function that was added to the server is on the approved list.

    Plugins compiled into the server have no library and are the vendor's default. Counted are those in memory and
    those registered for the next start (mysql.plugin, mysql.component, mysql.func); MySQL also shows the functions
    in memory (performance_schema.user_defined_functions) (SV-235144, SV-253691).
    """
    plugins = sql.rows(
        "SELECT PLUGIN_NAME AS name, PLUGIN_STATUS AS status, PLUGIN_LIBRARY AS file FROM information_schema.PLUGINS"
    )
    running = [row for row in plugins if row["status"] in RUNNING]
    if not running:
        raise Indeterminate("the server shows no plugin at all, not even its storage engines")
    loaded = [str(row["name"]) for row in running if row["file"]] + _names(sql, "SELECT name FROM mysql.plugin")
    forbidden = {name.lower() for name in names(params["forbidden_plugins"])}
    bad = [f"plugin {row['name']} (forbidden)" for row in running if row["name"].lower() in forbidden]
    bad += [f"plugin {name}" for name in unapproved(loaded, names(params["approved_plugins"]))]
    functions = _names(sql, "SELECT name FROM mysql.func")
    if target.engine == "mysql":
        components = _names(sql, "SELECT component_urn AS name FROM mysql.component")
        bad += [f"component {name}" for name in unapproved(components, names(params["approved_components"]))]
        functions += _names(
            sql,
            "SELECT UDF_NAME AS name FROM performance_schema.user_defined_functions WHERE UDF_LIBRARY IS NOT NULL",
        )
    bad += [f"function {name}" for name in unapproved(functions, names(params["approved_functions"]))]
    assert not bad, f"not approved: {listed(bad)}"


def _names(sql: SqlChannel, statement: str) -> list[str]:
    return [str(row["name"]) for row in sql.rows(statement)]


def test_loadable_functions_are_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """The application's identities cannot load a function from a library.

    1044 ER_DBACCESS_DENIED_ERROR (or 1142, 1227, 1370) for want of INSERT on the schema mysql. The library does not
    exist, so nothing is loaded in any case: whoever has the privilege gets 1126 ER_CANT_OPEN_LIBRARY, as the
    operator does in the control experiment.
    """
    present: Sequence[str] = [name for name in ATTACKERS if name in target.identities]
    with experiment("load a function from a library") as e:
        e.control_refused(sql.attempt("operator", CREATE_FUNCTION), refused_with=1126)
        for identity in present:
            attempt = sql.attempt(identity, CREATE_FUNCTION)
            assert 1126 not in attempt.codes, f"{identity} may load libraries: {attempt.describe()}"
            e.attack(attempt, refused_with=(1044, 1142, 1227, 1370))

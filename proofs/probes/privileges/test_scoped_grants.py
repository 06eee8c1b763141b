"""Control dml-ddl-grants-scoped."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import listed
from proofs.probes.privileges.holders import attackers, audited, granted, judged, of_application, themselves, uses
from proofs.probes.rights.facts import Grant
from proofs.probes.rights.patterns import fits, has_wildcard
from proofs.probes.sqltext import quoted
from proofs.probes.transport.settings import texts

CHANGES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALTER", "CREATE TRIGGER")
"""What would change data past its audit, or the audit itself; TRUNCATE stands for all that DROP allows."""


def test_grants_name_one_schema(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account but the administrators has DML or DDL on `*.*`, or on a pattern that stands for several schemas.

    A pattern does if it holds `%`, or if its `_` fits more than one schema that there is (an unescaped `_` is a
    wildcard; MySQL Reference Manual, "GRANT Statement"; CIS 5.9, SV-235166).
    """
    rights = granted(sql, target)
    privileges = frozenset(name.upper() for name in texts(params, "privileges"))
    if not privileges:
        raise Indeterminate("the parameter privileges names none")
    schemas = [str(row["name"]) for row in sql.rows("SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA")]
    findings = []
    for account in judged(sql, target, params["exempt_accounts"]):
        for path, grant in uses(rights, account, privileges):
            if _several(grant, schemas, rights.facts.literal_names):
                findings.append(path)
    assert not findings, f"{len(findings)} grants of DML or DDL do not name one schema: {listed(findings)}"


def _several(grant: Grant, schemas: list[str], literal: bool) -> bool:
    if grant.scope.level == "server":
        return True
    pattern = grant.scope.schema
    if grant.scope.level != "schema" or literal or not has_wildcard(pattern):
        return False
    return has_wildcard(pattern, "%") or sum(fits(pattern, schema) for schema in schemas) > 1


def test_nobody_changes_what_is_audited(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account but the administrators can change the audit or an audited table but through stored objects.

    The application's accounts are left to the control procedure-only-writes, which judges every table for them.
    By whatever path: granted on anything, by a role (default or not), by PUBLIC, in another account's place. DDL counts
    as much as DML: DROP is TRUNCATE, ALTER takes columns away, and neither fires a trigger.
    """
    rights = granted(sql, target)
    apart = of_application(target)
    accounts = [
        (user, host)
        for user, host in judged(sql, target, params["exempt_accounts"])
        if (user, host.lower()) not in apart
    ]
    findings = [
        str(path)
        for thing in audited(target)
        for action in CHANGES
        for path in themselves(rights.who_can(action, thing, accounts))
    ]
    assert not findings, f"{len(findings)} ways to change what is audited: {listed(findings, 8)}"


def test_changing_what_is_audited_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """The auditor and the migration account are refused a DELETE of nothing and an ALTER of a column that isn't there.

    1142 ER_TABLEACCESS_DENIED_ERROR. Whoever may deletes no row, and gets 1091 ER_CANT_DROP_FIELD_OR_KEY for the ALTER;
    the operator does, as the control experiment.
    """
    statements = []
    for thing in audited(target):
        table = quoted(thing.schema, thing.name)
        statements.append((f"DELETE FROM {table} WHERE 1 = 0", 0))  # noqa: S608 - quoted
        statements.append((f"ALTER TABLE {table} DROP COLUMN `no_such_column_proof_of_controls`", 1091))
    asked = [statement for statement, _ in statements]
    controls = sql.script("operator", asked)
    for identity in attackers(target, applications=False):
        with experiment(f"change what is audited as {identity}") as e:
            for result, (_, answer) in zip(controls, statements, strict=True):
                e.control_refused(result, refused_with=answer) if answer else e.control(result)
            for result, (statement, answer) in zip(sql.script(identity, asked), statements, strict=True):
                assert answer not in result.codes, f"{identity} may do it: {statement}: {result.describe()}"
                e.attack(result, refused_with=1142)

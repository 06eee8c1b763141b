"""A canary record written through the application's interface, and an administrator who looks before it is undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Json, Records, Target
from proofs.ports import QueryResult, RecordsChannel, SqlChannel
from proofs.probes.apicalls import must_allow_writes, tenancy_of
from proofs.probes.sqltext import filled, literal, quoted

LOOK_AT_ALL = ("ROLLBACK", "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")


def records_of(target: Target) -> Records:
    """The records section of the inventory; `Indeterminate` without one."""
    if target.records is None or target.schema is None:
        raise Indeterminate("the inventory does not say where personal data is kept (records, schema)")
    return target.records


@dataclass(frozen=True)
class Written:
    """What came of writing a canary: its facts, the record as its tenant reads it, the administrator's looks."""

    canary: Json
    stored: Json
    looks: Sequence[QueryResult]


def canary_of(records: RecordsChannel, target: Target) -> Json:
    """The canary of the first tenant. `Indeterminate` where the inventory names none."""
    return records.canary(next(iter(tenancy_of(target).tenants)))


def write_canary(sql: SqlChannel, records: RecordsChannel, target: Target, looks: Sequence[str] = ()) -> Written:
    """Write the canary of the first tenant in a transaction that is rolled back; `looks` are run before that.

    Raises `Indeterminate` where the target does not allow it, a table could not roll it back, or the write or a look
    did not succeed.
    """
    section, tenancy = records_of(target), tenancy_of(target)
    must_allow_writes(sql, target)
    if "operator" not in target.identities:
        raise Indeterminate("the inventory has no identity 'operator' that could look for the canary")
    canary = canary_of(records, target)
    tenant = next(iter(tenancy.tenants.values()))
    values = {**canary["fields"], "tenant": tenant.id, "key": canary["record"]}
    steps = [("admin", statement) for statement in LOOK_AT_ALL]
    steps.append(("app", filled(tenancy.set_context, {"tenant": tenant.id})))
    steps.append(("app", filled(section.write, values)))
    iv = literal(canary["fields"]["iv"])
    shown = f"SELECT * FROM {quoted(str(target.schema), section.view)} WHERE {quoted(section.iv)} = {iv}"  # noqa: S608
    steps.append(("app", shown))
    steps += [("admin", look) for look in looks]
    results = sql.scenario({"admin": "operator", "app": tenant.identity}, steps)
    for result in results:
        if not result.ok:
            raise Indeterminate(f"the canary was not written or not looked for: {result.describe()}")
    rows = results[4].rows
    if len(rows) != 1:
        raise Indeterminate(f"{tenant.identity} sees {len(rows)} records with the canary's IV in {section.view!a}")
    return Written(canary, _fields(section, rows[0], canary), results[5:])


def _fields(section: Records, row: Json, canary: Json) -> Json:
    """The stored record under the client's names; the cipher is what the client says it used."""
    columns = {
        "ciphertext": section.ciphertext,
        "iv": section.iv,
        "aad": section.aad,
        "wrapped_key": section.wrapped_key,
        "key_name": section.key_name,
    }
    stored = {name: row.get(column.lower()) for name, column in columns.items()}
    return {**stored, "cipher": canary["fields"]["cipher"], "wrap": canary["fields"]["wrap"]}

"""Control no-plaintext-pii-in-tables: a stored record opens with the key service, for its own tenant, and not else."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import Experiments, RecordsChannel, SqlChannel
from proofs.probes.data_protection.scene import write_canary


def test_opening_needs_the_key_service(
    sql: SqlChannel, records: RecordsChannel, target: Target, experiment: Experiments
) -> None:
    """The canary as it is stored opens with the key service; with a key that was made up it does not."""
    written = write_canary(sql, records, target)
    where = {"tenant": _names(target)[0], "record": str(written.canary["record"])}
    with experiment("open a stored record without the key service") as e:
        e.control(records.open(written.stored, **where))
        e.attack(records.open(written.stored, **where, key="other"), refused_with="local:UnwrapRefused")


def test_record_moved_to_another_tenant_does_not_open(
    sql: SqlChannel, records: RecordsChannel, target: Target, experiment: Experiments
) -> None:
    """The canary opens as a record of its tenant, not as one of another: with the AAD stored, nor with that changed."""
    own, other = _names(target)
    written = write_canary(sql, records, target)
    record = str(written.canary["record"])
    there = records.canary(other)["fields"]["aad"]
    forged = str(bytes.fromhex(there["$hex"]), "ascii").replace(str(records.canary(other)["record"]), record)
    with experiment("open a record as one of another tenant") as e:
        e.control(records.open(written.stored, tenant=own, record=record))
        e.attack(records.open(written.stored, tenant=other, record=record), refused_with="local:OpenRefused")
        moved = {**written.stored, "aad": {"$hex": forged.encode().hex()}}
        codes = ("local:OpenRefused", "local:UnwrapRefused")
        e.attack(records.open(moved, tenant=other, record=record), refused_with=codes)


def _names(target: Target) -> tuple[str, str]:
    names = list(target.tenancy.tenants) if target.tenancy else []
    if len(names) < 2:
        raise Indeterminate("the inventory names no two tenants (tenancy.tenants)")
    return names[0], names[1]

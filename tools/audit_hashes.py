"""Print `audit.triggers` of a target as it is now: the hash of each trigger and routine that the audit consists of.

To be put into the inventory once somebody has read the definitions; from then on a proof tells when one changes. The
target is looked at with the probes' own eyes, so what is printed is what they compare.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from proofs import resources
from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.inventory import load_inventory
from proofs.catalogue.secretstore import SecretStore
from proofs.channels.budget import AbortBudget
from proofs.channels.sql import Sql
from proofs.errors import ProofsError
from proofs.lab import lease
from proofs.model import Exchange, Json, Request, Target
from proofs.probes.audit.place import place_of
from proofs.probes.audit.stored import append_routines, triggers_of


class Unrecorded:
    """An `ExchangeSink` that keeps nothing: this is no proof."""

    def exchange(self, request: Request, perform: Callable[[], Json], *, memo: bool = False) -> Exchange:
        return Exchange(0, request, perform(), "", 0.0, None, None)


def hashes(target: Target) -> dict[str, str]:
    """Name → SHA-256 of every trigger of the audit's and the audited tables, and of the routines that write events."""
    sql = Sql(target, Unrecorded(), SecretStore(), AbortBudget(lambda: True))
    try:
        place = place_of(target)
        tables = (place.audit.table, *place.audit.guarded, *place.audit.tables)
        return {each.name: each.digest for each in [*triggers_of(sql, place, tables), *append_routines(sql, place)]}
    finally:
        sql.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="lab")
    parser.add_argument("--inventory", type=Path, default=resources.TARGETS)
    options = parser.parse_args()
    try:
        inventory = load_inventory(options.inventory)
        entry = inventory.entry(options.target)
        with ExitStack() as stack:
            variables = {}
            if "lab" in entry:
                variables["lab"] = str(
                    stack.enter_context(lease(options.target, entry["engine"], entry["lab"])).directory
                )
            target = inventory.resolve(options.target, variables, load_catalogue(resources.CONTROLS))
            print("      triggers:")
            for name, digest in sorted(hashes(target).items()):
                print(f"        {name}: {digest}")
    except ProofsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

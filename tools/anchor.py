"""Write the head of a target's audit chain down, as its auditor over TLS: once (for a timer), or every minute.

    python tools/anchor.py --target db01 --once                  appends to the target's audit.anchors.file
    python tools/anchor.py --target db01 --once --file - | logger -n log.example.com -t anchor

Run it on another machine than the database's, or let the line go to one.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.inventory import load_inventory
from proofs.errors import ConfigurationError, ProbeOutcome, ProofsError
from proofs.lab import state
from proofs.lab.anchoring import INTERVAL_S, append, take
from proofs.model import Target
from proofs.resources import CONTROLS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", required=True, help="a target of the inventory; the lab's must be up")
    parser.add_argument("--inventory", default="targets.yaml")
    parser.add_argument("--file", help="another file than the target's audit.anchors.file, - for standard output")
    parser.add_argument("--once", action="store_true", help=f"one anchor instead of one every {INTERVAL_S:g} s")
    options = parser.parse_args()
    try:
        target = _target(options.inventory, options.target)
        declared = target.audit.anchors if target.audit else None
        file = options.file or (declared.file if declared else None)
        if file is None:
            raise ConfigurationError(
                f"{options.inventory}: {options.target} has no audit.anchors; add it or give --file"
            )
        while True:
            began = time.monotonic()
            line = take(target)
            if file == "-":
                print(line, flush=True)
            else:
                append(Path(file), line)
            if options.once:
                return 0
            time.sleep(max(0.0, INTERVAL_S - (time.monotonic() - began)))
    except (ProofsError, ProbeOutcome, OSError) as error:
        print(f"anchor: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 3)


def _target(path: str, name: str) -> Target:
    inventory = load_inventory(Path(path))
    values = {"lab": str(state.directory(name))} if "lab" in inventory.entry(name) else {}
    return inventory.resolve(name, values, load_catalogue(CONTROLS))


if __name__ == "__main__":
    raise SystemExit(main())

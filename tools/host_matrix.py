"""`make host-sabotage`: break the lab's machines one way at a time and print, as a table, which controls noticed.

Each machine is booted once; every sabotage is undone before the next. Each must be noticed by exactly the controls it
breaks; the good machine is proven in full, first and last.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sabotage_matrix import HEADER, assessment_in, line

from proofs import resources
from proofs.catalogue.controls import load_catalogue
from proofs.lab import host_sabotages
from proofs.lab.labs import lease
from proofs.lab.vm import access, recipe

ALWAYS = ("private-key-permissions", "bind-address-restricted", "audit-anchor-off-host")
"""Controls of other surfaces that look at the host."""
LIMIT_S = 900


@dataclass(frozen=True, slots=True)
class Row:
    """What a proof said of a machine under a sabotage, control by control."""

    found: dict[str, str]

    def having(self, *verdicts: str) -> frozenset[str]:
        """Controls with one of these verdicts."""
        return frozenset(name for name, verdict in self.found.items() if verdict in verdicts)


def judged(broken: Iterable[str]) -> list[str]:
    """Controls that are proven under a sabotage: those that look at the host, and those it breaks."""
    controls = load_catalogue(resources.CONTROLS).controls
    return [name for name, each in controls.items() if each.surface == "host" or name in (*ALWAYS, *broken)]


def prove(name: str, reports: Path, controls: Sequence[str] = ()) -> Row:
    """Prove a machine that is up, as a user would, and read the verdicts off the bundle."""
    command = [sys.executable, "-m", "pytest", "-q", f"--target={name}", f"--reports={reports}"]
    command += [f"--control={','.join(controls)}"] if controls else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assessment = assessment_in(reports, done, name)
    return Row({c["id"]: c["verdict"] for c in assessment["controls"] if not controls or c["id"] in controls})


def wrong(row: Row, breaks: frozenset[str], doubts: frozenset[str]) -> str:
    """What is otherwise than it should be, on one line; empty if nothing is."""
    failed, doubtful = row.having("not-satisfied"), row.having("indeterminate", "not-assessed")
    parts = {"missed": breaks - failed, "beyond": failed - breaks, "in doubt": doubtful ^ doubts}
    return ", ".join(f"{what} {sorted(names)}" for what, names in parts.items() if names)


def matrix(name: str, chosen: Sequence[str], scratch: Path, *, narrow: bool) -> list[tuple[str, str, frozenset[str]]]:
    """(sabotage, what is wrong, controls that noticed) of one machine, the good machine first and last.

    `narrow`: only whether the broken controls notice, which takes a fraction of the time.
    """
    rows = []
    host = recipe.load(name)
    with lease(name, host.engine, name) as state:

        def take(label: str, breaks: frozenset[str], doubts: frozenset[str], controls: Sequence[str]) -> None:
            row = prove(name, scratch / f"{name}-{label}", controls)
            rows.append((label, wrong(row, breaks, doubts), row.having("not-satisfied")))
            print(f"{name} {label}: {rows[-1][1] or 'as expected'}", file=sys.stderr, flush=True)

        if not narrow:
            take("(none)", frozenset(), frozenset(), ())
        for each in host_sabotages.load().values():
            if host.engine not in each.steps or (chosen and each.name not in chosen):
                continue
            step = each.steps[host.engine]
            access.shell(state.directory, step.shell)
            try:
                take(each.name, each.breaks, each.doubts, sorted(each.breaks) if narrow else judged(each.breaks))
            finally:
                access.shell(state.directory, step.undo)
        take("(none, at the end)", frozenset(), frozenset(), judged(()))
    return rows


def main() -> int:
    """Print the table as observed; 1, with what differs on stderr, if any row is not exactly as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these sabotages (default: all)")
    parser.add_argument("--target", action="append", choices=["db01", "db02"], help="only this machine")
    parser.add_argument("--narrow", action="store_true", help="prove only the controls that must notice")
    options = parser.parse_args()
    seen: dict[tuple[str, frozenset[str]], list[str]] = {}
    bad = 0
    with tempfile.TemporaryDirectory(prefix="proofs-hosts-") as scratch:
        for name in options.target or ["db01", "db02"]:
            for label, differs, noticed in matrix(name, options.names, Path(scratch), narrow=options.narrow):
                seen.setdefault((label, noticed), []).append(name)
                bad += bool(differs)
    print(*HEADER, sep="\n")
    for (label, noticed), names in seen.items():
        print(line(label, names, noticed))
    print(f"{bad} not exactly as expected", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""`make host-sabotage`: break the lab's machines one way at a time and print, as a table, which controls noticed.

Each machine is booted once; every sabotage is undone before the next. Each must be noticed by exactly the controls it
breaks; the good machine is proven in full, first and last. That takes hours. `--narrow` shows that each is noticed;
`--together` breaks every control at once, in as many rounds as a control has sabotages, and shows that nothing but the
controls that are broken notices.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sabotage_matrix import HEADER, assessment_in, line

from proofs import resources
from proofs.catalogue.controls import load_catalogue
from proofs.errors import ChannelError
from proofs.lab import anchoring, host_sabotages
from proofs.lab.host_sabotages import HostSabotage
from proofs.lab.labs import lease
from proofs.lab.vm import access, recipe
from proofs.model import Engine

ALWAYS = ("private-key-permissions", "bind-address-restricted", "audit-anchor-off-host")
"""Controls of other surfaces that look at the host."""
ANCHORS = "audit-anchor-timer"
ANCHORED_S = 180.0
LIMIT_S = 900
NARROW = "prove only the controls that must notice"
TOGETHER = "break every control at once, in rounds"


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


def rounds(chosen: Iterable[HostSabotage]) -> list[list[HostSabotage]]:
    """Sabotages to be made at once: no two of a round touch the same control."""
    made: list[list[HostSabotage]] = []
    for each in chosen:
        touched = each.breaks | each.doubts
        free = [one for one in made if not any(touched & (other.breaks | other.doubts) for other in one)]
        if free:
            free[0].append(each)
        else:
            made.append([each])
    return made


def _turn(sabotage: HostSabotage, engine: Engine) -> tuple[bool, bool]:
    """What restarts the server first, for it would mend what is done to the process; what stops anchors last."""
    return ANCHORS in sabotage.breaks, "restart" not in sabotage.steps[engine].shell


def _forget_anchors(directory: Path) -> None:
    """Begin the lab's anchors anew: a gap is seen for a day, as it should be, but is not of the next sabotage."""
    file = directory / anchoring.FILE
    file.write_bytes(b"")
    deadline = time.monotonic() + ANCHORED_S
    while b"\n" not in file.read_bytes():
        if time.monotonic() > deadline:
            raise ChannelError(f"no anchor of {directory.name} came within {ANCHORED_S:g} s")
        time.sleep(0.5)


def matrix(name: str, chosen: Sequence[str], scratch: Path, how: str) -> list[tuple[str, str, frozenset[str]]]:
    """(sabotages, what is wrong, controls that noticed) of one machine, the good machine first and last.

    `how`: "" for each sabotage by itself, "narrow" with the broken controls alone, "together" in rounds.
    """
    rows = []
    host = recipe.load(name)
    known = [each for each in host_sabotages.load().values() if host.engine in each.steps]
    wanted = [each for each in known if not chosen or each.name in chosen]
    with lease(name, host.engine, name) as state, ExitStack() as broken:

        def take(label: str, breaks: frozenset[str], doubts: frozenset[str], controls: Sequence[str]) -> None:
            row = prove(name, scratch / f"{name}-{len(rows)}", controls)
            rows.append((label, wrong(row, breaks, doubts), row.having("not-satisfied")))
            print(f"{name} {label}: {rows[-1][1] or 'as expected'}", file=sys.stderr, flush=True)

        if how == "":
            take("(none)", frozenset(), frozenset(), ())
        for every in rounds(wanted) if how == "together" else [[each] for each in wanted]:
            breaks = frozenset().union(*(each.breaks for each in every))
            doubts = frozenset().union(*(each.doubts for each in every))
            for each in sorted(every, key=lambda each: _turn(each, host.engine)):
                broken.callback(access.shell, state.directory, each.steps[host.engine].undo)
                access.shell(state.directory, each.steps[host.engine].shell)
            label = " + ".join(each.name for each in every)
            take(label, breaks, doubts, sorted(breaks) if how == "narrow" else judged(breaks))
            broken.close()
            if any(ANCHORS in each.breaks for each in every):
                _forget_anchors(state.directory)
        take("(none, at the end)", frozenset(), frozenset(), judged(()))
    return rows


def main() -> int:
    """Print the table as observed; 1, with what differs on stderr, if any row is not exactly as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these sabotages (default: all)")
    parser.add_argument("--target", action="append", choices=["db01", "db02"], help="only this machine")
    faster = parser.add_mutually_exclusive_group()
    faster.add_argument("--narrow", action="store_const", const="narrow", dest="how", default="", help=NARROW)
    faster.add_argument("--together", action="store_const", const="together", dest="how", help=TOGETHER)
    options = parser.parse_args()
    seen: dict[tuple[str, frozenset[str]], list[str]] = {}
    bad = 0
    with tempfile.TemporaryDirectory(prefix="proofs-hosts-") as scratch:
        for name in options.target or ["db01", "db02"]:
            for label, differs, noticed in matrix(name, options.names, Path(scratch), options.how):
                seen.setdefault((label, noticed), []).append(name)
                bad += bool(differs)
    print(*HEADER, sep="\n")
    for (label, noticed), names in seen.items():
        print(line(label, names, noticed))
    print(f"{bad} not exactly as expected", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

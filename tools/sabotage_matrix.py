"""`make sabotage`: prove the labs under every sabotage and print which controls noticed, as a Markdown table.

Each sabotage must be noticed by exactly the controls it breaks, with none in doubt but those it names. What it can't
reach is left out (`within_reach`); the good labs are proven in full.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from proofs import resources
from proofs.catalogue.controls import load_catalogue
from proofs.lab import sabotages
from proofs.lab.labs import lease
from proofs.model import Engine

NAMES: dict[Engine, str] = {"mysql": "lab", "mariadb": "lab-mariadb"}
NEIGHBOURS = (
    {"transport", "certificates", "identity"},
    {"identity", "hardening", "privileges"},
    {"privileges", "tenancy", "audit", "data_protection"},
)
"""Surfaces that one change can reach together: TLS and who logs in; accounts and what they may set; data."""
RESTARTING = "tenant-context-dies-with-session"
GUESSING = "no-default-credentials"
"""These take longest: looked at only where their surfaces, or that of accounts, are broken."""


@dataclass(frozen=True, slots=True)
class Row:
    """One sabotage on one engine: what it should break, and what a proof said. `sabotage` None is the good lab."""

    sabotage: str | None
    engine: Engine
    expected: frozenset[str]
    found: dict[str, str]
    probes: dict[str, str]

    @property
    def not_satisfied(self) -> frozenset[str]:
        """The controls that noticed."""
        return frozenset(name for name, verdict in self.found.items() if verdict == "not-satisfied")

    @property
    def doubtful(self) -> frozenset[str]:
        """Controls that could not be judged, or were not."""
        settled = ("satisfied", "not-satisfied", "not-applicable")
        return frozenset(name for name, verdict in self.found.items() if verdict not in settled)

    @property
    def must_doubt(self) -> frozenset[str]:
        """Of the controls proven, those that can't be judged under this sabotage."""
        return frozenset(known()[self.sabotage].doubts) & self.found.keys() if self.sabotage else frozenset()

    @property
    def exact(self) -> bool:
        """Exactly the named controls turned, and nothing else is in doubt than must be."""
        return bool(self.found) and self.not_satisfied == self.expected and self.doubtful == self.must_doubt


@cache
def known() -> dict[str, sabotages.Sabotage]:
    """Every sabotage by name, read once."""
    return sabotages.load()


def cases() -> Iterator[tuple[str | None, Engine, frozenset[str]]]:
    """Every (sabotage, engine, controls it breaks), the good labs first."""
    for engine in NAMES:
        yield None, engine, frozenset()
    for sabotage in known().values():
        for engine in sabotage.changes:
            yield sabotage.name, engine, frozenset(sabotage.breaks)


def within_reach(broken: frozenset[str], *, narrow: bool = False) -> list[str]:
    """The controls that are proven under a sabotage that breaks these: those of the surfaces around them.

    `narrow`: of their own surfaces alone.
    """
    controls = load_catalogue(resources.CONTROLS).controls
    surfaces = {controls[name].surface for name in broken}
    near = surfaces if narrow else {surface for around in NEIGHBOURS if around & surfaces for surface in around}
    far = {RESTARTING: "tenancy" not in surfaces, GUESSING: not surfaces & {"identity", "hardening"}}
    return [
        name
        for name, control in controls.items()
        if control.surface != "host" and (not surfaces or (control.surface in near and not far.get(name)))
    ]


def prove(
    sabotage: str | None,
    engine: Engine,
    expected: frozenset[str],
    scratch: Path,
    options: Sequence[str] = (),
    *,
    narrow: bool = False,
) -> Row:
    """Bring up a lab of its own with the sabotage, prove it as a user would, and read the verdicts off the bundle."""
    name = f"{NAMES[engine]}-{os.getpid()}"
    inventory = yaml.safe_load(resources.TARGETS.read_text())
    inventory["targets"] = {name: inventory["targets"][NAMES[engine]]}
    inventory["groups"] = {}
    file = scratch / f"{name}.yaml"
    file.write_text(yaml.safe_dump(inventory))
    reports = scratch / f"{name}-{sabotage or 'good'}"
    command = [sys.executable, "-m", "pytest", "-q", f"--target={name}", f"--inventory={file}", f"--reports={reports}"]
    judged = within_reach(expected, narrow=narrow)
    command += [f"--control={','.join(judged)}", *options]
    # Hundreds of proofs share what Python and pytest compile once, away from the source tree.
    environment = {**os.environ, "PYTEST_ADDOPTS": "", "PYTHONPYCACHEPREFIX": str(scratch / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with lease(name, engine, sabotage=sabotage):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assessment = assessment_in(reports, done, f"{sabotage} on {engine}")
    found = {each["id"]: each["verdict"] for each in assessment["controls"] if each["id"] in judged}
    probes = {probe["probe"]: probe["verdict"] for control in assessment["controls"] for probe in control["probes"]}
    return Row(sabotage, engine, expected, found, probes)


def assessment_in(reports: Path, done: subprocess.CompletedProcess[str], what: str) -> dict[str, Any]:
    """The assessment of the one bundle that a proof left here; without it a RuntimeError with what the proof said."""
    bundles = list(reports.glob("*.proof.tar.gz"))
    if len(bundles) != 1:
        raise RuntimeError(f"{what}: no bundle\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    with tarfile.open(bundles[0]) as archive:
        member = archive.extractfile("assessment.json")
        return json.load(member) if member else {}


HEADER = ("| sabotage | on | controls that turn not-satisfied |", "| --- | --- | --- |")


def line(sabotage: str | None, engines: Sequence[str], controls: Iterable[str]) -> str:
    """A row of the table; `tests/live/test_sabotages.py` holds the README's table against the sabotages."""
    return f"| {sabotage or '(none)'} | {', '.join(engines)} | {', '.join(sorted(controls)) or 'none'} |"


def main() -> int:
    """Print the table as observed; 1, with what differs on stderr, if any row is not exactly as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these sabotages (default: all)")
    parser.add_argument("--jobs", type=int, default=3)
    options = parser.parse_args()
    chosen = [case for case in cases() if not options.names or case[0] in options.names]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="proofs-sabotage-") as scratch, ProcessPoolExecutor(options.jobs) as pool:
        waiting = [pool.submit(prove, *case, Path(scratch)) for case in chosen]
        print(*HEADER, sep="\n")
        for sabotage, rows in groupby((future.result() for future in waiting), key=lambda row: row.sabotage):
            seen: dict[frozenset[str], list[str]] = {}
            for row in rows:
                seen.setdefault(row.not_satisfied, []).append(row.engine)
                if not row.exact:
                    wrong += 1
                    missed, extra = sorted(row.expected - row.not_satisfied), sorted(row.not_satisfied - row.expected)
                    doubt = sorted(row.doubtful)
                    print(
                        f"{sabotage}, {row.engine}: missed {missed}, beyond {extra}, in doubt {doubt}", file=sys.stderr
                    )
            for controls, engines in seen.items():
                print(line(sabotage, engines, controls), flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} exactly as expected, {wrong} not", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Runs proofs as a user does, in a process of their own, and looks at what they leave behind."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proofs.bundle.read import VerifiedBundle, open_verified

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """How a program ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def command(*arguments: str | Path) -> list[str]:
    """`pytest ARGUMENTS` of this environment, free of caches."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """The environment without what an outer pytest put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | more


def prove(place: Path, *arguments: str | Path, timeout: float = 120, limits: Any = None, **env: str) -> Ran:
    """`pytest ARGUMENTS` in the folder `place`; `limits` is called in the child before it starts."""
    return run(place, command(*arguments), timeout=timeout, limits=limits, **env)


def proofs(place: Path, *arguments: str | Path, timeout: float = 120, **env: str) -> Ran:
    """`proofs ARGUMENTS` in the folder `place`."""
    return run(place, [sys.executable, "-m", "proofs.cli", *map(str, arguments)], timeout=timeout, **env)


def run(place: Path, words: list[str], *, timeout: float, limits: Any = None, **env: str) -> Ran:
    done = subprocess.run(
        words,
        cwd=place,
        env=environment(**env),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        preexec_fn=limits,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def bundles(place: Path) -> list[Path]:
    """The bundles under `place/reports`."""
    return sorted((place / "reports").glob("*.proof.tar.gz"))


def runs(place: Path) -> list[Path]:
    """Run directories that were not sealed."""
    return sorted((place / "reports" / ".runs").glob("*"))


def only_bundle(place: Path, key: Path | None = None) -> VerifiedBundle:
    """The one bundle of `place`, verified; and nothing unsealed beside it."""
    (bundle,) = bundles(place)
    assert not runs(place)
    return open_verified(bundle, key)


def lab_inventory(place: Path, *names: str, lab: str = "mysql") -> Path:
    """An inventory with copies of the project's own lab under other names, so that runs don't share a server.

    A name that begins with `ma-` is a MariaDB lab.
    """
    shipped = yaml.safe_load((ROOT / "targets.yaml").read_text())["targets"]
    targets = {}
    for name in names:
        entry = copy.deepcopy(shipped["lab-mariadb" if name.startswith("ma-") else "lab"])
        entry["title"] = f"Lab {name}"
        targets[name] = entry
    path = place / "targets.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "groups": {"all": list(names)}, "targets": targets}))
    return path


def satisfied_by_looking(bundle: VerifiedBundle) -> list[str]:
    """Probes called satisfied that rest on an exchange with the database itself."""
    channel = {line["seq"]: line["channel"] for line in bundle.journal}
    return [
        probe["probe"]
        for control in bundle.assessment["controls"]
        for probe in control["probes"]
        if probe["verdict"] == "satisfied" and any(channel[number] in ("sql", "tls") for number in probe["exchanges"])
    ]

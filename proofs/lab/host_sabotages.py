"""Sabotages of the lab's machines: shell changes with their undo, as data, that break known controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs import resources
from proofs.errors import ConfigurationError
from proofs.lab.sabotages import entries
from proofs.model import Engine

DIRECTORY = resources.DEPLOYMENTS.parent / "hosts" / "sabotages"


@dataclass(frozen=True, slots=True)
class Step:
    """Two scripts, run as root: one breaks the machine, the other puts it back as it was."""

    shell: str
    undo: str


@dataclass(frozen=True, slots=True)
class HostSabotage:
    """One named way to break the controls `breaks` on a machine. `doubts` are controls that can then not be judged."""

    name: str
    title: str
    breaks: frozenset[str]
    doubts: frozenset[str]
    steps: Mapping[Engine, Step]


def load(directory: Path = DIRECTORY) -> dict[str, HostSabotage]:
    """Every sabotage of hosts by name; `ConfigurationError` where one is malformed, named twice or has no undo."""
    found: dict[str, HostSabotage] = {}
    for path in sorted(directory.glob("*.yaml")):
        for entry, where in entries(path, "host-sabotages.schema.json"):
            if entry["name"] in found:
                raise ConfigurationError(f"{where}: sabotage {entry['name']!r} is there twice")
            found[entry["name"]] = _sabotage(entry, where)
    return found


def _sabotage(entry: Mapping[str, Any], where: str) -> HostSabotage:
    engines: list[Engine] = entry.get("engines", ["mysql", "mariadb"])
    steps = {}
    for engine in engines:
        both = {**entry, **entry.get(engine, {})}
        if missing := [part for part in ("shell", "undo") if part not in both]:
            raise ConfigurationError(f"{where}: sabotage {entry['name']!r} has no {missing[0]} on {engine}")
        steps[engine] = Step(f"set -eu\n{both['shell']}", f"set -eu\n{both['undo']}")
    return HostSabotage(
        entry["name"], entry["title"], frozenset(entry["breaks"]), frozenset(entry.get("doubts", ())), steps
    )

"""What a run is about, put on the disk before the first look: `run.json` and `inputs/`."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from proofs import __version__
from proofs.catalogue.entry import public_entry
from proofs.catalogue.tailor import Scope, jsonable
from proofs.errors import ConfigurationError
from proofs.evidence import RunDirectory
from proofs.evidence.rundir import FORMAT
from proofs.model import Catalogue, ParameterValue, Target
from proofs.resources import PROBES


def run_header(
    *,
    catalogue: Catalogue,
    profile: str,
    target: Target,
    scope: Scope,
    parameters: Mapping[str, Mapping[str, ParameterValue]],
    tailoring: Sequence[Mapping[str, Any]],
    started: datetime,
    selected: Mapping[str, Iterable[str]],
    selection: str | None,
) -> dict[str, Any]:
    """`run.json`: the plan of a run. `selected` maps controls to chosen probes, `selection` says what chose them."""
    controls = []
    for name in catalogue.profiles[profile].controls:
        control = catalogue.controls[name]
        controls.append(
            {
                "id": name,
                "title": control.title,
                "statement": control.statement,
                "severity": control.severity,
                "surface": control.surface,
                "engines": list(control.engines),
                "mappings": {framework: list(ids) for framework, ids in control.mappings.items()},
                "parameters": {key: jsonable(value) for key, value in parameters[name].items()},
                "probes": list(control.probes),
                "remediation": control.remediation,
                "in_scope": name in scope.in_scope,
                "selected": list(selected.get(name, ())),
            }
        )
    return {
        "format": FORMAT,
        "run": {
            "id": os.urandom(8).hex(),
            "started": started.isoformat(timespec="seconds"),
            "partial": selection is not None,
            "selection": selection,
        },
        "target": {
            "name": target.name,
            "title": target.title,
            "engine": target.engine,
            "address": f"{target.database.host}:{target.database.port}",
        },
        "profile": {"id": profile, "title": catalogue.profiles[profile].title},
        "harness": {
            "name": "proof-of-controls",
            "version": __version__,
            "python": platform.python_version(),
            "platform": f"{sys.platform}-{platform.machine()}",
        },
        "tailoring": list(tailoring),
        "controls": controls,
    }


def write_inputs(directory: RunDirectory, catalogue: Catalogue, target: Target, header: Mapping[str, Any]) -> None:
    """Everything a reader needs to judge the judgement: catalogue, target without secrets, probes, versions."""
    content = Path(catalogue.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != catalogue.sha256:
        raise ConfigurationError(f"{catalogue.path}: found it changed since it was read; start the proof again")
    directory.write("inputs/controls.yaml", content)
    directory.write_json("inputs/target.json", public_entry(target))
    for path in sorted(PROBES.rglob("*.py")):
        directory.write(f"inputs/probes/{path.relative_to(PROBES).as_posix()}", path.read_bytes())
    directory.write("inputs/requirements.txt", _installed().encode())
    directory.write_json("run.json", header)


def _installed() -> str:
    """The versions of everything installed beside this program, as `pip freeze` would spell them."""
    found = {f"{item.name}=={item.version}" for item in metadata.distributions() if item.name}
    return "\n".join(sorted(found, key=str.lower)) + "\n"

"""Which probes there are: read from the sources, so that a partial collection can still be checked as a whole."""

from __future__ import annotations

import ast
from pathlib import Path


def probe_ids(directory: Path) -> dict[str, Path]:
    """`surface/test_file.py::test_name` → file, for every top-level test function below `directory`."""
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("test_*.py")):
        relative = path.relative_to(directory).as_posix()
        tree = ast.parse(path.read_bytes(), str(path))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found[f"{relative}::{node.name}"] = path
    return found


def probe_of(path: Path, name: str, directory: Path) -> str | None:
    """The probe id of a collected test function, or None when it is no probe of `directory`."""
    try:
        relative = path.resolve().relative_to(directory)
    except ValueError:
        return None
    return f"{relative.as_posix()}::{name}"

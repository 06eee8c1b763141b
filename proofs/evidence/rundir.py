"""A run on disk while it happens: everything needed to seal it, even after `kill -9`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from proofs.errors import ConfigurationError, IntegrityError, StorageError
from proofs.model import ProbeResult

FORMAT = "proof-of-controls/run-1"


class RunDirectory:
    """`run.json` (written first), `inputs/`, `journal.jsonl`, `evidence/`, `outcomes.jsonl`.

    Files are made 0600, folders 0700.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path, name: str) -> RunDirectory:
        """A new directory under `parent`, made if missing. Raises `ConfigurationError` if it can't be written."""
        path = parent / name
        try:
            path.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            return cls.create(parent, name + "-2")
        except OSError as error:
            raise ConfigurationError(
                f"{path}: cannot be created ({error.strerror}); choose another place with --reports DIR"
            ) from error
        return cls(path)

    def write(self, name: str, content: bytes) -> None:
        """One file of the run, made with mode 0600, never overwritten. Raises `StorageError`."""
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"{path}: cannot be written ({error.strerror}); make room or choose another place with --reports DIR"
            ) from error

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """One JSON file of the run, for people too: indented, ASCII."""
        self.write(name, (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode())

    def append_outcome(self, result: ProbeResult) -> None:
        """Append one probe's result, on the disk before the next probe starts. Raises `StorageError`."""
        path = self.path / "outcomes.jsonl"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
                file.write(json.dumps(asdict(result), sort_keys=True, ensure_ascii=True).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{path}: cannot be written: {error.strerror}") from error

    def header(self) -> dict[str, Any]:
        """`run.json`. Raises `IntegrityError` when this is no run directory."""
        if not self.path.is_dir():
            raise IntegrityError(f"{self.path}: no such run directory; a run that was sealed is removed")
        try:
            header = json.loads((self.path / "run.json").read_bytes())
        except (OSError, ValueError) as error:
            raise IntegrityError(f"{self.path}: not a run directory (run.json: {error})") from error
        found = header.get("format") if isinstance(header, dict) else None
        if found != FORMAT:
            raise IntegrityError(f"{self.path}/run.json: format {found!r}, expected {FORMAT!r}")
        return dict(header)

    def outcomes(self) -> list[dict[str, Any]]:
        """The results so far; a last line cut short by a kill is left out (and its probe counts as not finished)."""
        return [entry for entry in _whole_lines(self.path / "outcomes.jsonl") if "probe" in entry]

    def mend(self) -> None:
        """After a kill: cut a torn last line off the journal and the outcomes, so that what is sealed is whole."""
        for name in ("journal.jsonl", "outcomes.jsonl"):
            path = self.path / name
            content = path.read_bytes() if path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content or not path.exists():
                temporary = path.with_suffix(".mended")
                temporary.write_bytes(whole)
                temporary.chmod(0o600)
                temporary.replace(path)


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    content = path.read_bytes()
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]

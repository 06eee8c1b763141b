"""From a run directory to a sealed bundle: the same way for a finished, an interrupted and a killed run."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proofs.bundle.seal import seal
from proofs.bundle.signers import Signer
from proofs.errors import IntegrityError, StorageError
from proofs.evidence import RunDirectory
from proofs.export.junit import junit
from proofs.plugin.report import render
from proofs.verdicts import assess


@dataclass(frozen=True, slots=True)
class Finished:
    """The sealed bundle and what it says."""

    assessment: dict[str, Any]
    bundle: Path


def finish(
    directory: RunDirectory,
    signer: Signer,
    reports: Path,
    *,
    secrets: Sequence[str],
    connections: Mapping[str, int] | None = None,
    warnings: Sequence[str] = (),
) -> Finished:
    """Assess, report, seal; then remove the run directory. On any error the run directory stays.

    Raises `IntegrityError` for a run that is not whole or would leak a secret, `StorageError` or
    `ConfigurationError` when files can't be written.
    """
    header = directory.header()
    try:
        directory.mend()
        outcomes = directory.outcomes()
        done = {outcome["probe"] for outcome in outcomes}
        complete = all(probe in done for control in header["controls"] for probe in control["selected"])
        assessment = assess(
            header,
            outcomes,
            journal_facts(directory.path / "journal.jsonl"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            status="complete" if complete else "interrupted",
            connections=connections,
            warnings=warnings,
        )
        for name in ("results.xml", "report.html"):
            (directory.path / name).unlink(missing_ok=True)
        directory.write("results.xml", junit(assessment))
        render(directory.path, assessment)
    except (OSError, StorageError) as error:
        reason = error if isinstance(error, StorageError) else error.strerror
        raise StorageError(
            f"{directory.path}: cannot be finished: {reason}; make room and run: proofs seal {directory.path}"
        ) from error
    bundle = seal(directory.path, assessment, signer, reports, secrets)
    shutil.rmtree(directory.path)
    return Finished(assessment, bundle)


def journal_facts(path: Path) -> dict[str, Any]:
    """{"exchanges": number of exchanges, "head": SHA-256 of the last line}, read line by line."""
    count = -1
    head = ""
    with path.open("rb") as file:
        for line in file:
            count += 1
            head = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
    if count < 0:
        raise IntegrityError(f"{path}: no journal header")
    return {"exchanges": count, "head": head}

"""What a bundle may hold: member names, and the bounds within which it is read."""

from __future__ import annotations

import re

from proofs.errors import IntegrityError

ATTESTATION = "attestation.json"
MANIFEST = "manifest.json"
ASSESSMENT = "assessment.json"
JOURNAL = "journal.jsonl"
OUTCOMES = "outcomes.jsonl"
RUN = "run.json"
SIGNER = "signer.pub.pem"
GUIDE = "VERIFY.md"
TARGET = "inputs/target.json"
CATALOGUE = "inputs/controls.yaml"

REQUIRED = frozenset(
    {ATTESTATION, MANIFEST, ASSESSMENT, JOURNAL, OUTCOMES, RUN, SIGNER, GUIDE, TARGET, CATALOGUE},
)
OPTIONAL = frozenset({"report.html", "results.xml"})
FOLDERS = ("evidence/", "inputs/")
UNSIGNED = frozenset({ATTESTATION, MANIFEST})
"""The members the manifest does not list: it is what the attestation signs."""

MAX_MEMBERS = 20_000
MAX_MEMBER = 512 << 20
MAX_DOCUMENT = 64 << 20
"""Bound on each member that is parsed, and so held in memory."""
MAX_TOTAL = 2 << 30
RATIO = 200
RATIO_FLOOR = 16 << 20
"""Deflate reaches 1032:1. Real evidence stays under 50:1; beyond 16 MiB more than 200:1 is taken for a bomb."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+=,-]*(?:/[A-Za-z0-9_][A-Za-z0-9._@+=,-]*)*")


def shown(text: str | bytes, limit: int = 100) -> str:
    """Untrusted text on one line of printable ASCII, bounded."""
    line = ascii(text.decode("latin-1") if isinstance(text, bytes) else text)
    return line if len(line) <= limit else line[: limit - 3] + "..."


def check(name: str) -> None:
    """Raise `IntegrityError` unless `name` is a plain relative path that this format knows."""
    if name.startswith("/"):
        raise IntegrityError(f"member {shown(name)} has an absolute path")
    if ".." in name.split("/"):
        raise IntegrityError(f"member {shown(name)} climbs out of the bundle")
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise IntegrityError(f"member {shown(name)} has a name outside the permitted characters")
    if name not in REQUIRED | OPTIONAL and not name.startswith(FOLDERS):
        raise IntegrityError(f"member {shown(name)} is not part of this format")

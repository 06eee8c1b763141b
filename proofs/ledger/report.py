"""What a walk along the chain found, in words that name the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_FINDINGS = 50
"""Findings that are told one by one; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with the chain, at a row (counted from 1 along the stream) and its id.

    Kinds. Content: `content` (the row's columns don't give its hash), `stored-hash` (they give the one the next row
    was linked to: the hash was changed), `stored-link` (with the hash of the row before as its previous one, they do).
    Order: `genesis`, `missing-first`, `missing` (ids are missing where the link is broken), `rewritten` (the row is not
    the one its follower was written after), `fork` (two rows follow one), `duplicate`, `order`, `foreign` (neither
    link nor hash fit), `id` (an id that does not rise). Ends: `tail`, `head`, `checkpoint`.
    """

    kind: str
    row: int
    id: int
    says: str


@dataclass(slots=True)
class AnchorReport:
    """How the anchors lie on the chain. `first_wrong` tells of the first that does not."""

    compared: int = 0
    before: int = 0
    wrong: int = 0
    first_wrong: str | None = None
    last_id: int | None = None


@dataclass(slots=True)
class ChainReport:
    """The walk's result: constant in size, whatever the length of the chain.

    `unhashed`: rows whose hash is not what their columns give; `unlinked`: rows whose previous hash is not the hash
    of the row before; `since`: the id the walk began after, None for a full one; `rows_after_anchor`: rows younger
    than the last anchor.
    """

    rows: int = 0
    first_id: int | None = None
    last_id: int | None = None
    head: str | None = None
    unhashed: int = 0
    unlinked: int = 0
    misnumbered: int = 0
    since: int | None = None
    findings: list[Finding] = field(default_factory=list)
    untold: int = 0
    anchors: AnchorReport = field(default_factory=AnchorReport)
    rows_after_anchor: int = 0

    @property
    def intact(self) -> bool:
        """Nothing is wrong with the chain itself nor with where its anchors lie."""
        return not (self.findings or self.unhashed or self.unlinked or self.misnumbered or self.anchors.wrong)

    def as_json(self) -> dict[str, Any]:
        """As it stands in evidence."""
        return asdict(self)


def sentences(findings: Sequence[Finding]) -> str:
    """A few findings on one line, for people."""
    shown = "; ".join(finding.says for finding in findings[:5])
    return shown + (f"; and {len(findings) - 5} more" if len(findings) > 5 else "")


def shown(value: bytes | None) -> str:
    """A stored hash as people write it: as it is where it is text, in hexadecimal digits where it is bytes."""
    text = (value or b"").decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else (value or b"").hex()

"""The list of everything in a bundle but itself and its attestation; its exact bytes are what gets signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from proofs.bundle import jsontext
from proofs.bundle.names import MANIFEST, shown
from proofs.errors import IntegrityError

FORMAT = "proof-of-controls/manifest-1"
_MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".yaml": "application/yaml",
    ".html": "text/html",
    ".xml": "application/xml",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".pem": "application/x-pem-file",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: `size` in bytes, `sha256` in hexadecimal."""

    path: str
    size: int
    sha256: str
    media_type: str


def entry(path: str, size: int, sha256: str) -> Entry:
    """The entry of a member, with the media type that its suffix says."""
    return Entry(path, size, sha256, _MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"))


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def build(entries: Iterable[Entry]) -> bytes:
    """The manifest's bytes, for people to read too: one entry a line."""
    lines = [jsontext.dumps(asdict(one)) for one in sorted(entries, key=lambda one: one.path)]
    return b'{"files":[\n' + b",\n".join(lines) + b'\n],"format":"' + FORMAT.encode() + b'"}\n'


def check(data: bytes, found: Iterable[Entry]) -> None:
    """Raise `IntegrityError` unless the manifest `data` lists exactly the members `found`."""
    parsed = jsontext.loads(data, MANIFEST)
    if not isinstance(parsed, dict) or parsed.get("format") != FORMAT or not isinstance(parsed.get("files"), list):
        raise IntegrityError(f"{MANIFEST} is not in the format {FORMAT}")
    try:
        listed = {one["path"]: Entry(**one) for one in parsed["files"]}
    except (TypeError, KeyError):
        raise IntegrityError(f"{MANIFEST} has an entry that is not path, size, sha256 and media type") from None
    members = {one.path: one for one in found}
    for path in sorted(listed.keys() - members.keys(), key=str):
        raise IntegrityError(f"member {shown(str(path))} is in the manifest but missing from the bundle")
    for path, member in sorted(members.items()):
        if path not in listed:
            raise IntegrityError(f"member {shown(path)} is not in the manifest")
        if (listed[path].size, listed[path].sha256) != (member.size, member.sha256):
            raise IntegrityError(f"member {shown(path)} was changed: its size or digest is not the manifest's")
    if build(members.values()) != data:
        raise IntegrityError(f"{MANIFEST} is not in the one spelling this format allows")

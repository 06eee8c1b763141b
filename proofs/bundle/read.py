"""Reading a bundle: everything is checked before anything is given out, and nothing is ever extracted."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from proofs.bundle import consistency, dsse, jsontext, manifest, names, shapes, statement, tar
from proofs.bundle.deflate import inflate
from proofs.bundle.manifest import Entry
from proofs.bundle.names import shown
from proofs.bundle.signers import Kind, PublicKey
from proofs.errors import IntegrityError, UnreadableError

_IN_MEMORY = 32 << 20
_OWN_KEY_LIMIT = 64 << 10


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle that passed every check. `member` gives the exact bytes that were verified; close it after use.

    `journal` holds the exchanges without the header line. `named_key` is false if the bundle was checked with its
    own public key only, which proves integrity, not origin.
    """

    path: Path
    assessment: Mapping[str, Any]
    run: Mapping[str, Any]
    outcomes: Sequence[Mapping[str, Any]]
    journal: Sequence[Mapping[str, Any]]
    statement: Mapping[str, Any]
    entries: Mapping[str, Entry]
    signer_kind: Kind
    keyid: str
    key_given: bool
    _contents: _Contents = field(repr=False)

    @property
    def origin_proven(self) -> bool:
        """The signature is by a named key that the reader brought along, not taken from the bundle."""
        return self.key_given and self.signer_kind == "named"

    def names(self, folder: str = "") -> list[str]:
        """The members, sorted; with `folder` (`inputs/`) those under it."""
        return [name for name in sorted(self._contents.places) if name.startswith(folder)]

    def member(self, name: str) -> bytes:
        """The exact bytes of a member. Raises `KeyError` if there is none of that name."""
        return self._contents.read(name)

    def evidence(self, name: str) -> str:
        """The text of an evidence body, for replay. Raises `KeyError`."""
        return self._contents.read(name).decode("utf-8", "replace")

    def close(self) -> None:
        """Give back the memory or the anonymous temporary file that holds the contents."""
        self._contents.file.close()

    def __enter__(self) -> VerifiedBundle:
        """Use as a context manager to close it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def open_verified(path: Path, key: Path | None) -> VerifiedBundle:
    """Verify the bundle at `path` with the public key in `key`, or with its own if none is given.

    Raises `IntegrityError` with the first reason, `UnreadableError` if a file can't be read.
    """
    given = _given_key(key) if key else None
    contents = _Contents()
    try:
        with path.open("rb") as file:
            time = tar.read(inflate(file), contents.enter)
        return _verify(path, contents, given, time)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        contents.file.close()
        raise IntegrityError(f"a signed document departs from the format: {shown(str(error))}") from error
    except OSError as error:
        contents.file.close()
        raise UnreadableError(f"{path}: {error.strerror}") from None
    except BaseException:
        contents.file.close()
        raise


def _verify(path: Path, contents: _Contents, given: PublicKey | None, time: int) -> VerifiedBundle:
    for name in sorted(names.REQUIRED - contents.places.keys()):
        raise IntegrityError(f"member {name} is missing")
    # Signature, then manifest: only bytes that were signed are parsed any further.
    own = _own_key(contents.read(names.SIGNER))
    key = given or own
    payload = dsse.verify(contents.read(names.ATTESTATION), key)
    claim = statement.parse(payload)
    if claim["subject"][0]["digest"]["sha256"] != manifest.digest(contents.read(names.MANIFEST)):
        raise IntegrityError("manifest.json was changed: its digest is not the signed one")
    entries = {name: entry for name, entry in contents.entries().items() if name not in names.UNSIGNED}
    manifest.check(contents.read(names.MANIFEST), entries.values())
    if own.pem != key.pem or own.pem != contents.read(names.SIGNER):
        raise IntegrityError(f"{names.SIGNER} is not the key that signed")

    run = contents.document(names.RUN, "run")
    assessment = contents.document(names.ASSESSMENT, "assessment")
    if run["run"]["started"] != assessment["run"]["started"] or _seconds(run["run"]["started"]) != time:
        raise IntegrityError("the members do not carry the time at which the run started")
    exchanges, head = consistency.journal(contents.read(names.JOURNAL), run["run"]["id"], entries)
    outcomes = [
        _outcome(line, number)
        for number, line in enumerate(consistency.lines(contents.read(names.OUTCOMES), names.OUTCOMES), 1)
    ]
    consistency.assessment(assessment, run, outcomes, len(exchanges), head)
    kind = claim["predicate"]["proofOfControls"]["signer"]
    digests = {name: entry.sha256 for name, entry in contents.entries().items()}
    statement.check_claims(claim, statement.build(assessment, digests, kind))
    return VerifiedBundle(
        path, assessment, run, outcomes, exchanges, claim, entries, kind, key.keyid, given is not None, contents
    )


def _outcome(line: bytes, number: int) -> dict[str, Any]:
    what = f"{names.OUTCOMES} line {number}"
    parsed: dict[str, Any] = jsontext.loads(line, what)
    shapes.check(parsed, "outcome", what)
    return parsed


def _seconds(started: str) -> int:
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        raise IntegrityError(f"the run's start {shown(started)} is not a time") from None
    return int(moment.timestamp()) if moment.tzinfo else -1


def _given_key(path: Path) -> PublicKey:
    try:
        with path.open("rb") as file:
            return PublicKey.parse(file.read(_OWN_KEY_LIMIT), str(path))
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None


def _own_key(data: bytes) -> PublicKey:
    try:
        return PublicKey.parse(data, names.SIGNER)
    except UnreadableError as error:
        raise IntegrityError(str(error)) from None


class _Contents:
    """The bytes of all members, in memory or in an anonymous temporary file, and their digests."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by the bundle
        self.places: dict[str, tuple[int, int, hashlib._Hash]] = {}

    def enter(self, name: str, size: int) -> Callable[[bytes], None]:
        digest = hashlib.sha256()
        if size > names.MAX_DOCUMENT and not name.startswith(names.FOLDERS):
            raise IntegrityError(f"member {shown(name)} is larger than {names.MAX_DOCUMENT} bytes")
        self.places[name] = (self.file.tell(), size, digest)

        def sink(piece: bytes) -> None:
            digest.update(piece)
            self.file.write(piece)

        return sink

    def read(self, name: str) -> bytes:
        offset, size, _ = self.places[name]
        self.file.seek(offset)
        return self.file.read(size)

    def entries(self) -> dict[str, Entry]:
        return {name: manifest.entry(name, size, digest.hexdigest()) for name, (_, size, digest) in self.places.items()}

    def document(self, name: str, schema: str) -> dict[str, Any]:
        parsed: dict[str, Any] = jsontext.loads(self.read(name), name)
        shapes.check(parsed, schema, name)
        return parsed

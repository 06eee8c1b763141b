"""Sealing: a run directory becomes one signed, deterministic `.proof.tar.gz`, or an error and nothing."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from proofs.bundle import dsse, guide, jsontext, manifest, names, read, statement, tar
from proofs.bundle.deflate import GzipWriter
from proofs.bundle.names import shown
from proofs.bundle.publish import Draft, draft
from proofs.bundle.scan import SecretScan
from proofs.bundle.signers import Signer
from proofs.errors import IntegrityError, StorageError

_PIECE = 256 << 10
_FROM_RUN = (names.JOURNAL, names.OUTCOMES, names.RUN, *sorted(names.OPTIONAL))


def seal(
    run_dir: Path, assessment: Mapping[str, Any], signer: Signer, out_dir: Path, secrets: Iterable[str] = ()
) -> Path:
    """Pack, sign and verify the run, and give the path of the bundle.

    The run directory is only read. Raises `IntegrityError` if a member still holds one of the `secrets`, or if
    the run is not of one piece; `StorageError` if `out_dir` can't be written.
    """
    started = datetime.fromisoformat(assessment["run"]["started"]).astimezone(UTC)
    files = _collect(run_dir)
    files[names.ASSESSMENT] = _in_memory(names.ASSESSMENT, jsontext.dumps(assessment) + b"\n")
    files[names.SIGNER] = _in_memory(names.SIGNER, signer.public_pem)
    files[names.GUIDE] = _in_memory(names.GUIDE, _guide(assessment, signer))
    scan = SecretScan(secrets)
    entries = {name: _entry(member, scan) for name, member in files.items()}
    listing = manifest.build(entries.values())
    digests = {name: entries[name].sha256 for name in (names.TARGET, names.CATALOGUE)}
    claim = statement.build(assessment, {**digests, names.MANIFEST: manifest.digest(listing)}, signer.kind)
    envelope = dsse.sign(jsontext.dumps(claim), signer)
    for name, data in ((names.MANIFEST, listing), (names.ATTESTATION, envelope)):
        files[name] = _in_memory(name, data)
        _entry(files[name], scan)
    stem = f"{assessment['target']['name']}-{started:%Y%m%dT%H%M%SZ}"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with draft(out_dir) as new:
            gzip = GzipWriter(new.file)
            tar.write(files.values(), int(started.timestamp()), gzip.write)
            gzip.close()
            new.file.flush()
            # What this project would refuse to read, it does not hand out.
            read.open_verified(new.path, None).close()
            return _publish(new, out_dir, stem)
    except OSError as error:
        raise StorageError(
            f"{out_dir}: the bundle can't be written: {error.strerror}; "
            f"the run is kept, seal it with: proofs seal {run_dir}"
        ) from error


def _publish(new: Draft, out_dir: Path, stem: str) -> Path:
    for suffix in chain([""], (f"-{number}" for number in count(2))):
        final = out_dir / f"{stem}{suffix}.proof.tar.gz"
        try:
            new.publish(final)
        except FileExistsError:
            continue
        return final
    raise AssertionError("count() does not end")


def _guide(assessment: Mapping[str, Any], signer: Signer) -> bytes:
    run = assessment["run"]
    return guide.text(
        target=assessment["target"]["name"],
        run=run["id"],
        started=run["started"],
        status=run["status"],
        partial=run["partial"],
        keyid=signer.keyid,
        kind=signer.kind,
    )


def _collect(run_dir: Path) -> dict[str, tar.Member]:
    """The members that the run left on the disk. Raises `IntegrityError` for a link or a missing file."""
    paths = [run_dir / name for name in _FROM_RUN]
    for folder in names.FOLDERS:
        paths += sorted((run_dir / folder).rglob("*"))
    members: dict[str, tar.Member] = {}
    for path in paths:
        name = path.relative_to(run_dir).as_posix()
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode):
            continue
        if not stat.S_ISREG(status.st_mode):
            raise IntegrityError(f"not sealed: {shown(name)} in the run directory is not a plain file")
        names.check(name)
        members[name] = tar.Member(name, status.st_size, _reader(path))
    members.setdefault(names.OUTCOMES, _in_memory(names.OUTCOMES, b""))
    for name in (names.JOURNAL, names.RUN, names.TARGET, names.CATALOGUE):
        if name not in members:
            raise IntegrityError(f"not sealed: the run directory {run_dir} has no {name}")
    return members


def _reader(path: Path) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise IntegrityError(f"not sealed: {path} can't be read: {error.strerror}") from None

    return pieces


def _in_memory(name: str, data: bytes) -> tar.Member:
    return tar.Member(name, len(data), lambda: (data,))


def _entry(member: tar.Member, scan: SecretScan) -> manifest.Entry:
    digest, size = hashlib.sha256(), 0
    for piece in scan.pieces(member.name, member.pieces()):
        digest.update(piece)
        size += len(piece)
    if size != member.size:
        raise IntegrityError(f"not sealed: {member.name} changed meanwhile")
    return manifest.entry(member.name, size, digest.hexdigest())

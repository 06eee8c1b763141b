"""Files of a lab: made with their final owner and mode, so that a secret is never readable for a moment."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that the server runs as."""

    uid: int
    gid: int


def server_owner() -> Owner | None:
    """Whom root runs the server as: `mysql` where that user exists, else `nobody`; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for user in ("mysql", "nobody"):
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            continue
        return Owner(entry.pw_uid, entry.pw_gid)
    return Owner(65534, 65534)


def make_directory(path: Path, owner: Owner | None = None, mode: int = 0o700) -> Path:
    """A new directory with this owner (ours when None) and mode."""
    path.mkdir(mode=0o700)
    if owner:
        os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)
    return path


def write_private(path: Path, content: bytes, owner: Owner | None = None) -> None:
    """A new file for its owner's eyes only (0600)."""
    _write(path, content, owner, 0o600)


def write_public(path: Path, content: bytes, owner: Owner | None = None) -> None:
    """A new file that others may read (0644), as certificates may be."""
    _write(path, content, owner, 0o644)


def _write(path: Path, content: bytes, owner: Owner | None, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        if owner:
            os.fchown(stream.fileno(), owner.uid, owner.gid)
        os.fchmod(stream.fileno(), mode)

"""What arrives where a host's log is received, a file on the prover's machine. Only what names a login is kept."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from proofs.errors import ChannelError
from proofs.model import Json

ASKED = ("identity", "node-name", "ssh-connection", "clock")
"""Commands whose answers tell of a login: whose it is, where, from where, and when."""
MOST_BYTES = 8 << 20
_LONGEST = 1000
_MOST_LINES = 5
_POLL_S = 0.2
_WORD = re.compile(r"\S{1,255}")


@dataclass(frozen=True, slots=True)
class Mark:
    """A file as it was: what is behind `size` was not there yet, and nothing was of another file in its place."""

    path: str
    inode: int
    size: int


def mark(path: str) -> Mark:
    """The end of the file now. Raises `ChannelError` if it is not there or is no file."""
    try:
        seen = Path(path).stat()
    except OSError as e:
        raise ChannelError(f"what is received of the host's log, {path}, cannot be read: {e.strerror or e}") from None
    if not stat.S_ISREG(seen.st_mode):
        raise ChannelError(f"what is received of the host's log, {path}, is no file")
    return Mark(path, seen.st_ino, seen.st_size)


def login(said: Mapping[str, str]) -> Json:
    """{user, address, port, node, clock} from the answers to `ASKED`, all text but `clock` (seconds since 1970).

    sshd(8): SSH_CONNECTION holds the client's address and port and the server's. Raises `ChannelError` for answers of
    another form, and for a host that is not logged in to over SSH.
    """
    if not said["ssh-connection"]:
        raise ChannelError("this host is not logged in to over SSH, so no login of the prover's is logged there")
    user, node, connection = said["identity"], said["node-name"], said["ssh-connection"].split()
    try:
        ip_address(connection[0].partition("%")[0])
        address, port, clock = connection[0], str(int(connection[1])), float(said["clock"])
    except (ValueError, IndexError):
        raise ChannelError(f"the host tells of the login in another form: {said['ssh-connection'][:100]!a}") from None
    if not _WORD.fullmatch(user) or not _WORD.fullmatch(node):
        raise ChannelError(f"the host names the account and itself in another form: {user[:60]!a}, {node[:60]!a}")
    return {"user": user, "address": address, "port": port, "node": node, "clock": clock}


def awaited(since: Mark, of: Json, wait_s: float) -> Json:
    """What `HostChannel.login_received` answers: lines that name the login `of`, awaited for so long."""
    wanted = f" for {of['user']} from {of['address']} port {of['port']}".encode()
    began = time.monotonic()
    while True:
        data, cut = _behind(since)
        # What does not end with a newline is still being written.
        lines = [line for line in data.split(b"\n")[:-1] if line.strip()]
        found = [line for line in lines if wanted in line]
        waited = time.monotonic() - began
        if found or waited >= wait_s:
            kept = [line[:_LONGEST].decode("utf-8", "replace") for line in found[:_MOST_LINES]]
            return {"login": of, "lines": kept, "arrived": len(lines), "cut": cut, "waited_s": round(waited, 3)}
        time.sleep(_POLL_S)


def _behind(since: Mark) -> tuple[bytes, bool]:
    """What came since, its last `MOST_BYTES`, and whether there was more; all of a file that took the other's place."""
    try:
        with Path(since.path).open("rb") as file:
            seen = os.fstat(file.fileno())
            start = since.size if seen.st_ino == since.inode and seen.st_size >= since.size else 0
            cut = seen.st_size - start > MOST_BYTES
            file.seek(max(start, seen.st_size - MOST_BYTES))
            return file.read(MOST_BYTES), cut
    except FileNotFoundError:
        return b"", False  # between the two steps of a rotation
    except OSError as e:
        raise ChannelError(f"what is received of the host's log cannot be read: {e.strerror or e}") from None

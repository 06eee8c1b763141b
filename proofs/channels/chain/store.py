"""The anchors' store on the prover's machine: its lines, and what kind of place it is."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proofs.errors import ChannelError
from proofs.ledger.anchors import MAX_LINE

_FS_IOC_GETFLAGS = 0x80086601  # linux/fs.h, 64-bit
_FS_APPEND_FL = 0x20
_NO_FLAGS = {errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
_CHUNK = 1 << 16


def size_of(path: str) -> int:
    """Bytes in the store now. Raises `ChannelError` if there is none."""
    try:
        return Path(path).stat().st_size
    except OSError as e:
        raise ChannelError(f"the anchors {path} cannot be read: {e.strerror or e}") from None


def lines(path: str, size: int) -> Iterator[bytes]:
    """The lines in the first `size` bytes: what is appended later is for another look. Long lines are cut off.

    Raises `ChannelError` if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            left = size
            while left > 0 and (line := file.readline(min(left, MAX_LINE + 1))):
                left -= len(line)
                ended = line.endswith(b"\n")
                while not ended and left > 0 and (more := file.readline(min(left, _CHUNK))):
                    left -= len(more)
                    ended = more.endswith(b"\n")
                yield line
    except OSError as e:
        raise ChannelError(f"the anchors {path} cannot be read: {e.strerror or e}") from None


def place_of(path: str) -> dict[str, Any]:
    """{path (links resolved), mode, owner, append_only}; `append_only` None where the file system has no such flag."""
    try:
        real = os.path.realpath(path, strict=True)
        with Path(real).open("rb") as file:
            seen = os.fstat(file.fileno())
            append_only = _append_only(file.fileno())
    except OSError as e:
        raise ChannelError(f"the anchors {path} cannot be read: {e.strerror or e}") from None
    mode = f"{stat.S_IMODE(seen.st_mode):04o}"
    return {"path": real, "mode": mode, "owner": seen.st_uid, "append_only": append_only}


def _append_only(descriptor: int) -> bool | None:
    """The file's attribute `a` (chattr(1)): only root may take it off."""
    try:
        flags = fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, struct.pack("l", 0))
    except OSError as e:
        if e.errno in _NO_FLAGS:
            return None
        raise
    return bool(struct.unpack("l", flags)[0] & _FS_APPEND_FL)


def boot_id() -> str | None:
    """The boot id of the prover's kernel (random(4)): unlike any other's, and new with every boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def same_machine(host: str, port: int) -> bool | None:
    """Whether packets to the database stay on this machine; None where its name can't be resolved.

    A datagram socket is connected, which chooses a source address and sends nothing (udp(7)).
    """
    try:
        candidates = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    for family, kind, protocol, _, address in candidates:
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.connect(address)
            except OSError:
                continue
            if probe.getsockname()[0] == probe.getpeername()[0]:
                return True
    return False

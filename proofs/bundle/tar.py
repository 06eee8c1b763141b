"""The tar framing: USTAR headers in exactly one form (POSIX.1-1988), written and read here, never extracted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from proofs.bundle import names
from proofs.bundle.names import shown
from proofs.errors import IntegrityError

BLOCK = 512
END = bytes(2 * BLOCK)
_TYPES = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a directory",
    b"6": "a FIFO",
    b"x": "an extended (pax) header",
    b"g": "a global (pax) header",
    b"L": "a GNU long name",
    b"K": "a GNU long link",
    b"S": "a sparse file",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file to be packed: its name, its size in bytes, and its bytes in pieces."""

    name: str
    size: int
    pieces: Callable[[], Iterable[bytes]]


def header(name: str, size: int, mtime: int) -> bytes:
    """The one header of a file: mode 0644, owner 0, no owner names. Raises `ValueError` for a name that can't fit."""
    prefix, rest = "", name
    if len(name) > 100:
        cut = name.find("/", len(name) - 101)
        prefix, rest = name[:cut], name[cut + 1 :]
        if cut < 1 or len(prefix) > 155:
            raise ValueError(f"name too long for USTAR: {name}")
    fields = (
        rest.encode("ascii").ljust(100, b"\0")
        + b"0000644\0" * 1
        + b"0000000\0" * 2
        + b"%011o\0" % size
        + b"%011o\0" % mtime
    )
    tail = b"0".ljust(101, b"\0") + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2
    tail += prefix.encode("ascii").ljust(167, b"\0")
    total = sum(fields) + 8 * 0x20 + sum(tail)
    return fields + b"%06o\0 " % total + tail


def write(members: Iterable[Member], mtime: int, put: Callable[[bytes], None]) -> None:
    """Write the archive of `members`, sorted by name. Raises `IntegrityError` if one changes size meanwhile."""
    for member in sorted(members, key=lambda member: member.name):
        put(header(member.name, member.size, mtime))
        written = 0
        for piece in member.pieces():
            put(piece)
            written += len(piece)
        if written != member.size:
            raise IntegrityError(f"{member.name} changed while it was being sealed")
        put(bytes(-member.size % BLOCK))
    put(END)


def read(stream: Iterable[bytes], enter: Callable[[str, int], Callable[[bytes], None]]) -> int:
    """Walk an archive once. `enter(name, size)` is called for each member and gives the sink for its bytes.

    Returns the one time all members carry. Raises `IntegrityError` for anything `write` never writes.
    """
    source = _Source(iter(stream))
    seen: dict[str, str] = {}
    last, time = "", -1
    while (block := source.exactly(BLOCK)) != bytes(BLOCK):
        name, size, mtime = _parse(block)
        if seen.get(name.casefold()) == name:
            raise IntegrityError(f"member {shown(name)} appears twice")
        if name.casefold() in seen:
            raise IntegrityError(f"members {shown(seen[name.casefold()])} and {shown(name)} differ only in case")
        if name < last:
            raise IntegrityError(f"member {shown(name)} is out of order")
        if time not in (-1, mtime):
            raise IntegrityError(f"member {shown(name)} has another time than the members before it")
        if len(seen) >= names.MAX_MEMBERS:
            raise IntegrityError(f"the bundle has more than {names.MAX_MEMBERS} members")
        if size > names.MAX_MEMBER:
            raise IntegrityError(f"member {shown(name)} is larger than {names.MAX_MEMBER} bytes")
        seen[name.casefold()], last, time = name, name, mtime
        sink = enter(name, size)
        for piece in source.pieces(size):
            sink(piece)
        if source.exactly(-size % BLOCK).strip(b"\0"):
            raise IntegrityError(f"the padding after member {shown(name)} is not empty")
    if source.exactly(BLOCK) != bytes(BLOCK) or not source.ended():
        raise IntegrityError("bytes follow the end of the archive")
    return time


def _parse(block: bytes) -> tuple[str, int, int]:
    short, prefix = block[:100].split(b"\0")[0], block[345:500].split(b"\0")[0]
    raw = prefix + b"/" + short if prefix else short
    kind = block[156:157]
    if kind != b"0":
        raise IntegrityError(f"member {shown(raw)} is {_TYPES.get(kind, 'of an unknown type')}, not a file")
    names.check(raw.decode("latin-1"))
    try:
        name, size, mtime = raw.decode("ascii"), int(block[124:135], 8), int(block[136:147], 8)
        canonical = header(name, size, mtime)
    except ValueError:
        canonical = b""
    if block != canonical:
        raise IntegrityError(f"the header of member {shown(raw)} is not in the one form this format allows")
    return name, size, mtime


class _Source:
    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self._held = b""

    def pieces(self, size: int) -> Iterator[bytes]:
        while size:
            self._held = self._held or next(self._stream, b"")
            if not self._held and self.ended():
                raise IntegrityError("the archive is truncated")
            piece, self._held = self._held[:size], self._held[size:]
            size -= len(piece)
            yield piece

    def exactly(self, size: int) -> bytes:
        return b"".join(self.pieces(size))

    def ended(self) -> bool:
        """Whether nothing is left; reads on past empty pieces, so that the compressed trailer gets checked too."""
        while not self._held:
            piece = next(self._stream, None)
            if piece is None:
                return True
            self._held = piece
        return False

"""The gzip framing: one member with a fixed header, nothing after it, read with bounds (RFC 1951, RFC 1952)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from proofs.bundle.names import MAX_TOTAL, RATIO, RATIO_FLOOR
from proofs.errors import IntegrityError

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""No name, no time, no flags, operating system "unknown": the same content gives the same bytes."""
_LEVEL = 6
_CHUNK = 64 << 10


class GzipWriter:
    """Writes one gzip member; `close` ends the member and leaves the file open."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._size = 0
        out.write(HEADER)

    def write(self, data: bytes) -> None:
        """Add bytes of the uncompressed stream."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._out.write(self._deflate.compress(data))

    def close(self) -> None:
        """Write the rest of the stream and the trailer."""
        self._out.write(self._deflate.flush() + struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))


def inflate(source: BinaryIO) -> Iterator[bytes]:
    """The uncompressed stream in bounded pieces. Raises `IntegrityError` for whatever `GzipWriter` never writes."""
    header = source.read(len(HEADER))
    if header != HEADER:
        raise IntegrityError("this is not a bundle: the gzip header is not the one this format fixes")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    taken, given, crc = len(header), 0, 0
    while not inflater.eof:
        data = inflater.unconsumed_tail or source.read(_CHUNK)
        if not inflater.unconsumed_tail:
            taken += len(data)
        try:
            piece = inflater.decompress(data, 4 * _CHUNK)
        except zlib.error as error:
            raise IntegrityError(f"the compressed stream is damaged ({error})") from None
        if not data and not piece and not inflater.eof:
            raise IntegrityError("the compressed stream is truncated")
        given += len(piece)
        crc = zlib.crc32(piece, crc)
        if given > MAX_TOTAL:
            raise IntegrityError(f"the bundle unpacks to more than {MAX_TOTAL} bytes")
        if given > RATIO_FLOOR and given > RATIO * taken:
            raise IntegrityError(f"the bundle unpacks to more than {RATIO} times its size: a decompression bomb")
        yield piece
    _check_trailer(inflater.unused_data + source.read(9), crc, given)


def _check_trailer(trailer: bytes, crc: int, size: int) -> None:
    if len(trailer) < 8:
        raise IntegrityError("the compressed stream is truncated")
    if trailer[:8] != struct.pack("<II", crc, size & 0xFFFFFFFF):
        raise IntegrityError("the compressed stream is damaged (its checksum or length differs)")
    if trailer[8:10] in (b"\x1f", b"\x1f\x8b"):
        raise IntegrityError("a second gzip member follows the bundle")
    if len(trailer) > 8:
        raise IntegrityError("bytes follow the end of the bundle")

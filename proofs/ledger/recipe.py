"""From the inventory's hash recipe to the hashes that the stored rows must have."""

from __future__ import annotations

import base64
import hashlib
from binascii import hexlify
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, NamedTuple

from proofs.ledger.rows import Cell
from proofs.model import Recipe

ALGORITHMS: Mapping[str, Callable[[bytes], Any]] = {
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
"""FIPS 180-4. Weaker ones are not offered: a chain is worth what its hash is worth."""

_ENCODE: Mapping[str, Callable[[bytes], bytes]] = {
    "hex": hexlify,
    "HEX": lambda data: hexlify(data).upper(),
    "base64": base64.b64encode,
    "bytes": bytes,
}
_CONVERT: Mapping[str, Callable[[bytes], bytes] | None] = {
    "text": None,
    "bytes": None,
    "hex": hexlify,
    "HEX": lambda data: hexlify(data).upper(),
}


class Wanted(NamedTuple):
    """A column's values: as text in UTF-8, or the bytes as they are stored."""

    column: str
    text: bool


@dataclass(frozen=True)
class Hasher:
    """Computes what the stored hash of each row must be: `encoding(algorithm(parts put together))`."""

    recipe: Recipe

    @cached_property
    def columns(self) -> tuple[Wanted, ...]:
        """The columns a row has to bring, in the order of their first use."""
        wanted = (Wanted(part.column, part.form == "text") for part in self.recipe.parts if part.column is not None)
        return tuple(dict.fromkeys(wanted))

    @cached_property
    def length(self) -> int:
        """Bytes of an encoded hash."""
        return len(_ENCODE[self.recipe.encoding](self._hash(b"").digest()))

    @property
    def _hash(self) -> Callable[[bytes], Any]:
        return ALGORITHMS[self.recipe.algorithm]

    def digests(self, columns: Sequence[Sequence[Cell]]) -> list[bytes]:
        """The raw digest of each row; `columns` as in `Block.parts`."""
        try:
            return self._digests(columns)
        except TypeError:  # a NULL is no bytes
            return self._digests(columns, nulls=True)

    def _digests(self, columns: Sequence[Sequence[Cell]], *, nulls: bool = False) -> list[bytes]:
        position = {name: number for number, name in enumerate(self.columns)}
        pieces: list[Iterable[Any]] = []
        for part in self.recipe.parts:
            if part.column is None:
                pieces.append(repeat((part.text or "").encode()))
                continue
            values = columns[position[Wanted(part.column, part.form == "text")]]
            convert = _CONVERT[part.form]
            if nulls:
                null = part.null.encode()
                pieces.append([null if v is None else convert(v) if convert else v for v in values])
            else:
                pieces.append(map(convert, values) if convert else values)  # type: ignore[arg-type]
        # The inner loop of a proof. A copy of an empty hash spares OpenSSL 3 the search for its algorithm (a quarter of
        # all the time); what can be, is left to the interpreter's own loops.
        fresh = self._hash(b"").copy
        found = []
        for data in map(b"".join, zip(*pieces, strict=False)):
            made = fresh()
            made.update(data)
            found.append(made.digest())
        return found

    def encode(self, digest: bytes) -> bytes:
        """A digest as it is stored."""
        return _ENCODE[self.recipe.encoding](digest)

    def hashes(self, columns: Sequence[Sequence[Cell]]) -> list[bytes]:
        """What each row's stored hash must be."""
        return [self.encode(digest) for digest in self.digests(columns)]

    def holds(self, columns: Sequence[Sequence[Cell]], stored: Sequence[Cell]) -> bool:
        """Whether every row's stored hash is the one its columns give."""
        try:
            whole, lengths = b"".join(stored), set(map(len, stored))  # type: ignore[arg-type]
        except TypeError:  # a NULL is no hash
            return False
        if lengths != {self.length}:
            return False
        digests = self.digests(columns)
        if self.recipe.encoding == "base64":  # does not encode the whole as it encodes the parts
            return [base64.b64encode(digest) for digest in digests] == list(stored)
        return self.encode(b"".join(digests)) == whole

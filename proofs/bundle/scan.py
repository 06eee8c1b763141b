"""The last look before sealing: no secret, in any spelling, in any member."""

from __future__ import annotations

import html
from collections.abc import Iterable
from urllib.parse import quote_plus

from proofs.errors import IntegrityError
from proofs.model.spellings import MINIMUM_SECRET, spellings


class SecretScan:
    """Looks for secrets in a stream of pieces, also where one is cut by the border of two pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found: set[str] = set()
        for secret in secrets:
            # Reports add two spellings of their own to those of the journal: HTML and form encoding.
            found |= spellings(secret) | {html.escape(secret), html.escape(secret, quote=False), quote_plus(secret)}
        self._needles = [one.encode() for one in found if len(one) >= MINIMUM_SECRET]
        self._overlap = max(map(len, self._needles), default=1) - 1

    def pieces(self, name: str, pieces: Iterable[bytes]) -> Iterable[bytes]:
        """Pass the pieces of member `name` through. Raises `IntegrityError` naming the member, never the secret."""
        self._look(name, name.encode())
        tail = b""
        for piece in pieces:
            if self._needles:
                self._look(name, tail + piece)
                tail = (tail + piece)[-self._overlap :] if self._overlap else b""
            yield piece

    def _look(self, name: str, data: bytes) -> None:
        if any(needle in data for needle in self._needles):
            raise IntegrityError(f"not sealed: {name} still holds a secret that should have been redacted")

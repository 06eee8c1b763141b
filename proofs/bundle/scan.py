"""The last look before sealing: no secret, in any spelling, in any member."""

from __future__ import annotations

from collections.abc import Iterable

from proofs.errors import IntegrityError
from proofs.model.spellings import spellings


class SecretScan:
    """Looks for secrets in a stream of pieces, also where one is cut by the border of two pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = [one.encode() for one in {form for secret in secrets for form in spellings(secret)}]
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

"""The one small interface behind which key services differ, and how they say no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from proofs.errors import ChannelError


class KeyServiceError(ChannelError):
    """The key service could not be asked: not there, not usable, or it doesn't know the key."""


class UnwrapRefused(Exception):  # noqa: N818 - an answer, not a fault: wrong key, wrong context, or altered bytes
    """The key service does not unwrap this: other key, other context, or changed bytes."""


class KeyService(Protocol):
    """Wraps data keys (32 bytes) under a key that never leaves the service.

    `name` is the key's name as records store it, `algorithm` what the wrap is called there. `context` (name → value,
    ASCII) is bound to the wrap where the service can: unwrapping with another one is refused.
    """

    name: str
    algorithm: str

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """The wrapped data key. Raises `KeyServiceError`."""
        ...

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key. Raises `UnwrapRefused`, or `KeyServiceError` where the service could not be asked."""
        ...


def context_bytes(context: Mapping[str, str]) -> bytes:
    """The context as one unambiguous string of bytes, for services that bind bytes: JSON, sorted, ASCII."""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")

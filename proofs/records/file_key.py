"""Data keys wrapped by a key in a file: for labs and tests, where no key service is to be had."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.records.keys import KeyServiceError, UnwrapRefused

KEY_DIGITS = 64


class AesKeyWrap:
    """AES Key Wrap (RFC 3394, NIST SP 800-38F) under a key of 256 bits.

    Key wrap has no additional data: the context is not bound here, only by the record's own AAD.
    """

    algorithm = "AES-256-KW"

    def __init__(self, key: bytes, name: str) -> None:
        self.name = name
        self._key = key

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.wrap`."""
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap  # noqa: PLC0415 - a fast start matters

        try:
            return aes_key_wrap(self._key, data_key)
        except ValueError as error:
            raise KeyServiceError(f"AES key wrap: {error}") from None

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.unwrap`."""
        from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap  # noqa: PLC0415

        try:
            return aes_key_unwrap(self._key, wrapped)
        except (InvalidUnwrap, ValueError):
            raise UnwrapRefused("other key, or changed bytes") from None


class FileKeyService(AesKeyWrap):
    """`AesKeyWrap` under a key kept as hexadecimal digits in a file of mode 0600.

    Raises `ConfigurationError` where the file is missing, no key, or readable for others.
    """

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(_read(path), name)


def _read(path: Path) -> bytes:
    try:
        with path.open(encoding="ascii") as stream:
            text = stream.read(KEY_DIGITS + 2).strip()
            mode = path.stat().st_mode
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{path}: no key could be read: {getattr(error, 'strerror', 'not text')}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path}: mode {stat.S_IMODE(mode):04o} lets others read this key; chmod 600 it")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_DIGITS // 2:
        raise ConfigurationError(f"{path}: expected {KEY_DIGITS} hexadecimal digits (256 bits)")
    return key

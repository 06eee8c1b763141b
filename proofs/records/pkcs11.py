"""Data keys wrapped by a hardware security module, through PKCS#11 (python-pkcs11; extra `hsm`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from proofs.records.keys import KeyServiceError, UnwrapRefused, context_bytes

_NONCE = 12
_TAG_BITS = 128
_LEAST = _NONCE + _TAG_BITS // 8


class Pkcs11KeyService:
    """AES-256-GCM under a secret key of a token: nonce ‖ ciphertext ‖ tag, the context as additional data.

    CKM_AES_GCM (PKCS#11 v3.0, section 2.12) rather than C_WrapKey: it binds the context. The module makes no nonce of
    its own there, so a random one is drawn for each wrap; NIST SP 800-38D allows 2**32 of them under one key. `pin` is
    asked for at each use and not kept.
    """

    algorithm = "PKCS11-AES-256-GCM"

    def __init__(self, module: str, token: str, name: str, pin: Callable[[], str]) -> None:
        self.name = name
        self._module = module
        self._token = token
        self._pin = pin

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.wrap`."""
        nonce = os.urandom(_NONCE)
        with self._key() as (key, mechanism):
            return nonce + bytes(key.encrypt(data_key, **mechanism(nonce, context)))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.unwrap`."""
        from pkcs11 import exceptions  # noqa: PLC0415

        if len(wrapped) < _LEAST:
            raise UnwrapRefused("too short to be a wrapped key")
        with self._key() as (key, mechanism):
            try:
                return bytes(key.decrypt(wrapped[_NONCE:], **mechanism(wrapped[:_NONCE], context)))
            except (
                exceptions.EncryptedDataInvalid,
                exceptions.EncryptedDataLenRange,
                exceptions.GeneralError,
            ) as error:
                # SoftHSM 2.6 answers CKR_GENERAL_ERROR where the standard says CKR_ENCRYPTED_DATA_INVALID.
                raise UnwrapRefused(f"the token refuses: {type(error).__name__}") from None

    @contextmanager
    def _key(self) -> Iterator[tuple[Any, Callable[[bytes, Mapping[str, str]], dict[str, Any]]]]:
        try:
            import pkcs11  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise KeyServiceError("PKCS#11 needs python-pkcs11: pip install 'proof-of-controls[hsm]'") from None

        def mechanism(nonce: bytes, context: Mapping[str, str]) -> dict[str, Any]:
            parameters = pkcs11.GCMParams(nonce, context_bytes(context), _TAG_BITS)
            return {"mechanism": pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}

        try:
            token = pkcs11.lib(self._module).get_token(token_label=self._token)
            with token.open(user_pin=self._pin()) as session:
                key = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=self.name)
                yield key, mechanism
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            reason = str(error) or type(error).__name__
            raise KeyServiceError(f"PKCS#11 token {self._token!a}, key {self.name!a}: {reason}") from None

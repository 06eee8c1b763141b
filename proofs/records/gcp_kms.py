"""Data keys wrapped by Google Cloud KMS (google-cloud-kms; extra `gcp`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from proofs.errors import ConfigurationError
from proofs.records.keys import KeyServiceError, UnwrapRefused, context_bytes

TIMEOUT_S = 10.0


class GcpKeyService:
    """`Encrypt` and `Decrypt` of a symmetric CryptoKey, the context as additional authenticated data.

    Both directions carry CRC32C checksums, and an answer that does not confirm or match them is not used (Cloud KMS
    documentation, "Verifying end-to-end data integrity"). Credentials are the application default ones. `endpoint`
    (`http://127.0.0.1:PORT`) is for a fake on this machine; anything else is reached over TLS.
    """

    algorithm = "GCP-KMS-GOOGLE_SYMMETRIC_ENCRYPTION"

    def __init__(self, name: str, endpoint: str | None = None) -> None:
        self.name = name
        self._endpoint = endpoint
        self._client: Any = None

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.wrap`."""
        data = context_bytes(context)
        answer = self._call(
            "encrypt",
            plaintext=data_key,
            plaintext_crc32c=_crc(data_key),
            additional_authenticated_data=data,
            additional_authenticated_data_crc32c=_crc(data),
        )
        wrapped = bytes(answer.ciphertext)
        verified = answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c
        if not verified or answer.ciphertext_crc32c != _crc(wrapped):
            raise KeyServiceError(f"Cloud KMS, key {self.name!a}: altered on the way (CRC32C)")
        return wrapped

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.unwrap`."""
        data = context_bytes(context)
        answer = self._call(
            "decrypt",
            ciphertext=wrapped,
            ciphertext_crc32c=_crc(wrapped),
            additional_authenticated_data=data,
            additional_authenticated_data_crc32c=_crc(data),
        )
        data_key = bytes(answer.plaintext)
        if answer.plaintext_crc32c != _crc(data_key):
            raise KeyServiceError(f"Cloud KMS, key {self.name!a}: altered on the way (CRC32C)")
        return data_key

    def _call(self, operation: str, **fields: Any) -> Any:
        try:
            from google.api_core.exceptions import GoogleAPICallError, InvalidArgument  # noqa: PLC0415 - an extra
            from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        except ImportError:
            raise KeyServiceError("Cloud KMS needs google-cloud-kms: pip install 'proof-of-controls[gcp]'") from None
        try:
            if self._client is None:
                self._client = _client(self._endpoint)
            return getattr(self._client, operation)(request={"name": self.name, **fields}, timeout=TIMEOUT_S)
        except InvalidArgument:
            if operation == "decrypt":
                raise UnwrapRefused("Cloud KMS refuses: INVALID_ARGUMENT") from None
            raise KeyServiceError(f"Cloud KMS, key {self.name!a}: INVALID_ARGUMENT") from None
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise KeyServiceError(f"Cloud KMS, key {self.name!a}: {type(error).__name__}") from None


def _client(endpoint: str | None) -> Any:
    from google.cloud import kms_v1  # noqa: PLC0415

    if endpoint is None:
        return kms_v1.KeyManagementServiceClient()
    parts = urlsplit(endpoint)
    if parts.scheme != "http" or not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"key service endpoint: found {endpoint!a}, expected http://127.0.0.1:PORT; leave it out"
        )
    import grpc  # noqa: PLC0415
    from google.cloud.kms_v1.services.key_management_service.transports import (  # noqa: PLC0415
        KeyManagementServiceGrpcTransport,
    )

    channel = grpc.insecure_channel(parts.netloc)
    return kms_v1.KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _crc(data: bytes) -> int:
    import google_crc32c  # noqa: PLC0415

    return int(google_crc32c.value(data))

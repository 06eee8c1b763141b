"""Data keys wrapped by AWS KMS (boto3; extra `aws`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofs.records.keys import KeyServiceError, UnwrapRefused

REFUSALS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class AwsKeyService:
    """`Encrypt` and `Decrypt` of a symmetric KMS key, the context as its encryption context.

    AWS KMS Developer Guide, "Encryption context": it is additional authenticated data, and logged in CloudTrail. Both
    calls name the key, so that a ciphertext made under another one is refused ("Decrypt", parameter KeyId).
    Credentials come from boto3's own chain, never from here. `endpoint` is for a private endpoint, or a fake in tests.
    """

    algorithm = "AWS-KMS-SYMMETRIC_DEFAULT"

    def __init__(self, name: str, region: str, endpoint: str | None = None) -> None:
        self.name = name
        self._region = region
        self._endpoint = endpoint
        self._client: Any = None

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.wrap`."""
        answer = self._call("encrypt", Plaintext=data_key, EncryptionContext=dict(context))
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.unwrap`."""
        answer = self._call("decrypt", CiphertextBlob=wrapped, EncryptionContext=dict(context))
        return bytes(answer["Plaintext"])

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            import boto3  # noqa: PLC0415 - an optional extra
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        except ImportError:
            raise KeyServiceError("AWS KMS needs boto3: pip install 'proof-of-controls[aws]'") from None
        try:
            if self._client is None:
                self._client = boto3.client("kms", region_name=self._region, endpoint_url=self._endpoint)
            return getattr(self._client, operation)(KeyId=self.name, **arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if operation == "decrypt" and code in REFUSALS:
                raise UnwrapRefused(f"AWS KMS refuses: {code}") from None
            raise KeyServiceError(f"AWS KMS, key {self.name!a}: {code}") from None
        except BotoCoreError as error:
            raise KeyServiceError(f"AWS KMS, key {self.name!a}: {type(error).__name__}") from None

"""From what an inventory says of a key service to the service itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proofs.errors import ConfigurationError
from proofs.records.keys import KeyService

PROVIDERS = ("file", "pkcs11", "aws-kms", "gcp-kms", "hybrid")


def open_key_service(settings: Mapping[str, Any], pin: Callable[[], str] | None = None) -> KeyService:
    """The key service of `records.key_service`; nothing is contacted yet. `pin` gives a token's PIN when it is needed.

    `{provider: file, path, key_name}`, `{provider: pkcs11, module, token, key_name, pin}`, `{provider: aws-kms,
    key_name, region, endpoint?}`, `{provider: gcp-kms, key_name, endpoint?}`, `{provider: hybrid, path}`. Raises
    `ConfigurationError`.
    """
    provider = settings.get("provider")
    if provider == "pkcs11" and pin is None:
        raise ConfigurationError("key service pkcs11: found no key pin; add it")
    try:
        if provider == "file":
            from proofs.records.file_key import FileKeyService  # noqa: PLC0415 - only the one that is used

            return FileKeyService(Path(settings["path"]), settings["key_name"])
        if provider == "pkcs11":
            from proofs.records.pkcs11 import Pkcs11KeyService  # noqa: PLC0415

            assert pin is not None  # noqa: S101 - for the type checker: looked at above
            return Pkcs11KeyService(settings["module"], settings["token"], settings["key_name"], pin)
        if provider == "aws-kms":
            from proofs.records.aws_kms import AwsKeyService  # noqa: PLC0415

            return AwsKeyService(settings["key_name"], settings["region"], settings.get("endpoint"))
        if provider == "gcp-kms":
            from proofs.records.gcp_kms import GcpKeyService  # noqa: PLC0415

            return GcpKeyService(settings["key_name"], settings.get("endpoint"))
        if provider == "hybrid":
            from proofs.records.hybrid import HybridWrap, load  # noqa: PLC0415

            return HybridWrap(load(Path(settings["path"])))
    except KeyError as error:
        raise ConfigurationError(f"key service {provider}: found no key {error.args[0]}; add it") from None
    raise ConfigurationError(f"key service: found provider {provider!a}, expected one of {', '.join(PROVIDERS)}")

"""Validity windows of a verified chain, at any time asked for (OpenSSL's own check knows only now, from Python)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


def outside_validity(chain: Sequence[str], at: datetime | None) -> str | None:
    """Why a chain of PEM certificates is not valid at a time (now if None), or None if it is.

    RFC 5280 section 6.1.3 (a)(2): the time must lie within the validity period of every certificate of the path.
    """
    from cryptography import x509  # noqa: PLC0415 - late: slow to import

    moment = at if at is not None else datetime.now(UTC)
    if not chain:
        return "no verified chain"
    for pem in chain:
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        who = certificate.subject.rfc4514_string() or "a certificate without subject"
        if moment < certificate.not_valid_before_utc:
            return f"certificate is not yet valid: {who} (from {certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ})"
        if moment > certificate.not_valid_after_utc:
            return f"certificate has expired: {who} (on {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ})"
    return None

"""Certificates and revocation lists, parsed: the one place of the probes that uses `cryptography`, as a pure parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from proofs.errors import Indeterminate

Certificate = x509.Certificate
RevocationList = x509.CertificateRevocationList
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string
ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
_BLOCK = re.compile(r"-----BEGIN (?P<what>[A-Z0-9 ]+)-----.*?-----END (?P=what)-----", re.DOTALL)
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a certificate says it may be used for (RFC 5280 section 4.2.1); None: the extension is missing.

    `roles` are the object identifiers of the extended key usage.
    """

    is_ca: bool | None
    ca_critical: bool
    signs_data: bool
    signs_certificates: bool
    signs_lists: bool
    usage_critical: bool
    roles: frozenset[str] | None


def purpose(certificate: Certificate) -> Purpose:
    """The constraints and usages of a certificate. `Indeterminate` if its extensions are malformed."""
    try:
        constraints = _extension(certificate, x509.BasicConstraints)
        usage = _extension(certificate, x509.KeyUsage)
        roles = _extension(certificate, x509.ExtendedKeyUsage)
    except (ValueError, x509.DuplicateExtension) as error:
        raise Indeterminate(f"the extensions of {name_of(certificate)} cannot be parsed: {error}") from None
    return Purpose(
        is_ca=constraints.value.ca if constraints else None,
        ca_critical=constraints is not None and constraints.critical,
        signs_data=usage is not None and usage.value.digital_signature,
        signs_certificates=usage is not None and usage.value.key_cert_sign,
        signs_lists=usage is not None and usage.value.crl_sign,
        usage_critical=usage is not None and usage.critical,
        roles=frozenset(oid.dotted_string for oid in roles.value) if roles else None,
    )


def _extension(certificate: Certificate, kind: type[_Kind]) -> x509.Extension[_Kind] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def certificates(pem: str, what: str) -> tuple[Certificate, ...]:
    """Every certificate in a PEM text, in order. `Indeterminate` if there is none, or one cannot be parsed."""
    blocks = [match[0] for match in _BLOCK.finditer(pem) if match["what"] in _CERTIFICATES]
    if not blocks:
        raise Indeterminate(f"{what} holds no certificate")
    try:
        return tuple(x509.load_pem_x509_certificate(block.encode("ascii")) for block in blocks)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Indeterminate(f"{what} cannot be parsed: {error}") from None


def revocation_lists(pem: str, what: str) -> tuple[RevocationList, ...]:
    """Every CRL in a PEM text. `Indeterminate` if there is none, or one cannot be parsed."""
    blocks = [match[0] for match in _BLOCK.finditer(pem) if match["what"] == "X509 CRL"]
    if not blocks:
        raise Indeterminate(f"{what} holds no revocation list")
    try:
        return tuple(x509.load_pem_x509_crl(block.encode("ascii")) for block in blocks)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Indeterminate(f"{what} cannot be parsed: {error}") from None


def name_of(certificate: Certificate) -> str:
    """The subject for messages, bounded."""
    return ascii(certificate.subject.rfc4514_string() or "(no subject)")[1:-1][:120]


def is_self_signed(certificate: Certificate) -> bool:
    """Subject and issuer are the same, and its own key made the signature."""
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def issued_by(crl: RevocationList, ca: Certificate) -> bool:
    """The list names this CA as its issuer and is signed with its key (RFC 5280 section 6.3.3 (f), (g))."""
    key = ca.public_key()
    if crl.issuer != ca.subject or not isinstance(
        key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
    ):
        return False
    try:
        return crl.is_signature_valid(key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def window(crl: RevocationList) -> tuple[datetime, datetime | None]:
    """thisUpdate and nextUpdate of a list."""
    return crl.last_update_utc, crl.next_update_utc


def key_weakness(certificate: Certificate, min_rsa_bits: int, curves: tuple[str, ...]) -> str | None:
    """Why a public key is too weak, or None (NIST SP 800-57 Part 1 Rev. 5, table 2)."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"a key that cannot be judged ({error})"
    if isinstance(key, rsa.RSAPublicKey):
        return f"an RSA key of {key.key_size} bits" if key.key_size < min_rsa_bits else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        curve = key.curve.name
    elif isinstance(key, ed25519.Ed25519PublicKey):
        curve = "ed25519"
    elif isinstance(key, ed448.Ed448PublicKey):
        curve = "ed448"
    else:
        return f"a {'DSA' if isinstance(key, dsa.DSAPublicKey) else type(key).__name__} key"
    return None if curve in curves else f"a key on the curve {curve}"


def signature_weakness(certificate: Certificate, allowed: tuple[str, ...]) -> str | None:
    """Why a signature's hash is not accepted, or None. Ed25519 and Ed448 hash by themselves (RFC 8032)."""
    try:
        found: hashes.HashAlgorithm | None = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return f"a signature of an unknown kind ({certificate.signature_algorithm_oid.dotted_string})"
    return None if found is None or found.name in allowed else f"a signature over {found.name}"


def serial_weakness(certificate: Certificate, min_bits: int) -> str | None:
    """Why a serial number could be guessed or is malformed, or None.

    RFC 5280 section 4.1.2.2: positive, at most 20 octets. A random number of n bits is sometimes shorter than n bits;
    8 bits of allowance make that one in 256 of honest ones, and counted ones stay far below.
    """
    bits = certificate.serial_number.bit_length()
    if certificate.serial_number <= 0 or bits > 159:
        return "a serial number that is not positive or longer than 20 octets"
    return f"a serial number of {bits} bits" if bits < min_bits - 8 else None

"""X.509 material made in memory: authorities, leaves and CRLs (RFC 5280), good ones and deliberately bad ones."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KeyKind = Literal["p256", "rsa2048"]

SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
ORGANISATION = "Proof of Controls Lab"
SKEW = timedelta(minutes=5)
"""Material is valid from a little before it was made, for clocks that disagree a little."""


def name(common_name: str) -> x509.Name:
    """The distinguished name of every subject here."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def oneline(subject: x509.Name) -> str:
    """A name as both engines compare it in REQUIRE SUBJECT/ISSUER: OpenSSL's X509_NAME_oneline form."""
    return "".join(f"/{part.rfc4514_attribute_name}={part.value}" for part in subject)


def make_key(kind: KeyKind = "p256") -> PrivateKey:
    """A new private key: P-256 by default (NIST SP 800-57: 128-bit strength); RSA-2048 is the weak one."""
    if kind == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 PEM without passphrase: a server must be able to start unattended."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True)
class Authority:
    """A root CA. Its key lives in memory only and is gone when the lab is up.

    A rogue authority takes the same `common_name`: only its key differs, so that nothing but the signature (and the
    key identifier) can tell it from the real one.
    """

    common_name: str
    now: datetime
    key: PrivateKey = field(default_factory=make_key)

    @cached_property
    def subject(self) -> x509.Name:
        """The CA's own name."""
        return name(self.common_name)

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The self-signed root: critical CA:TRUE, path length 0, keyCertSign and cRLSign (RFC 5280, 4.2.1.3 and .9)."""
        return (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=3))
            .not_valid_after(self.now + timedelta(days=1825))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The root certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        common_name: str,
        *,
        usages: Sequence[ObjectIdentifier],
        names: Sequence[str] = (),
        start: timedelta = -SKEW,
        lifetime: timedelta = timedelta(days=90),
        key: KeyKind = "p256",
    ) -> Leaf:
        """A leaf certificate, valid for `lifetime` from `start` after now; `names` are DNS names or IP addresses."""
        private = make_key(key)
        begins = self.now + start
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common_name))
            .issuer_name(self.subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        return Leaf(builder.sign(self.key, hashes.SHA256()), private)

    def revocations(
        self, revoked: Sequence[x509.Certificate], *, start: timedelta = -SKEW, lifetime: timedelta = timedelta(days=30)
    ) -> bytes:
        """A CRL naming these certificates, PEM; `nextUpdate` is `lifetime` after `thisUpdate`."""
        issued = self.now + start
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.subject)
            .last_update(issued)
            .next_update(issued + lifetime)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(issued)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def now() -> datetime:
    """The present time to the second, as X.509 times are."""
    return datetime.now(UTC).replace(microsecond=0)


def _general(value: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(value))
    except ValueError:
        return x509.DNSName(value)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )

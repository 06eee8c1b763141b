"""The PKI of one lab: who gets which certificate, the attack material, and what a sabotage may do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from proofs.lab.files import Owner, write_private, write_public
from proofs.lab.pki import CLIENT_AUTH, SERVER_AUTH, Authority, KeyKind, Leaf, now, oneline

CA_NAME = "Proof of Controls Lab Root CA"
SERVER_NAME = "db.lab.internal"
SERVER_NAMES = (SERVER_NAME, "localhost", "127.0.0.1")
OTHER_NAME = "other.lab.internal"
WILDCARD_NAME = "*.lab.internal"
GENERATED_NAME = "MySQL_Server_9.7.4_Auto_Generated_Server_Certificate"

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "server": (
        "expired",
        "near-expiry",
        "long-lived",
        "wrong-name",
        "weak-key",
        "other-ca",
        "no-eku",
        "wildcard-name",
        "generated-name",
    ),
    "clients": ("no-eku",),
    "crl": ("expired", "without-revocations", "stale"),
    "trust": ("and-rogue-ca",),
}
"""Per kind of material, the deliberately bad variants that a sabotage may ask for."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the deployment's SQL needs to know of a lab's PKI: names as the servers compare them."""

    issuer: str
    subjects: Mapping[str, str]


def make(
    users: Mapping[str, str], *, harness: Path, server: Path, owner: Owner | None, variants: Mapping[str, str]
) -> Material:
    """Make the PKI of a lab.

    `users` maps identities to their user names; `harness` and `server` are existing private directories: client keys
    and attack material go to the first (ours), the server's key and trust to the second, given to `owner`.
    """
    moment = now()
    ca, rogue = Authority(CA_NAME, moment), Authority(CA_NAME, moment)
    usages = () if variants.get("clients") == "no-eku" else (CLIENT_AUTH,)
    clients = {identity: ca.issue(user, usages=usages) for identity, user in users.items()}
    attacks = _attacks(ca, rogue, users["app"])
    for label, leaf in {**clients, **attacks}.items():
        write_public(harness / f"{label}.pem", leaf.certificate_pem)
        write_private(harness / f"{label}.key", leaf.key_pem)

    revoked = [] if variants.get("crl") == "without-revocations" else [attacks["revoked"].certificate]
    crl = ca.revocations(revoked)
    served_crl = crl
    if variants.get("crl") == "expired":
        served_crl = crl = ca.revocations(revoked, start=timedelta(days=-2), lifetime=timedelta(days=1))
    elif variants.get("crl") == "stale":
        served_crl = crl = ca.revocations(revoked, start=timedelta(days=-40), lifetime=timedelta(days=60))
    trusted = ca.pem
    if variants.get("trust") == "and-rogue-ca":
        # The rogue brings a CRL of its own, or the server's CRL check would refuse its certificates for it.
        trusted, served_crl = trusted + rogue.pem, crl + rogue.revocations([])
    write_public(harness / "ca.pem", ca.pem)
    write_public(harness / "crl.pem", crl)
    write_public(harness / "rogue-root.pem", rogue.pem)

    presented = _server(ca, rogue, variants.get("server"))
    write_public(server / "ca.pem", trusted, owner)
    write_public(server / "crl.pem", served_crl, owner)
    write_public(server / "server.pem", presented.certificate_pem, owner)
    write_private(server / "server.key", presented.key_pem, owner)
    subjects = {identity: oneline(leaf.certificate.subject) for identity, leaf in clients.items()}
    return Material(issuer=oneline(ca.subject), subjects=subjects)


def _attacks(ca: Authority, rogue: Authority, app: str) -> dict[str, Leaf]:
    """Material an attacker may hold. Those for logins carry the subject of `app`: only the fault tells them apart."""
    return {
        "rogue-ca": rogue.issue(app, usages=(CLIENT_AUTH,)),
        "expired": ca.issue(app, usages=(CLIENT_AUTH,), start=timedelta(days=-2), lifetime=timedelta(days=1)),
        "not-yet-valid": ca.issue(app, usages=(CLIENT_AUTH,), start=timedelta(days=1)),
        "revoked": ca.issue(app, usages=(CLIENT_AUTH,)),
        "wrong-eku": ca.issue(app, usages=(SERVER_AUTH,)),
        "impostor": ca.issue(OTHER_NAME, usages=(SERVER_AUTH,), names=(OTHER_NAME,)),
        "rogue-server": rogue.issue(SERVER_NAME, usages=(SERVER_AUTH,), names=SERVER_NAMES),
    }


def _server(ca: Authority, rogue: Authority, variant: str | None) -> Leaf:
    issuer = rogue if variant == "other-ca" else ca
    common_name, names = (OTHER_NAME, (OTHER_NAME,)) if variant == "wrong-name" else (SERVER_NAME, SERVER_NAMES)
    if variant == "wildcard-name":
        names = (WILDCARD_NAME, *SERVER_NAMES[1:])
    elif variant == "generated-name":
        common_name = GENERATED_NAME
    key: KeyKind = "rsa2048" if variant == "weak-key" else "p256"
    start, lifetime = timedelta(minutes=-5), timedelta(days=90)
    if variant == "expired":
        start, lifetime = timedelta(days=-61), timedelta(days=60)
    elif variant == "near-expiry":
        start, lifetime = timedelta(days=-87), timedelta(days=90)
    elif variant == "long-lived":
        lifetime = timedelta(days=3650)
    usages = () if variant == "no-eku" else (SERVER_AUTH,)
    return issuer.issue(common_name, usages=usages, names=names, start=start, lifetime=lifetime, key=key)

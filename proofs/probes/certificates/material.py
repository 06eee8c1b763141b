"""Whose certificates are judged: the CA of the inventory, the one each listener presents, those of the identities."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import HandshakeResult, MaterialChannel, SqlChannel, TlsChannel
from proofs.probes.certificates.x509 import Certificate, certificates
from proofs.probes.transport.settings import endpoints, setting


def server_certificates(sql: SqlChannel, tls: TlsChannel, target: Target) -> Mapping[str, Certificate]:
    """The leaf that each classic endpoint of the server presents, by endpoint."""
    return {endpoint: leaf(tls.handshake(endpoint), endpoint) for endpoint in endpoints(sql, target)}


def leaf(handshake: HandshakeResult, endpoint: str) -> Certificate:
    """The leaf of a handshake. `Indeterminate` if it was refused or showed no certificate."""
    chain = handshake.facts.get("chain") or []
    if not handshake.ok or not chain:
        raise Indeterminate(f"the {endpoint} interface showed no certificate: {handshake.describe()}")
    return certificates(str(chain[0]), f"the {endpoint} interface's certificate")[0]


def authorities(material: MaterialChannel) -> tuple[Certificate, ...]:
    """The CA certificates the inventory judges the target by."""
    return certificates(material.pem("ca"), "the inventory's CA file")


def client_certificates(material: MaterialChannel, target: Target) -> Mapping[str, Certificate]:
    """The certificate of each identity that has one, by identity."""
    names = [name for name, identity in target.identities.items() if identity.keypair is not None]
    if not names:
        raise Indeterminate("no identity of the inventory has a certificate")
    return {name: certificates(material.pem(f"identity:{name}"), f"the certificate of {name}")[0] for name in names}


def server_path(sql: SqlChannel, value: str) -> str:
    """A file named by a server variable as an absolute path: relative ones start at the data directory."""
    if not value:
        raise Indeterminate("the server names no such file, so there is nothing to look at")
    return value if value.startswith("/") else f"{setting(sql, 'datadir').rstrip('/')}/{value}"


def server_files(sql: SqlChannel, name: str) -> Mapping[str, str]:
    """Paths of `ssl_…` and, where set, `admin_ssl_…`, by variable; `name` is `ssl_key`, `ssl_cert` or `ssl_crl`."""
    found = {name: server_path(sql, setting(sql, name))}
    admin = sql.variable(f"admin_{name}")
    if admin and sql.variable("admin_address"):
        found[f"admin_{name}"] = server_path(sql, admin)
    return found

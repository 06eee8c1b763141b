"""Control cert-profile-and-eku."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, MaterialChannel, SqlChannel, TlsChannel
from proofs.probes.certificates.constraints import ca_fault, leaf_fault
from proofs.probes.certificates.material import authorities, client_certificates, server_certificates
from proofs.probes.certificates.x509 import (
    ANY_USAGE,
    CLIENT_AUTH,
    SERVER_AUTH,
    Certificate,
    certificates,
    is_self_signed,
    key_weakness,
    name_of,
    purpose,
    serial_weakness,
    signature_weakness,
)
from proofs.probes.transport.settings import number, texts

GENERATED = re.compile(r"MySQL_Server_.*_Auto_Generated_|^MariaDB Server$", re.IGNORECASE)
"""Names in what the servers make for themselves (MySQL manual, "Creating SSL and RSA Certificates and Keys")."""


def test_ca_and_leaves_carry_the_right_constraints(
    sql: SqlChannel, tls: TlsChannel, material: MaterialChannel, target: Target
) -> None:
    """The CA may sign and is marked as a CA; server and client certificates may not sign and have one role each.

    RFC 5280 section 4.2.1.9 (basicConstraints), 4.2.1.3 (keyUsage), 4.2.1.12 (extendedKeyUsage).
    """
    for ca in authorities(material):
        fault = ca_fault(ca)
        assert fault is None, f"the CA {name_of(ca)} {fault}"
    for endpoint, certificate in server_certificates(sql, tls, target).items():
        fault = leaf_fault(certificate, SERVER_AUTH, CLIENT_AUTH)
        assert fault is None, f"the certificate of the {endpoint} interface {fault}"
    for name, certificate in client_certificates(material, target).items():
        fault = leaf_fault(certificate, CLIENT_AUTH, SERVER_AUTH)
        assert fault is None, f"the certificate of {name} {fault}"


def test_keys_and_signatures_are_strong(
    *,
    sql: SqlChannel,
    tls: TlsChannel,
    material: MaterialChannel,
    target: Target,
    params: Mapping[str, ParameterValue],
) -> None:
    """Every certificate in use has a strong key and signature, and every leaf a serial number nobody could guess.

    NIST SP 800-57 Part 1 Rev. 5, tables 2 and 3; CA/Browser Forum Baseline Requirements, section 7.1.
    """
    leaves = _leaves(sql, tls, material, target)
    for what, certificate in chain((("the CA", ca) for ca in authorities(material)), leaves.items()):
        fault = key_weakness(certificate, number(params, "min_rsa_bits"), texts(params, "allowed_curves"))
        fault = fault or signature_weakness(certificate, texts(params, "allowed_signature_hashes"))
        if fault is None and what in leaves:
            fault = serial_weakness(certificate, number(params, "min_serial_bits"))
        assert fault is None, f"{what} ({name_of(certificate)}) has {fault}"
    serials = {(c.issuer.public_bytes(), c.serial_number): c for c in leaves.values()}
    assert len(serials) == len(set(leaves.values())), "two different certificates of one CA have the same serial number"


def test_no_generated_default_certificate_is_served(
    sql: SqlChannel, tls: TlsChannel, material: MaterialChannel, target: Target
) -> None:
    """No certificate in use is one the server made for itself at its first start.

    MySQL writes `MySQL_Server_VERSION_Auto_Generated_…` as the common name; MariaDB 11.4 serves a self-signed one
    that lives in memory only. CIS 2.6.
    """
    for what, certificate in _leaves(sql, tls, material, target).items():
        for name in (certificate.subject, certificate.issuer):
            generated = [str(part.value) for part in name if GENERATED.search(str(part.value))]
            assert not generated, f"{what} is the server's generated default: {generated[0][:120]!a}"
        assert not is_self_signed(certificate), f"{what} ({name_of(certificate)}) is signed by itself"


def test_server_certificate_is_refused_as_a_client(
    sql: SqlChannel, material: MaterialChannel, target: Target, experiment: Experiments
) -> None:
    """A certificate made for servers cannot log in as a client, while a client's of the same subject can.

    Alert 43 unsupported_certificate (RFC 8446 section 6.2); MariaDB may just end the connection.
    """
    if "app" not in target.identities:
        raise Indeterminate("the inventory has no identity 'app', whose certificate is the control experiment")
    roles = purpose(certificates(material.pem("certificate:wrong-eku"), "wrong-eku")[0]).roles
    if roles is None or roles & {CLIENT_AUTH, ANY_USAGE}:
        raise Indeterminate("the inventory's certificate 'wrong-eku' is one that clients may use")
    with experiment("log in with a server's certificate") as e:
        e.control(sql.login("app"))
        e.attack(
            sql.login("app", certificate="wrong-eku"),
            refused_with={
                "mysql": "alert:unsupported_certificate",
                "mariadb": ("alert:unsupported_certificate", 2003, 2006, 2013),
            },
        )


def _leaves(sql: SqlChannel, tls: TlsChannel, material: MaterialChannel, target: Target) -> Mapping[str, Certificate]:
    servers = server_certificates(sql, tls, target)
    clients = client_certificates(material, target)
    return {f"the certificate of the {endpoint} interface": each for endpoint, each in servers.items()} | {
        f"the certificate of {name}": each for name, each in clients.items()
    }

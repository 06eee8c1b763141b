"""Control server-cert-valid-and-fresh."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, HostChannel, MaterialChannel, SqlChannel, TlsChannel
from proofs.probes.certificates.material import authorities, leaf, server_certificates, server_files
from proofs.probes.certificates.x509 import certificates, name_of
from proofs.probes.transport.settings import endpoints, number

NOT_VERIFIED = "local:certificate_verify_failed"
ELSEWHERE = "not-the-server.invalid"


def test_chain_name_and_validity_hold(sql: SqlChannel, tls: TlsChannel, target: Target) -> None:
    """Each interface presents a certificate that chains to the configured CA, in the server's name, valid today.

    Verified by OpenSSL against the inventory's CA and server name (RFC 5280 section 6; RFC 9525: only subjectAltName
    counts). STIG MYS8-00-011900, MADB-10-008500.
    """
    # The main interface before anything else: a server that can't be verified gets no login, so it can't be asked
    # which other interfaces it has.
    _verified(tls, "main")
    for endpoint in endpoints(sql, target):
        if endpoint != "main":
            _verified(tls, endpoint)


def _verified(tls: TlsChannel, endpoint: str) -> None:
    result = tls.handshake(endpoint, verify=True)
    assert NOT_VERIFIED not in result.codes, f"the {endpoint} interface: {result.describe()}"
    if not result.ok:
        raise Indeterminate(f"no verified handshake with the {endpoint} interface: {result.describe()}")


def test_certificate_outlives_the_margin(
    *,
    sql: SqlChannel,
    tls: TlsChannel,
    material: MaterialChannel,
    target: Target,
    now: datetime,
    params: Mapping[str, ParameterValue],
    experiment: Experiments,
) -> None:
    """The certificate and its CA stay valid for the agreed margin, the certificate was not made for too long a time.

    And its end is an end: verified a day later it is refused, verified today it is not. RFC 5280 section 4.1.2.5.
    """
    margin, most = (timedelta(days=number(params, name)) for name in ("min_days_left", "max_total_days"))
    for ca in authorities(material):
        left = ca.not_valid_after_utc - now
        assert left >= margin, f"the CA {name_of(ca)} has {left.days} days left, expected at least {margin.days}"
    for endpoint, certificate in server_certificates(sql, tls, target).items():
        left = certificate.not_valid_after_utc - now
        assert left >= margin, f"the {endpoint} certificate has {left.days} days left, expected {margin.days} or more"
        total = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert total <= most, f"the {endpoint} certificate was made for {total.days} days, expected at most {most.days}"
        with experiment(f"verify the {endpoint} certificate after its end") as e:
            e.control(tls.handshake(endpoint, verify=True))
            later = certificate.not_valid_after_utc + timedelta(days=1)
            e.attack(tls.handshake(endpoint, verify=True, at=later), refused_with=NOT_VERIFIED)


def test_another_name_does_not_match(sql: SqlChannel, tls: TlsChannel, target: Target, experiment: Experiments) -> None:
    """The certificate matches the server's name and no neighbour's: verified under another name it is refused.

    The neighbour is a made-up host of the same domain, so that a wildcard certificate, good for every host of it, does
    not pass (RFC 9525 section 7.1).
    """
    for endpoint in endpoints(sql, target):
        with experiment(f"verify the {endpoint} certificate under another name") as e:
            e.control(tls.handshake(endpoint, verify=True))
            for name in _other_names(target.database.server_name):
                e.attack(tls.handshake(endpoint, verify=True, server_name=name), refused_with=NOT_VERIFIED)


def test_served_certificate_is_the_one_on_disk(
    sql: SqlChannel, tls: TlsChannel, machine: HostChannel, target: Target
) -> None:
    """The certificate on the wire is the first one in the file the server names.

    A renewed file is served only after ALTER INSTANCE RELOAD TLS (MySQL) or FLUSH SSL (MariaDB 10.4), or a restart.
    """
    files = server_files(sql, "ssl_cert")
    for endpoint in endpoints(sql, target):
        path = files.get("admin_ssl_cert", files["ssl_cert"]) if endpoint == "admin" else files["ssl_cert"]
        on_disk = certificates(machine.read_text(path), path)[0]
        served = leaf(tls.handshake(endpoint), endpoint)
        assert served == on_disk, (
            f"the {endpoint} interface presents the certificate of {name_of(served)} valid until "
            f"{served.not_valid_after_utc:%Y-%m-%d}, the file {path!a} holds that of {name_of(on_disk)} "
            f"valid until {on_disk.not_valid_after_utc:%Y-%m-%d}"
        )


def _other_names(server_name: str) -> tuple[str, ...]:
    try:
        ip_address(server_name)
    except ValueError:
        _, dot, domain = server_name.partition(".")
        return (f"not-the-server.{domain}", ELSEWHERE) if dot else (ELSEWHERE,)
    return (ELSEWHERE,)

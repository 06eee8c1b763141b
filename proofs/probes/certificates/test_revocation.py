"""Control crl-enforced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Expected, Experiments, HostChannel, MaterialChannel, SqlChannel, TlsChannel
from proofs.probes.certificates.material import authorities, server_path
from proofs.probes.certificates.x509 import RevocationList, certificates, issued_by, revocation_lists, window
from proofs.probes.transport.settings import has_admin_interface, number, setting

DROPPED = (2003, 2006, 2013)
"""MariaDB 10.11 may end the connection without an alert that is still readable; the sibling certificate is accepted."""
REFUSED: Mapping[str, Mapping[str, tuple[int | str, ...]]] = {
    "revoked": {"mysql": ("alert:certificate_revoked",), "mariadb": ("alert:certificate_revoked", *DROPPED)},
    "expired": {"mysql": ("alert:certificate_expired",), "mariadb": ("alert:certificate_expired", *DROPPED)},
    "not-yet-valid": {"mysql": ("alert:bad_certificate",), "mariadb": ("alert:bad_certificate", *DROPPED)},
}
"""Alerts 44, 45 and 42 of RFC 8446 section 6.2, as OpenSSL sends them."""


def test_current_crl_is_configured(
    *,
    sql: SqlChannel,
    machine: HostChannel,
    material: MaterialChannel,
    target: Target,
    now: datetime,
    params: Mapping[str, ParameterValue],
) -> None:
    """Each interface of the server checks a revocation list, and that list is the CA's own and up to date.

    Variables `ssl_crl`, `ssl_crlpath` and their `admin_` siblings. The list is read from the server where the host can
    be read, else from the inventory. Signature, thisUpdate and nextUpdate: RFC 5280 section 5.1.2 and 6.3.3.
    STIG MYS8-00-004700, MADB-10-004000.
    """
    paths = _configured(sql, target)
    texts: dict[str, str] = {}
    for variable, path in paths.items():
        if path is not None and target.host is not None:
            texts[f"{variable} {path!a}"] = machine.read_text(path, limit=1 << 20)
    if len(texts) < len(paths):  # no host access, or a directory of lists, which cannot be listed from here
        texts["the inventory's revocation list"] = material.pem("crl")
    cas = authorities(material)
    for what, text in texts.items():
        own = [crl for crl in revocation_lists(text, what) if any(issued_by(crl, ca) for ca in cas)]
        assert own, f"{what} holds no revocation list signed by the configured CA"
        newest = max(own, key=lambda crl: window(crl)[0])
        _judge_age(what, newest, now, params)


def test_revoked_certificate_is_refused(
    sql: SqlChannel, tls: TlsChannel, target: Target, experiment: Experiments
) -> None:
    """A revoked certificate cannot log in, while its sibling of the same subject can.

    Alert 44 certificate_revoked; MariaDB may just end the connection. The inventory's certificate `revoked` was issued
    for this purpose.
    """
    _attack(sql, tls, target, experiment, "revoked")


def test_expired_and_future_certificates_are_refused(
    *,
    sql: SqlChannel,
    tls: TlsChannel,
    material: MaterialChannel,
    target: Target,
    now: datetime,
    experiment: Experiments,
) -> None:
    """A certificate whose time is over, or has not come, cannot log in, while its sibling of the same subject can.

    Alerts 45 certificate_expired and 42 bad_certificate; MariaDB may just end the connection.
    """
    expired, future = (certificates(material.pem(f"certificate:{n}"), n)[0] for n in ("expired", "not-yet-valid"))
    if expired.not_valid_after_utc >= now or future.not_valid_before_utc <= now:
        raise Indeterminate("the inventory's certificates 'expired' and 'not-yet-valid' are not what they are called")
    _attack(sql, tls, target, experiment, "expired", "not-yet-valid")


def _configured(sql: SqlChannel, target: Target) -> Mapping[str, str | None]:
    """The file of each interface's list by variable, None for a directory; an assertion if one has neither."""
    prefixes = [""]
    if has_admin_interface(sql, target) and sql.variable("admin_ssl_cert"):
        prefixes.append("admin_")  # the admin interface has TLS settings of its own (MySQL 8.0.21)
    found: dict[str, str | None] = {}
    for prefix in prefixes:
        file, directory = (setting(sql, f"{prefix}{name}") for name in ("ssl_crl", "ssl_crlpath"))
        assert file or directory, f"neither {prefix}ssl_crl nor {prefix}ssl_crlpath is set: nothing is ever revoked"
        found[f"{prefix}{'ssl_crl' if file else 'ssl_crlpath'}"] = server_path(sql, file) if file else None
    return found


def _judge_age(what: str, crl: RevocationList, now: datetime, params: Mapping[str, ParameterValue]) -> None:
    issued, due = window(crl)
    assert issued <= now + timedelta(minutes=5), f"{what} is of the future: {issued:%Y-%m-%dT%H:%M:%SZ}"
    most = number(params, "max_crl_age_days")
    assert now - issued <= timedelta(days=most), f"{what} is {(now - issued).days} days old, expected at most {most}"
    assert due is not None, f"{what} does not say when it must be replaced (nextUpdate)"
    least = number(params, "min_crl_days_left")
    assert due - now >= timedelta(days=least), (
        f"{what} must be replaced by {due:%Y-%m-%dT%H:%M:%SZ}, expected at least {least} days from now"
    )


def _attack(sql: SqlChannel, tls: TlsChannel, target: Target, experiment: Experiments, *names: str) -> None:
    if "app" not in target.identities:
        raise Indeterminate("the inventory has no identity 'app', whose certificate is the control experiment")
    with experiment(f"log in with a certificate that is {' or '.join(names)}") as e:
        e.control(sql.login("app"))
        for name in names:
            e.attack(sql.login("app", certificate=name), refused_with=REFUSED[name])
    if has_admin_interface(sql, target):
        with experiment(f"shake hands with the admin interface with a certificate that is {' or '.join(names)}") as e:
            e.control(tls.handshake("admin", certificate="identity:app"))
            for name in names:
                expected: Expected = {engine: (*codes, "closed") for engine, codes in REFUSED[name].items()}
                e.attack(tls.handshake("admin", certificate=name), refused_with=expected)

"""Control tls13-ciphersuites-pinned (MySQL: MariaDB has no setting for the suites of TLS 1.3)."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel, TlsChannel
from proofs.probes.transport.settings import endpoints, has_admin_interface, in_force, listed, setting, texts

TLS13_SUITES = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
    "TLS_SM4_GCM_SM3",
    "TLS_SM4_CCM_SM3",
    "TLS_SHA256_SHA256",
    "TLS_SHA384_SHA384",
)
"""Every suite of TLS 1.3 that IANA lists: RFC 8446 appendix B.4, RFC 8998, and RFC 9150 (which does not encrypt)."""


def test_configured_suites_are_approved(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """The server names its TLS 1.3 suites itself, on each of its interfaces, and names only approved ones.

    Variables `tls_ciphersuites` and `admin_tls_ciphersuites` (MySQL 8.0.16 and 8.0.21) and the values in force.
    Empty means the default of the OpenSSL library, which includes TLS_AES_128_GCM_SHA256. STIG MYS8-00-011500.
    """
    _judge_suites("tls_ciphersuites", setting(sql, "tls_ciphersuites"), params)
    channels = in_force(sql)
    _judge_suites("tls_ciphersuites in force", channels["mysql_main"].get("Current_tls_ciphersuites", ""), params)
    if has_admin_interface(sql, target):
        # Without settings of its own the admin interface uses those of the main one (MySQL manual, admin_tls_…).
        facts = channels.get("mysql_admin", channels["mysql_main"])
        _judge_suites("tls_ciphersuites of the admin interface", facts.get("Current_tls_ciphersuites", ""), params)


def test_scan_accepts_only_approved_suites(tls: TlsChannel, params: Mapping[str, ParameterValue]) -> None:
    """Of all cipher suites tried, the server accepted approved ones alone for TLS 1.3.

    By sslyze through a STARTTLS bridge; suites of older versions are the matter of tls-1-3-only.
    """
    scan = tls.scan("main")
    accepted = scan["accepted"].get("TLS 1.3")
    if not accepted:
        raise Indeterminate(f"no suite of TLS 1.3 was seen to be accepted: {str(scan['errors'])[:300]}")
    stray = sorted(set(accepted) - set(texts(params, "allowed_suites")))
    assert not stray, f"the server accepts {', '.join(stray)}"


def test_unapproved_suites_are_refused(
    sql: SqlChannel, tls: TlsChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """A client that offers a single unapproved TLS 1.3 suite is turned away on every interface of the server.

    The refusal is alert 40 handshake_failure (RFC 8446 section 4.1.1); the same hello with an approved suite works.
    """
    allowed = [suite for suite in TLS13_SUITES if suite in texts(params, "allowed_suites")]
    if not allowed:
        raise Indeterminate("no approved suite is one of TLS 1.3, so there is no control experiment")
    for endpoint in endpoints(sql, target):
        with experiment(f"offer one unapproved cipher suite to the {endpoint} interface") as e:
            e.control(tls.cipher_suite(allowed[0], endpoint))
            for suite in TLS13_SUITES:
                if suite not in allowed:
                    e.attack(tls.cipher_suite(suite, endpoint), refused_with="alert:handshake_failure")


def _judge_suites(what: str, value: str, params: Mapping[str, ParameterValue]) -> None:
    found, allowed = listed(value, ":"), texts(params, "allowed_suites")
    assert found, f"{what} is empty: the library's default list applies, not a pinned one"
    stray = [suite for suite in found if suite not in allowed]
    assert not stray, f"{what} names {', '.join(stray)[:300]}, expected only {', '.join(allowed)}"

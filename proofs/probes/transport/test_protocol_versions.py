"""Control tls-1-3-only."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel, TlsChannel
from proofs.probes.transport.settings import has_admin_interface, in_force, listed, setting, texts

OFFERED = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
SCANNED = {
    "SSL 2.0": "SSLv2",
    "SSL 3.0": "SSLv3",
    "TLS 1.0": "TLSv1",
    "TLS 1.1": "TLSv1.1",
    "TLS 1.2": "TLSv1.2",
    "TLS 1.3": "TLSv1.3",
}


def test_only_tls13_is_configured(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """The server is configured for the allowed protocol versions alone, and that is what its listener uses.

    Variable `tls_version`; on MySQL also `Current_tls_version`, since a changed variable takes effect only with
    ALTER INSTANCE RELOAD TLS. STIG MYS8-00-009000, MADB-10-008100.
    """
    _judge_versions("tls_version", setting(sql, "tls_version"), params)
    if target.engine == "mysql":
        _judge_versions("Current_tls_version", in_force(sql)["mysql_main"].get("Current_tls_version", ""), params)


def test_every_older_version_is_refused(
    tls: TlsChannel, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """A client that offers only an older protocol version is turned away, one that offers an allowed version is not.

    The refusal is alert 70 protocol_version (RFC 8446 section 6.2). The offer is a ClientHello made by hand, so that
    the prover's own OpenSSL policy cannot be mistaken for the server's refusal.
    """
    _attack_versions(tls, "main", params, experiment)


def test_scan_accepts_only_tls13(tls: TlsChannel, params: Mapping[str, ParameterValue]) -> None:
    """Every cipher suite of every version from SSL 2.0 on was tried; only allowed versions accepted any.

    By sslyze through a STARTTLS bridge. The answer says how many connections were made, that they were all aborted
    before a login, and how many good logins were made in between (`max_connect_errors`).
    """
    scan = tls.scan("main")
    allowed = texts(params, "allowed_versions")
    accepted: Mapping[str, list[str]] = scan["accepted"]
    for scanned, version in SCANNED.items():
        suites = accepted.get(scanned, [])
        assert version in allowed or not suites, f"{scanned} is accepted, with {', '.join(suites)[:300]}"
    untried = [version for version in SCANNED if version not in accepted]
    if untried:
        raise Indeterminate(f"{', '.join(untried)} could not be tried: {str(scan['errors'])[:300]}")
    if not any(accepted[scanned] for scanned, version in SCANNED.items() if version in allowed):
        raise Indeterminate("not one suite of an allowed version was accepted, so the scan proves nothing")


def test_no_compression_renegotiation_or_early_data(tls: TlsChannel) -> None:
    """The server offers no TLS compression, no renegotiation a client may start, and no early data.

    Compression leaks secrets by length (CRIME, RFC 7457 section 2.6), renegotiation lets a client make work and, if
    insecure, splices sessions (RFC 5746), early data can be replayed (RFC 8446 section 8).
    """
    scan = tls.scan("main")
    renegotiation: Mapping[str, bool | None] = scan["renegotiation"] or {}
    seen = {
        "TLS compression": scan["compression"],
        "renegotiation started by the client": renegotiation.get("client_initiated"),
        "insecure renegotiation": None if renegotiation.get("secure") is None else not renegotiation["secure"],
        "early data (0-RTT)": scan["early_data"],
        "the Heartbleed defect": scan["heartbleed"],
    }
    offered = [what for what, found in seen.items() if found]
    assert not offered, f"the server offers {', '.join(offered)}"
    unseen = [what for what, found in seen.items() if found is None]
    if unseen:
        raise Indeterminate(f"not seen whether the server offers {', '.join(unseen)}: {str(scan['errors'])[:300]}")


def test_admin_interface_is_held_to_the_same(
    sql: SqlChannel, tls: TlsChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """The administrators' TCP interface speaks the allowed protocol versions alone.

    MySQL: `admin_address` with `admin_tls_version` (8.0.21); without own settings it uses those of the main interface.
    MariaDB: `extra_port`, which has no settings of its own. TLS 1.3 has neither compression nor renegotiation.
    """
    if not has_admin_interface(sql, target):
        raise NotApplicable("the server has no admin interface (admin_address, extra_port)")
    if target.engine == "mysql":
        channels = in_force(sql)
        facts = channels.get("mysql_admin", channels["mysql_main"])
        _judge_versions("Current_tls_version of the admin interface", facts.get("Current_tls_version", ""), params)
        own = sql.variable("admin_tls_version")
        if own:
            _judge_versions("admin_tls_version", own, params)
    _attack_versions(tls, "admin", params, experiment)


def _judge_versions(what: str, value: str, params: Mapping[str, ParameterValue]) -> None:
    found, allowed = listed(value), texts(params, "allowed_versions")
    if not found:
        raise Indeterminate(f"{what} is empty, so no version was seen")
    assert set(found) <= set(allowed), f"{what} is {value!r}, expected only {', '.join(allowed)}"


def _attack_versions(
    tls: TlsChannel, endpoint: str, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    allowed = texts(params, "allowed_versions")
    known = [version for version in OFFERED if version in allowed]
    if not known:
        raise Indeterminate(f"none of the allowed versions {', '.join(allowed)} can be offered")
    with experiment(f"offer only an older TLS version to the {endpoint} interface") as e:
        e.control(tls.handshake(endpoint, minimum=known[-1], maximum=known[-1]))
        for version in OFFERED:
            if version not in allowed:
                attempt = tls.handshake(endpoint, minimum=version, maximum=version)
                e.attack(attempt, refused_with="alert:protocol_version")

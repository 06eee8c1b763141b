"""From sslyze's results to the facts of `TlsChannel.scan`: plain JSON values, nothing judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Facts = dict[str, Any]


class LookFailedError(Exception):
    """A look that failed: its facts are None and the reason goes into `errors`."""


def _suites(version: str) -> Callable[[Any], Facts]:
    def convert(result: Any) -> Facts:
        if not result.accepted_cipher_suites and not result.rejected_cipher_suites:
            raise LookFailedError("no cipher suite was tried")
        return {"accepted": {version: sorted(s.cipher_suite.name for s in result.accepted_cipher_suites)}}

    return convert


def _renegotiation(result: Any) -> Facts:
    client_initiated = result.client_renegotiations_success_count > 0
    return {"renegotiation": {"client_initiated": client_initiated, "secure": result.supports_secure_renegotiation}}


def _resumption(result: Any) -> Facts:
    by_id, by_ticket = result.session_id_resumption_result, result.tls_ticket_resumption_result
    return {"resumption": {"session_id": by_id.value, "ticket": by_ticket.value}}


def chain_facts(chains: list[list[str]]) -> Facts:
    """`chain` as sent by default, leaf first, and `deployments`: every different chain seen."""
    if not chains:
        raise LookFailedError("no certificate was received")
    by_leaf = {chain[0]: chain for chain in reversed(chains)}
    return {"chain": chains[0], "deployments": [by_leaf[leaf] for leaf in sorted(by_leaf)]}


FACTS: Mapping[str, Callable[[Any], Facts]] = {
    "ssl_2_0_cipher_suites": _suites("SSL 2.0"),
    "ssl_3_0_cipher_suites": _suites("SSL 3.0"),
    "tls_1_0_cipher_suites": _suites("TLS 1.0"),
    "tls_1_1_cipher_suites": _suites("TLS 1.1"),
    "tls_1_2_cipher_suites": _suites("TLS 1.2"),
    "tls_1_3_cipher_suites": _suites("TLS 1.3"),
    "elliptic_curves": lambda r: {"curves": sorted(c.name for c in r.supported_curves or ())},
    "session_renegotiation": _renegotiation,
    "tls_compression": lambda r: {"compression": r.supports_compression},
    "session_resumption": _resumption,
    "heartbleed": lambda r: {"heartbleed": r.is_vulnerable_to_heartbleed},
    "tls_fallback_scsv": lambda r: {"fallback_scsv": r.supports_fallback_scsv},
}
"""How the result of each scan command of sslyze is read."""

SSLYZE_VERSIONS = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3")
"""The keys of `accepted`."""

NOTHING_SEEN: Mapping[str, Any] = dict.fromkeys(
    ("chain", "deployments", "curves", "renegotiation", "compression", "early_data", "resumption", "heartbleed"),
) | {"fallback_scsv": None}
"""Every fact before anything was looked at."""

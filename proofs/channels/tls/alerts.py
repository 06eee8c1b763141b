"""TLS alerts by name (RFC 8446 section 6, and the older ones of RFC 5246 and RFC 7507)."""

from __future__ import annotations

import re

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}

# OpenSSL names the alerts it *received* after the protocol that first had them; its own complaints have other names.
_RECEIVED = re.compile(r"^(?:SSLV3|TLSV1|TLSV13|TLS|SSL/TLS)_(?:ALERT_)?(?P<name>[A-Z_]+)$")


def alert_name(description: int) -> str:
    """`handshake_failure` for 40; `alert_N` for a number that no RFC above assigns."""
    return ALERTS.get(description, f"alert_{description}")


def code_of_reason(reason: str | None) -> str:
    """`alert:NAME` if OpenSSL's reason says that the peer sent that alert, else `local:reason`."""
    if reason is None:
        return "local:unknown"
    match = _RECEIVED.match(reason)
    if match and match["name"].lower() in ALERTS.values():
        return f"alert:{match['name'].lower()}"
    return f"local:{reason.lower()}"

"""How a secret may appear in evidence: every spelling that redaction replaces and sealing looks for."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

MINIMUM_SECRET = 6
"""Shorter secrets can't be told from ordinary text, so they are refused where they are resolved."""


def spellings(secret: str) -> frozenset[str]:
    """The secret as text, escaped for JSON, HTML and URLs, in hexadecimal, and in base64 at its three alignments.

    A base64 run inside a longer text begins at any of three bit offsets, so the characters that depend on the
    neighbouring bytes are cut off (RFC 4648 section 4).
    """
    raw = secret.encode()
    found = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        *(form for text in _in_urls(secret) for form in (text, _lower_case(text))),
        raw.hex(),
        raw.hex().upper(),
    }
    for before in range(3):
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            text = alphabet(b"\0" * before + raw).decode().rstrip("=")
            start = -(-before * 8 // 6)
            end = (before + len(raw)) * 8 // 6
            found.add(text[start:end])
    return frozenset(spelling for spelling in found if len(spelling) >= MINIMUM_SECRET)


def _in_urls(secret: str) -> tuple[str, ...]:
    """RFC 3986 percent-encoding: of everything, of all but `/`, as browsers do it, and as forms do it."""
    return (quote(secret, safe=""), quote(secret), quote(secret, safe="!'()*"), quote_plus(secret))


def _lower_case(quoted: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)

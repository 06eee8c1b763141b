"""Host parts of account names: which addresses they let in.

MySQL Reference Manual, "Specifying Account Names": `%` and `_` are patterns, an empty host means `%`, and
`address/mask` (from 8.0.23 also `address/length`) names an IPv4 network; MariaDB Knowledge Base, "CREATE USER",
"Host Name Component". Comparison ignores the case of letters.
"""

from __future__ import annotations

import ipaddress
import re

WITNESSES = ("192.0.2.7", "198.51.100.23", "203.0.113.200", "10.1.2.3", "2001:db8::1", "fd00::2")
"""Addresses that have nothing in common: documentation networks of RFC 5737 and RFC 3849, and private ones."""


def covers(host: str, address: str) -> bool:
    """The host part lets in a client at this address."""
    if "/" in host:
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(host, strict=False)
        except ValueError:
            return False
    return re.fullmatch(_pattern(host), address, re.IGNORECASE) is not None


def open_to_everybody(host: str) -> bool:
    """The host part means every IPv4 or every IPv6 address: `%`, an empty host, `%.%`, `0.0.0.0/0.0.0.0`, …

    (By that last one MySQL 9.7.4 and MariaDB 10.11.19 let in nobody; it still says that everybody was meant.)
    """
    for version in (4, 6):
        witnesses = [each for each in WITNESSES if ipaddress.ip_address(each).version == version]
        if all(covers(host, each) for each in witnesses):
            return True
    return False


def _pattern(host: str) -> str:
    parts = re.findall(r"\\.|.", host or "%", re.DOTALL)
    signs = {"%": ".*", "_": "."}
    return "".join(signs.get(part, re.escape(part.removeprefix("\\"))) for part in parts)

"""A connect of this machine's own, from any or from one of its addresses; each address of the host apart."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

from proofs.errors import ChannelError
from proofs.model import Json

UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM, errno.ENETDOWN, errno.EHOSTDOWN}
# EACCES and EPERM: what connect(2) reports when a packet filter on the way out rejects.
FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}
MOST_ADDRESSES = 8


def connect_directly(host: str, port: int, source: str | None, seconds: float) -> Json:
    """{ok, code, detail, families}: ok if any address is open; silence before a clear answer otherwise.

    Raises `ChannelError` as `Network.connect`, and for an address that could not be tried while no other is open.
    """
    place = f"{host} port {port}" + (f" from {source}" if source else "")
    tried = []
    for family, address in _addresses(host, port, source):
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(seconds)
            if source is not None:
                _bind(sock, source)
            code = error = None
            try:
                sock.connect(address)
            except OSError as e:
                code, error = code_of(e), e.strerror or str(e)
        ok = error is None
        tried.append({"family": FAMILIES[family], "address": address[0], "ok": ok, "code": code})
        if error is not None and code is None:
            tried[-1]["error"] = error
    return _summary(place, tried)


def code_of(error: OSError) -> str | None:
    """`timeout`, `refused` or `unreachable`; None for an error that says nothing of the host."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "unreachable" if error.errno in UNREACHABLE else None


def _addresses(host: str, port: int, source: str | None) -> list[tuple[socket.AddressFamily, Any]]:
    try:
        candidates = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as e:
        raise ChannelError(f"cannot resolve {host}: {e.strerror or e}") from None
    every: list[tuple[socket.AddressFamily, Any]] = [(c[0], c[4]) for c in candidates if c[0] in FAMILIES]
    found = list(dict.fromkeys(every))
    if source is not None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        found = [each for each in found if each[0] == family]
    if not found:
        raise ChannelError(f"{host} has no address that {source} can reach (IPv4 or IPv6)")
    if len(found) > MOST_ADDRESSES:
        raise ChannelError(f"{host} has {len(found)} addresses, more than the {MOST_ADDRESSES} that are tried")
    return found


def _summary(place: str, tried: Sequence[dict[str, Any]]) -> Json:
    words = [f"{each['address']} {'open' if each['ok'] else each['code'] or each['error']}" for each in tried]
    apart = f" ({', '.join(words)})" if len(tried) > 1 else ""
    answer: dict[str, Any] = {"families": list(tried)}
    if any(each["ok"] for each in tried):
        return answer | {"ok": True, "code": None, "detail": f"{place}: open{apart}"}
    failed = next((each for each in tried if each["code"] is None), None)
    if failed is not None:
        raise ChannelError(f"{place}: {failed['address']} was not tried: {failed['error']}")
    # With several addresses, silence says least: it is reported before a clear answer.
    code = next(c for c in ("timeout", "unreachable", "refused") if c in {each["code"] for each in tried})
    return answer | {"ok": False, "code": code, "detail": f"{place}: {code}{apart}"}


def _bind(sock: socket.socket, source: str) -> None:
    try:
        sock.bind((source, 0))
    except OSError as e:
        raise ChannelError(f"cannot connect from {source}: {e.strerror or e}") from None

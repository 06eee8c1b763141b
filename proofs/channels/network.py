"""TCP reachability from a named vantage: a connect and nothing else; no byte is sent."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from proofs.errors import ChannelError, Indeterminate
from proofs.model import Json, Request, Target
from proofs.ports import Code, ExchangeSink

_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM, errno.ENETDOWN, errno.EHOSTDOWN}
# EACCES and EPERM: what connect(2) reports when a packet filter on the way out rejects.


@dataclass(frozen=True, slots=True)
class Connect:
    """A connect that was tried. `answer` is {"ok", "code", "detail"} as stored."""

    answer: Json

    @property
    def ok(self) -> bool:
        """The port is open."""
        return bool(self.answer["ok"])

    @property
    def codes(self) -> frozenset[Code]:
        """`refused`, `timeout` or `unreachable`; empty if it is open."""
        return frozenset() if self.ok else frozenset({str(self.answer["code"])})

    def describe(self) -> str:
        """One line for people."""
        return str(self.answer["detail"])[:300]


class Network:
    """The channel `network` of one target; see `NetworkChannel`."""

    def __init__(self, target: Target, sink: ExchangeSink) -> None:
        self._target = target
        self._sink = sink

    def connect(self, host: str, port: int, *, vantage: str = "here") -> Connect:
        """Try a TCP connect, IPv4 or IPv6, from the source address of the vantage.

        Raises `Indeterminate` if the target has no such vantage, `ChannelError` if this machine cannot stand there
        (its source address is not this machine's) or the name cannot be resolved.
        """
        place = self._target.vantages.get(vantage)
        if place is None and vantage != "here":
            raise Indeterminate(f"the target names no vantage {vantage!r}")
        source = place.source_address if place is not None else None
        request = Request("network", "connect", {"host": host, "port": port}, vantage)
        perform = lambda: _try_connect(host, port, source, self._target.connect_timeout_s)  # noqa: E731
        return Connect(self._sink.exchange(request, perform).answer)


def _try_connect(host: str, port: int, source: str | None, seconds: float) -> Json:
    place = f"{host} port {port}" + (f" from {source}" if source else "")
    try:
        candidates = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as e:
        raise ChannelError(f"cannot resolve {host}: {e.strerror or e}") from None
    if source is not None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        candidates = [c for c in candidates if c[0] == family]
    if not candidates:
        raise ChannelError(f"{host} has no address that {source} can reach (IPv4 or IPv6)")
    codes = []
    for family, kind, protocol, _, address in candidates:
        with socket.socket(family, kind, protocol) as sock:
            sock.settimeout(seconds)
            if source is not None:
                _bind(sock, source)
            try:
                sock.connect(address)
            except OSError as e:
                codes.append(_code_of(e, place))
                continue
            return {"ok": True, "code": None, "detail": f"{place}: open", "address": address[0]}
    # With several addresses, silence says least: it is reported before a clear answer.
    code = next(c for c in ("timeout", "unreachable", "refused") if c in codes)
    return {"ok": False, "code": code, "detail": f"{place}: {code}", "address": None}


def _bind(sock: socket.socket, source: str) -> None:
    try:
        sock.bind((source, 0))
    except OSError as e:
        raise ChannelError(f"cannot connect from {source}: {e.strerror or e}") from None


def _code_of(error: OSError, place: str) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if error.errno in _UNREACHABLE:
        return "unreachable"
    raise ChannelError(f"{place}: {error.strerror or error}") from None

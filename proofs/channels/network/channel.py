"""The channel `network`: which way a vantage is, and what came of the connect."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from proofs.channels.network.bastion import through_bastion
from proofs.channels.network.direct import connect_directly
from proofs.channels.network.forwarder import through_forwarder
from proofs.channels.network.stranger import log_in
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Json, Request, Target, Vantage
from proofs.ports import Code, ExchangeSink

BETWEEN_S = 1.0
"""Between connects that await something: a host that counts them is not to be driven further than is needed."""


@dataclass(frozen=True, slots=True)
class Connect:
    """A connect that was tried. `answer` is {"ok", "code", "detail", "families", "note"} as stored."""

    answer: Json

    @property
    def ok(self) -> bool:
        """The port is open, on one address at least."""
        return bool(self.answer["ok"])

    @property
    def codes(self) -> frozenset[Code]:
        """`refused`, `timeout` or `unreachable`; empty if it is open."""
        return frozenset() if self.ok else frozenset({str(self.answer["code"])})

    @property
    def families(self) -> Sequence[Json]:
        """{family (`IPv4`, `IPv6`), address, ok, code} of each address; empty where others resolved the name."""
        found: list[Json] = self.answer.get("families", [])
        return found

    def describe(self) -> str:
        """One line for people."""
        note = self.answer.get("note")
        return (str(self.answer["detail"]) + (f" ({note})" if note else ""))[:300]


class Network:
    """The channel `network` of one target; see `NetworkChannel`."""

    def __init__(self, target: Target, sink: ExchangeSink) -> None:
        self._target = target
        self._sink = sink

    def connect(self, host: str, port: int, *, vantage: str = "here") -> Connect:
        """Try a TCP connect, IPv4 and IPv6, from where the vantage is. A forwarder leads to one address.

        Raises `Indeterminate` if the target has no such vantage or its forwarder none for the port, `ChannelError` if
        the look cannot be taken from there (no such source address, a forwarder or bastion that is not reached) or the
        name cannot be resolved.
        """
        place = self._place(vantage)
        forwarder = _forwarder(place, host, port) if place.forwards else None
        request = Request("network", "connect", {"host": host, "port": port}, vantage)
        return Connect(self._sink.exchange(request, lambda: self._try(place, host, port, forwarder)).answer)

    def connect_until(self, host: str, port: int, *, opened: bool, within_s: float, vantage: str = "here") -> Connect:
        """Connect until it succeeds (or fails, if not `opened`), for `within_s` seconds at most; the last connect.

        One exchange. Raises as `connect`.
        """
        place = self._place(vantage)
        forwarder = _forwarder(place, host, port) if place.forwards else None
        arguments = {"host": host, "port": port, "opened": opened, "within_s": within_s}

        def perform() -> Json:
            started, tries = time.monotonic(), 1
            answer = self._try(place, host, port, forwarder)
            while bool(answer["ok"]) != opened and (left := started + within_s - time.monotonic()) > 0:
                time.sleep(min(BETWEEN_S, left))
                answer, tries = self._try(place, host, port, forwarder), tries + 1
            return {**answer, "tries": tries, "waited_s": round(time.monotonic() - started, 1)}

        return Connect(self._sink.exchange(Request("network", "connect_until", arguments, vantage), perform).answer)

    def failed_login(self, host: str, port: int, *, vantage: str) -> Connect:
        """One SSH login that is to fail; see `NetworkChannel.failed_login`."""
        target, place = self._target, self._place(vantage)
        if not target.allow_ban_probe or vantage != target.ban_vantage or vantage == "here":
            raise ChannelError(f"{target.name} does not allow {vantage} to be banned (allow_ban_probe, ban_vantage)")
        machine = target.host
        if place.through is not None or machine is None:
            raise Indeterminate(f"from {vantage}, logins are tried with a source_address or forwards only")
        way = _forwarder(place, host, port) if place.forwards else f"{host}:{port}"
        request = Request("network", "failed_login", {"host": host, "port": port}, vantage)
        perform = lambda: log_in(way, place, machine, target.connect_timeout_s)  # noqa: E731
        return Connect(self._sink.exchange(request, perform).answer)

    def _place(self, vantage: str) -> Vantage:
        place = self._target.vantages.get(vantage)
        if place is None:
            if vantage != "here":
                raise Indeterminate(f"the target names no vantage {vantage!r}")
            place = Vantage("here")
        return place

    def _try(self, place: Vantage, host: str, port: int, forwarder: str | None) -> Json:
        seconds = self._target.connect_timeout_s
        if forwarder is not None:
            return through_forwarder(forwarder, port, seconds)
        if place.through is not None:
            return through_bastion(place, host, port, seconds)
        return connect_directly(host, port, place.source_address, seconds)


def _forwarder(place: Vantage, host: str, port: int) -> str:
    """The forwarder to a port of the host, asked for by its address there, or as one of the forwarders itself.

    Nothing else is ever tried from such a vantage: the host's own addresses may be somebody else's on this network.
    """
    own = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if own in place.forwards.values():
        return own
    where = f"vantages.{place.name}"
    if place.address is not None and host != place.address:
        raise Indeterminate(f"from {place.name} only {place.address} is reached, not {host} ({where}.address)")
    if str(port) not in place.forwards:
        raise Indeterminate(f"the inventory maps no forwarder to this port ({where}.forwards.{port})")
    return place.forwards[str(port)]

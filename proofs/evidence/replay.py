"""The journal standing in for the target: the same requests, answered from what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from proofs.errors import Indeterminate
from proofs.evidence.journal import key_of, raise_if_failed
from proofs.model import Exchange, Json, Request


class ReplaySink:
    """An `ExchangeSink` over recorded journal lines; never performs anything.

    `lines` are journal entries without the header; `body` returns the text of an evidence path. A request made
    several times in the run is answered in the order of the run, the probe's own exchanges first. What the journal
    does not hold is `Indeterminate: not in evidence`.
    """

    def __init__(self, lines: Iterable[Json], body: Callable[[str], str]) -> None:
        self._recorded: dict[str, list[Exchange]] = {}
        for line in lines:
            request = Request(line["channel"], line["op"], line["arguments"], line["vantage"])
            exchange = Exchange(
                line["seq"],
                request,
                _inline(line["answer"], body),
                line["started"],
                line["duration_ms"],
                line["probe"],
                line["control"],
            )
            key = key_of(request.channel, request.op, request.arguments, request.vantage)
            self._recorded.setdefault(key, []).append(exchange)
        self._spent: set[int] = set()
        self._probe: str | None = None
        self._used: list[int] = []

    @contextmanager
    def for_probe(self, probe: str, control: str) -> Iterator[list[int]]:
        """As `Journal.for_probe`."""
        self._probe, self._used = probe, []
        try:
            yield self._used
        finally:
            self._probe, self._used = None, []

    def exchange(self, request: Request, perform: Callable[[], Json], *, memo: bool = False) -> Exchange:
        """See `proofs.ports.ExchangeSink`."""
        recorded = self._recorded.get(key_of(request.channel, request.op, request.arguments, request.vantage), [])
        fresh = recorded if memo else [exchange for exchange in recorded if exchange.number not in self._spent]
        own = [exchange for exchange in fresh if exchange.probe == self._probe]
        chosen = next(iter(fresh if memo else own or fresh), None)
        if chosen is None:
            raise Indeterminate(f"not in evidence: {request.channel} {request.op} {dict(request.arguments)}")
        self._spent.add(chosen.number)
        self._used.append(chosen.number)
        raise_if_failed(chosen)
        return chosen

    def close(self) -> None:
        """Nothing to close."""


def _inline(value: Any, body: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        inner = value.get("$evidence")
        if len(value) == 1 and isinstance(inner, dict) and inner.keys() == {"path", "sha256", "size"}:
            return body(inner["path"])
        return {key: _inline(item, body) for key, item in value.items()}
    if isinstance(value, list):
        return [_inline(item, body) for item in value]
    return value

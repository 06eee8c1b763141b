"""The journal: every exchange appended as it happens, each line carrying the hash of the one before."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proofs.errors import ChannelError, StorageError
from proofs.evidence.redaction import Redactor
from proofs.model import Exchange, Json, Request

FORMAT = "proof-of-controls/journal-1"
LARGE = 8192
"""Strings longer than this many characters go to files of their own, so that the journal stays readable."""


def canonical(value: Any) -> str:
    """JSON in one spelling: sorted keys, no spaces, ASCII only (so a terminal can show it safely)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key_of(channel: str, op: str, arguments: Json, vantage: str) -> str:
    """What makes two requests the same one."""
    return canonical([channel, op, arguments, vantage])


class Journal:
    """An `ExchangeSink` that performs, redacts, stores and only then hands back.

    Each line is given to the operating system before the probe sees the answer, so a killed run has lost
    nothing that was judged. Raises `StorageError` when the disk refuses (the session ends then, and says so).
    """

    def __init__(self, directory: Path, run: str, redactor: Redactor) -> None:
        self._directory = directory
        self._redactor = redactor
        self._lock = threading.RLock()
        self._memo: dict[str, Exchange] = {}
        self._probe: str | None = None
        self._control: str | None = None
        self._used: list[int] = []
        self._number = 0
        self._head = ""
        path = directory / "journal.jsonl"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise StorageError(f"{path}: evidence cannot be written: {error.strerror}") from error
        # Unbuffered: what could not be written must not be tried again later, behind a torn line.
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._refused: str | None = None
        self._append({"journal": FORMAT, "run": run})

    @contextmanager
    def for_probe(self, probe: str, control: str) -> Iterator[list[int]]:
        """Attribute the exchanges made within to a probe; yields the growing list of their numbers."""
        self._probe, self._control, self._used = probe, control, []
        try:
            yield self._used
        finally:
            self._probe = self._control = None
            self._used = []

    def exchange(self, request: Request, perform: Callable[[], Json], *, memo: bool = False) -> Exchange:
        """See `proofs.ports.ExchangeSink`."""
        with self._lock:
            key = key_of(request.channel, request.op, request.arguments, request.vantage)
            done = self._memo.get(key) if memo else None
            if done is None:
                done = self._perform(request, perform)
                if memo:
                    self._memo[key] = done
            self._used.append(done.number)
        raise_if_failed(done)
        return done

    def sync(self) -> None:
        """Make sure that the journal is on the disk: before an outcome that cites it is. Raises `StorageError`."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._refuse(error) from error

    def close(self) -> None:
        """Sync and close."""
        with self._file:
            self.sync()

    def _perform(self, request: Request, perform: Callable[[], Json]) -> Exchange:
        started = datetime.now(UTC).isoformat(timespec="microseconds")
        clock = time.perf_counter()
        try:
            answer = perform()
        except ChannelError as error:
            answer = {"$error": str(error)}
        duration = round((time.perf_counter() - clock) * 1000, 3)
        stored = self._redactor.value(answer)
        number = self._number + 1
        exchange = Exchange(number, request, stored, started, duration, self._probe, self._control)
        outlined = self._outline(stored, number, [0])
        self._append(
            {
                "seq": number,
                "prev": self._head,
                "channel": request.channel,
                "op": request.op,
                "arguments": self._redactor.value(request.arguments),
                "vantage": request.vantage,
                "answer": outlined,
                "started": started,
                "duration_ms": duration,
                "probe": self._probe,
                "control": self._control,
            }
        )
        # Only now: an answer that turned out not to be storable has no number, and leaves no gap.
        self._number = number
        return exchange

    def _append(self, entry: dict[str, Any]) -> None:
        if self._refused is not None:
            raise StorageError(self._refused)
        line = canonical(entry).encode()
        left = memoryview(line + b"\n")
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._refuse(error) from error
        self._head = hashlib.sha256(line).hexdigest()

    def _refuse(self, error: OSError) -> StorageError:
        self._refused = f"{self._directory}: evidence cannot be written: {error.strerror}"
        return StorageError(self._refused)

    def _outline(self, value: Any, number: int, count: list[int]) -> Any:
        """The value with each large string moved to `evidence/<control>/<seq>-<n>.txt` and referenced."""
        if isinstance(value, str) and len(value) > LARGE:
            count[0] += 1
            path = f"evidence/{self._control or 'shared'}/{number:05d}-{count[0]}.txt"
            body = value.encode(errors="backslashreplace")
            target = self._directory / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(body)
            except OSError as error:
                raise self._refuse(error) from error
            return {"$evidence": {"path": path, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}}
        if isinstance(value, dict):
            return {key: self._outline(item, number, count) for key, item in value.items()}
        if isinstance(value, list):
            return [self._outline(item, number, count) for item in value]
        return value


def raise_if_failed(exchange: Exchange) -> None:
    """Raise the `ChannelError` that an exchange recorded in place of an answer."""
    error = exchange.answer.get("$error")
    if error is not None:
        raise ChannelError(f"exchange {exchange.number}: {error}")

"""Result types rebuilt from stored answers, so that live and replayed probes hold the same objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from proofs.model import Json
from proofs.ports import Code


@dataclass(frozen=True)
class Result:
    """What every attempt has: what was tried, the stored answer, the exchange's number."""

    what: str
    answer: Json
    exchange: int

    @property
    def ok(self) -> bool:
        """The server let it happen."""
        return bool(self.answer["ok"])

    @property
    def codes(self) -> frozenset[Code]:
        """Server or driver error number, `alert:NAME` of the server, `local:NAME` of this side."""
        error = self.answer.get("error") or {}
        found: set[Code] = set()
        if error.get("errno") is not None:
            found.add(int(error["errno"]))
        if error.get("alert"):
            found.add(f"alert:{error['alert']}")
        if error.get("local"):
            found.add(f"local:{error['local']}")
        return frozenset(found)

    def describe(self) -> str:
        """What was tried and what came back, on one line."""
        if self.ok:
            return f"{self.what}: succeeded (exchange {self.exchange})"
        error = self.answer.get("error") or {}
        number = f"error {error['errno']} " if error.get("errno") else ""
        alert = f"TLS alert {error['alert']} " if error.get("alert") else ""
        message = ascii(str(error.get("message", "")))[1:-1][:200]
        return f"{self.what}: refused: {number}{alert}{message} (exchange {self.exchange})"


@dataclass(frozen=True)
class LoginAttempt(Result):
    """`proofs.ports.LoginResult`."""

    @property
    def stage(self) -> str:
        """How far it got."""
        return str(self.answer["stage"])

    @property
    def session(self) -> Json:
        """What the session looked like from inside; empty when refused."""
        return self.answer.get("session") or {}


@dataclass(frozen=True)
class Statement(Result):
    """`proofs.ports.QueryResult`."""

    @cached_property
    def rows(self) -> Sequence[dict[str, Any]]:
        """Rows as dicts by column name, in lower case: MySQL and MariaDB differ in the case of dictionary columns."""
        columns = [str(name).lower() for name in self.answer.get("columns", ())]
        return [dict(zip(columns, row, strict=True)) for row in self.answer.get("rows", ())]

    @property
    def truncated(self) -> bool:
        """More rows or bytes came than are kept."""
        return bool(self.answer.get("truncated"))

    @property
    def warnings(self) -> Sequence[Json]:
        """SHOW WARNINGS after the statement: {level, code, message}."""
        return list(self.answer.get("warnings", ()))

    @property
    def message(self) -> str:
        """The error's text; empty when there was none."""
        return str((self.answer.get("error") or {}).get("message", ""))

    @property
    def local_file_requested(self) -> bool:
        """The server asked for a file of the client."""
        return self.answer.get("local_file") is not None

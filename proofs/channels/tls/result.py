"""The result of one TLS look, rebuilt from the answer as stored."""

from __future__ import annotations

from dataclasses import dataclass

from proofs.model import Json
from proofs.ports import Code


@dataclass(frozen=True, slots=True)
class TlsAttempt:
    """A handshake that was tried. `answer` is {"ok", "codes", "detail", "facts"} as stored."""

    answer: Json

    @property
    def ok(self) -> bool:
        """The peer let it happen."""
        return bool(self.answer["ok"])

    @property
    def codes(self) -> frozenset[Code]:
        """Why it was refused: `alert:NAME`, `closed`, `no-tls`, or `local:REASON`."""
        return frozenset(self.answer["codes"])

    @property
    def facts(self) -> Json:
        """What was seen; see `TlsChannel`."""
        facts: Json = self.answer["facts"]
        return facts

    def describe(self) -> str:
        """One line for people, escaped and bounded."""
        line = str(self.answer["detail"])
        return "".join(c if c.isprintable() else "�" for c in line[:300])

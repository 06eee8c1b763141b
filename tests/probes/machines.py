"""A host that answers from a table: what its commands print, by name and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proofs.errors import ChannelError


@dataclass(frozen=True)
class Output:
    """What a command printed."""

    stdout: str
    status: int = 0
    stderr: str = ""

    @property
    def lines(self) -> list[str]:
        return [line for line in self.stdout.splitlines() if line.strip()]


@dataclass
class FakeMachine:
    """`outputs`: `name` or `name argument` → output; what is not in it is a command the host has not."""

    outputs: Mapping[str, str] = field(default_factory=dict)

    def command(self, name: str, **arguments: str) -> Output:
        key = " ".join((name, *arguments.values()))
        if key not in self.outputs:
            raise ChannelError(f"the host has no command {name}, so nothing was seen")
        return Output(self.outputs[key])

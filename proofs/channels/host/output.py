"""What a command answered, or why that is no evidence."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from proofs.channels.host.commands.command import Command
from proofs.channels.host.script import NEEDS_ROOT, SUDO_REFUSED
from proofs.errors import ChannelError
from proofs.model import Json

_TIMED_OUT = (124, 137)
"""timeout(1): the limit was reached; the command had to be killed."""


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """Exit status and streams of a command that did answer; text as UTF-8 with replacements."""

    status: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """Lines of the output that are not blank."""
        return [line for line in self.stdout.splitlines() if line.strip()]

    @classmethod
    def of(cls, command: Command, answer: Json) -> CommandOutput:
        """The output, if it is evidence; otherwise `ChannelError` with the reason and what to do about it."""
        status, errors = int(answer["status"]), str(answer["stderr"])
        shown = textwrap.shorten(" ".join(command.argv), 80, placeholder=" ...")
        if status == NEEDS_ROOT:
            raise ChannelError(f"{shown}: needs root; allow it with sudo and set host.sudo: true")
        if status == SUDO_REFUSED:
            said = errors.strip().splitlines()[-1][:200]
            raise ChannelError(f"{shown}: sudo does not allow it ({said!a}); see the sudoers file for this target")
        if status == 127:
            raise ChannelError(f"the host has no command {command.argv[0]}, so nothing was seen")
        if status in _TIMED_OUT:
            raise ChannelError(f"{shown}: no answer within {command.seconds} s")
        if answer["truncated"]:
            raise ChannelError(f"{shown}: more than {command.limit} bytes, so not all was seen")
        if status not in command.exits:
            said = (errors.strip().splitlines() or ["no message"])[-1][:300]
            raise ChannelError(f"{shown}: exit status {status}: {said!a}")
        return cls(status, str(answer["stdout"]), errors)

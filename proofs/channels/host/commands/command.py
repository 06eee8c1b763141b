"""What an entry of the list of commands says."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from proofs.errors import ChannelError

PLACEHOLDERS = {
    "unit": re.compile(r"[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}"),
    "jail": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
    "action": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
    "package": re.compile(r"[a-z0-9][a-z0-9.+-]{0,127}"),
    "pid": re.compile(r"[1-9][0-9]{0,9}"),
    "profile": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"),
    "address": re.compile(r"[0-9A-Fa-f.:]{2,45}"),
    "path": re.compile(r"/(?:[^/\x00-\x1f\x7f.][^/\x00-\x1f\x7f]*(?:/|$))*"),
}
PLACEHOLDERS |= {"datastream": PLACEHOLDERS["path"], "tailoring": PLACEHOLDERS["path"]}
"""What may stand in a command, by kind; no path has a segment that begins with a dot, so none climbs."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `argv` with `{kind}` where an argument goes; a kind alone is one word of its own.

    `root`: it only tells all to root. `exits`: exit statuses that are answers. `limit` bytes of each stream are kept.
    `alone`: it takes long, so it is not gathered with the others. `seconds` limit it on the host. `anew`: its answer
    changes during a run, so each question is put to the host. `changes`: it is not read-only; it needs a permission of
    the target's, and a sudo rule that is only given when asked for.
    """

    name: str
    argv: tuple[str, ...]
    root: bool = False
    exits: tuple[int, ...] = (0,)
    limit: int = 65536
    alone: bool = False
    seconds: int = 20
    anew: bool = False
    changes: bool = False

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Kinds of its arguments, in their order."""
        return tuple(found for word in self.argv for found in re.findall(r"\{(\w+)\}", word))

    @property
    def gathered(self) -> bool:
        """It is run with all the others, once."""
        return not (self.alone or self.anew or self.changes or self.placeholders)

    def filled(self, arguments: Mapping[str, str]) -> tuple[str, ...]:
        """The command with its arguments. Raises `ChannelError` for one that is missing, unknown or of another form."""
        if set(arguments) != set(self.placeholders):
            raise ChannelError(f"the command {self.name} takes {', '.join(self.placeholders) or 'no arguments'}")
        for kind, value in arguments.items():
            if not (PLACEHOLDERS[kind].fullmatch(value) and (kind != "address" or _is_address(value))):
                raise ChannelError(f"no {kind} to be given to a command: {value[:100]!a}")
        return tuple(re.sub(r"\{(\w+)\}", lambda m: arguments[m[1]], word) for word in self.argv)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

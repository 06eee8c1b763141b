"""What an entry of the list of commands says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proofs.errors import ChannelError

PLACEHOLDERS = {
    "unit": re.compile(r"[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}"),
    "jail": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"),
    "package": re.compile(r"[a-z0-9][a-z0-9.+-]{0,127}"),
    "pid": re.compile(r"[1-9][0-9]{0,9}"),
    "profile": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"),
    "path": re.compile(r"/(?:[^/\x00-\x1f\x7f.][^/\x00-\x1f\x7f]*(?:/|$))*"),
}
PLACEHOLDERS |= {"datastream": PLACEHOLDERS["path"], "tailoring": PLACEHOLDERS["path"]}
"""What may stand in a command, by kind; no path has a segment that begins with a dot, so none climbs."""


@dataclass(frozen=True, slots=True)
class Command:
    """One read-only command: `argv` with `{kind}` where an argument goes; a kind alone is one word of its own.

    `root`: it only tells all to root. `exits`: exit statuses that are answers. `limit` bytes of each stream are kept.
    `alone`: it takes long, so it is not gathered with the others. `seconds` limit it on the host.
    """

    name: str
    argv: tuple[str, ...]
    root: bool = False
    exits: tuple[int, ...] = (0,)
    limit: int = 65536
    alone: bool = False
    seconds: int = 20

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Kinds of its arguments, in their order."""
        return tuple(found for word in self.argv for found in re.findall(r"\{(\w+)\}", word))

    @property
    def gathered(self) -> bool:
        """It is run with all the others, once."""
        return not self.alone and not self.placeholders

    def filled(self, arguments: Mapping[str, str]) -> tuple[str, ...]:
        """The command with its arguments. Raises `ChannelError` for one that is missing, unknown or of another form."""
        if set(arguments) != set(self.placeholders):
            raise ChannelError(f"the command {self.name} takes {', '.join(self.placeholders) or 'no arguments'}")
        for kind, value in arguments.items():
            if not PLACEHOLDERS[kind].fullmatch(value):
                raise ChannelError(f"no {kind} to be given to a command: {value[:100]!a}")
        return tuple(re.sub(r"\{(\w+)\}", lambda m: arguments[m[1]], word) for word in self.argv)

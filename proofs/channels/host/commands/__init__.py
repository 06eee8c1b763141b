"""The fixed list of what is run on a host, one module a topic; nothing else is ever run there.

All of it is read-only but what says `changes`.
"""

from __future__ import annotations

from functools import cache

from proofs.channels.host.commands import (
    clock,
    files,
    firewall,
    general,
    mac,
    packages,
    process,
    scap,
    secrets,
    ssh_server,
    throttling,
    updates,
)
from proofs.channels.host.commands.command import Command

__all__ = ["Command", "known"]

MODULES = (clock, files, firewall, general, mac, packages, process, scap, secrets, ssh_server, throttling, updates)


@cache
def known() -> dict[str, Command]:
    """Every command by name, in the order of the list."""
    every = [command for module in MODULES for command in module.COMMANDS]
    found = {command.name: command for command in every}
    if len(found) != len(every):
        raise ValueError("two commands of one name")
    return found

"""Files that a service loads rules from, as cat(1) shows them."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.ports import HostChannel


def text_of(machine: HostChannel, command: str) -> str:
    """What the file of a command holds; empty where there is none. `Indeterminate` where it could not be read."""
    shown = machine.command(command)
    if shown.status and "No such file" not in shown.stderr:
        raise Indeterminate(f"{command} was not read: {shown.stderr.strip()[:200]!a}")
    return shown.stdout

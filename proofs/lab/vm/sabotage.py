"""A machine changed on purpose, and put back as it was: from a snapshot of its memory and disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from proofs.lab.server import adopt
from proofs.lab.state import LabState
from proofs.lab.vm import access, machine
from proofs.lab.vm.recipe import load

CLEAN = "clean"


def keep(state: LabState) -> None:
    """Keep the machine as it is now, to be put back to. Raises `ChannelError`."""
    machine.snapshot(state.directory, CLEAN)


def put_back(state: LabState) -> None:
    """Put the machine back to what was kept, its clock set, reachable again. Raises `ChannelError`."""
    machine.restore(state.directory, CLEAN)
    recipe = load(state.deployment)
    access.await_boot(state.directory, recipe.service)
    # Its clock stood still meanwhile.
    access.shell(state.directory, f"date --utc --set=@{time.time():.3f} >/dev/null; chronyc makestep >/dev/null")
    adopt(access.forward_socket(state.directory))


@contextmanager
def sabotaged(state: LabState, script: str, *, limit_s: float = 300.0) -> Iterator[str]:
    """The machine with a shell script run on it as root, for the time of the block; `keep` comes before.

    Yields what the script printed. Raises `ChannelError`, also where the script fails.
    """
    try:
        yield access.shell(state.directory, script, limit_s=limit_s)
    finally:
        put_back(state)

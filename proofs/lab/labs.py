"""The lab's life: up, down, status, and the lease of a run that uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.lab import deployment as deployments
from proofs.lab import engines, sabotages, server
from proofs.lab.build import build
from proofs.lab.locks import locked, open_lock, try_lock
from proofs.lab.state import LabState, directory, home, read, write
from proofs.model import Engine


def up(
    name: str = "lab", engine: Engine = "mysql", deployment: str | None = None, sabotage: str | None = None
) -> LabState:
    """Bring up a lab that stays until `down`; if it is up already, just say so.

    `deployment` is a directory of `fixtures/deployments` (default: the engine's name). Raises `ConfigurationError`:
    unknown deployment or sabotage, no server to be had, or a lab of this name is up as something else;
    `ChannelError`: the server doesn't start.
    """
    with locked(_change_lock(name)):
        state = _ensure(name, engine, deployment or engine, sabotage, kept=True)
        if not state.kept:
            state = replace(state, kept=True)
            write(state)
        return state


def down(name: str = "lab") -> bool:
    """Take a lab down and leave nothing of it; False if there was none."""
    with locked(_change_lock(name)):
        return _remove(name)


def status() -> list[LabState]:
    """The labs of this user that are up; remains of dead ones are cleared away on the way."""
    found = []
    for path in sorted(home().iterdir()):
        if path.is_dir():
            with locked(_change_lock(path.name)):
                state = _living(path.name)
            if state:
                found.append(state)
    return found


@contextmanager
def lease(
    name: str = "lab", engine: Engine = "mysql", deployment: str | None = None, sabotage: str | None = None
) -> Iterator[LabState]:
    """Use a lab for the time of the block, bringing it up if it isn't.

    A lab brought up this way goes down when its last lease ends, however the holders end: the lease is a shared
    flock(2), which the kernel drops even on `kill -9`, and a watchdog process waits for that moment. Several
    processes may hold leases on one lab. Raises as `up` does.
    """
    held = open_lock(_lease_lock(name))
    try:
        state = _take(held, name, engine, deployment or engine, sabotage)
        try:
            yield state
        finally:
            with locked(_change_lock(name)):
                fcntl.flock(held, fcntl.LOCK_UN)
                if _unused(held) and not _is_kept(name):
                    _remove(name)
    finally:
        os.close(held)


def watch(name: str, pid: int) -> None:
    """Wait until nobody holds a lease on the lab run by server process `pid`, then take it down if it is not kept."""
    held = open_lock(_lease_lock(name))
    fcntl.flock(held, fcntl.LOCK_EX)
    with locked(_change_lock(name)):
        state = read(name)
        if state and state.pid == pid and not state.kept:
            _remove(name)


def _take(held: int, name: str, engine: Engine, deployment: str, sabotage: str | None) -> LabState:
    while True:
        with locked(_change_lock(name)):
            if try_lock(held, shared=True):
                known = _living(name)
                state = known or _ensure(name, engine, deployment, sabotage, kept=False)
                _same(state, engine, deployment, sabotage)
                if known is None:
                    _start_watchdog(state)
                return state
        # The watchdog has it: the last holder was killed and the lab is about to go. Wait for that.
        fcntl.flock(held, fcntl.LOCK_SH)
        fcntl.flock(held, fcntl.LOCK_UN)


def _unused(held: int) -> bool:
    """Nobody else holds a lease. Where not even a shared lock is to be had, it is the watchdog that holds it."""
    return try_lock(held) or not try_lock(held, shared=True)


def _ensure(name: str, engine: Engine, deployment: str, sabotage: str | None, *, kept: bool) -> LabState:
    state = _living(name)
    if state:
        _same(state, engine, deployment, sabotage)
        return state
    blueprint = deployments.load(deployment)
    if blueprint.engine != engine:
        raise ConfigurationError(f"deployment {deployment!r} is for {blueprint.engine}, not {engine}")
    change = sabotages.find(sabotage, engine).changes[engine] if sabotage else sabotages.NO_CHANGE
    program = engines.find(engine)
    try:
        return build(directory(name), blueprint, program, sabotage=sabotage, change=change, kept=kept)
    except BaseException as error:
        _remove(name)
        if isinstance(error, OSError):
            raise ConfigurationError(f"lab {name}: {error}") from error
        raise


def _same(state: LabState, engine: Engine, deployment: str, sabotage: str | None) -> None:
    asked, found = (engine, deployment, sabotage), (state.engine, state.deployment, state.sabotage)
    if asked != found:
        raise ConfigurationError(
            f"lab {state.name} is up with {_described(*found)}, not {_described(*asked)}; "
            f"take it down first: proofs lab down {state.name}"
        )


def _described(engine: str, deployment: str, sabotage: str | None) -> str:
    return f"{engine}, deployment {deployment}, {f'sabotage {sabotage}' if sabotage else 'no sabotage'}"


def _living(name: str) -> LabState | None:
    """The lab of this name if it is up. Remains of one that is not, or that a killed run left, are removed."""
    path = directory(name)
    if not path.exists():
        return None
    state = read(name)
    if state and state.alive and state.ready:
        return state
    _remove(name)
    return None


def _is_kept(name: str) -> bool:
    state = read(name)
    return state is not None and state.kept


def _remove(name: str) -> bool:
    path = directory(name)
    if not path.exists():
        return False
    try:
        state = read(name)
    except ConfigurationError:
        state = None
    if state:
        server.kill(state.pid, state.born)
    shutil.rmtree(path)
    return True


def _start_watchdog(state: LabState) -> None:
    subprocess.Popen(
        [sys.executable, "-m", "proofs.lab.watchdog", state.name, str(state.pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _change_lock(name: str) -> Path:
    return home() / f".{directory(name).name}.change"


def _lease_lock(name: str) -> Path:
    return home() / f".{directory(name).name}.lease"

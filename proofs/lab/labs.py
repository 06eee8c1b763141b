"""The lab's life: up, down, status, and the lease of a run that uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from proofs.errors import ConfigurationError, ProofsError
from proofs.lab import anchoring, server
from proofs.lab.engines import cache_room
from proofs.lab.locks import locked, open_lock, try_lock
from proofs.lab.state import LabState, directory, home, process_birth, read, write
from proofs.model import Engine

CLOSING_LIMIT_S = 2.0


def up(
    name: str = "lab", engine: Engine = "mysql", deployment: str | None = None, sabotage: str | None = None
) -> LabState:
    """Bring up a lab that stays until `down`; if it is up already, just say so.

    `deployment` is a directory of `fixtures/deployments` (default: the engine's name). Raises `ConfigurationError`:
    unknown deployment or sabotage, no server to be had, or a lab of this name is up as something else;
    `ChannelError`: the server doesn't start. The name of a recipe in `fixtures/hosts` brings up that host.
    """
    from proofs.lab.vm import recipe  # noqa: PLC0415

    if deployment is None and recipe.exists(name):
        engine, deployment = recipe.load(name).engine, name
    with _changing(name):
        state = _ensure(_living(name), name, engine, deployment or engine, sabotage, kept=True)
        if not state.kept:
            state = replace(state, kept=True)
            write(state)
        return state


def down(name: str = "lab") -> bool:
    """Take a lab down and leave nothing of it; False if there was none."""
    with _changing(name):
        return _remove(name)


def status() -> list[LabState]:
    """The labs of this user that are up; remains of dead ones are cleared away on the way."""
    found = []
    for path in sorted(home().iterdir()):
        if path.is_dir():
            with _changing(path.name):
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
    held, state = _take(name, engine, deployment or engine, sabotage)
    try:
        try:
            yield state
        finally:
            with _changing(name):
                fcntl.flock(held, fcntl.LOCK_UN)
                if _unused(held):
                    _remove_unless_kept(state)
    finally:
        os.close(held)


def restart(name: str) -> str | None:
    """Stop the server of a lab that is up and start it again on the same data, options and ports.

    Returns why it was not restarted, or None when it was: nobody else may be connected; and where a lab was sabotaged
    beyond its options and data, or is kept with a sabotage, a restart could undo the sabotage or not come back.
    Raises `ConfigurationError` if no lab of this name is up, `ChannelError` if it does not end or come back.
    """
    from proofs.lab import engines, sabotages  # noqa: PLC0415
    from proofs.lab.files import server_owner  # noqa: PLC0415
    from proofs.lab.vm import access, recipe  # noqa: PLC0415

    with _changing(name):
        state = _living(name)
        if state is None:
            raise ConfigurationError(f"lab {name} is not up")
        if state.sabotage is not None:
            change = sabotages.find(state.sabotage, state.engine).changes[state.engine]
            if state.kept or change.copies or change.chmod:
                return f"its sabotage {state.sabotage} might not outlive a restart, or the server not come back"
        if not _without_clients(state):
            return "others are connected to it"
        if recipe.exists(state.deployment):
            access.restart_service(state.directory, recipe.load(state.deployment).service)
            return None
        options = max((state.directory / "server").glob("server-*.cnf"))
        error_log = state.directory / "log" / "error.log"
        anchored = (state.directory / anchoring.PROCESS).exists()
        anchoring.stop(state.directory)
        server.stop(state.pid, state.born)
        pid = server.start(engines.find(state.engine), options, error_log, server_owner())
        state = replace(state, pid=pid, born=process_birth(pid) or 0)
        write(state)
        server.await_ready(pid, state.socket, error_log)
        if anchored:
            anchoring.start(state)
    return None


def _without_clients(state: LabState) -> bool:
    """Whether the connections that were just closed are gone, and there are no others."""
    deadline = time.monotonic() + CLOSING_LIMIT_S
    while server.clients(state.port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def watch(name: str, pid: int) -> None:
    """Wait until nobody holds a lease on the lab run by server process `pid`, then take it down if it is not kept."""
    with _changing(name):
        state = read(name)
        if state is None or state.pid != pid:
            return
        held = open_lock(_lease_lock(name))
    fcntl.flock(held, fcntl.LOCK_EX)
    with _changing(name):
        _remove_unless_kept(state)


def _take(name: str, engine: Engine, deployment: str, sabotage: str | None) -> tuple[int, LabState]:
    while True:
        with _changing(name):
            known = _living(name)
            held = open_lock(_lease_lock(name))
            try:
                if try_lock(held, shared=True):
                    # A run takes a lab that is up as it is: with the sabotage someone gave it, to see it caught.
                    wanted = known.sabotage if known and sabotage is None else sabotage
                    state = _ensure(known, name, engine, deployment, wanted, kept=False)
                    if known is None:
                        server.companion("proofs.lab.watchdog", state.name, state.pid)
                    return held, state
            except BaseException:
                os.close(held)
                raise
        # The watchdog has it: the last holder was killed and the lab is about to go. Wait for that.
        fcntl.flock(held, fcntl.LOCK_SH)
        os.close(held)


def _unused(held: int) -> bool:
    """Nobody else holds a lease. Where not even a shared lock is to be had, it is the watchdog that holds it."""
    return try_lock(held) or not try_lock(held, shared=True)


def _ensure(
    known: LabState | None, name: str, engine: Engine, deployment: str, sabotage: str | None, *, kept: bool
) -> LabState:
    if known:
        _same(known, engine, deployment, sabotage)
        return known
    # Imported late: what takes a lab down (the watchdog above all) needs none of it.
    from proofs.lab import deployment as deployments  # noqa: PLC0415
    from proofs.lab import engines, sabotages  # noqa: PLC0415
    from proofs.lab.build import build  # noqa: PLC0415
    from proofs.lab.vm import provision, recipe  # noqa: PLC0415

    if recipe.exists(deployment):
        if sabotage is not None:
            raise ConfigurationError(f"lab {name}: sabotage {sabotage!r} is for embedded servers, not for a host")
        return _built(name, lambda: provision.build(directory(name), recipe.load(deployment), kept=kept))
    blueprint = deployments.load(deployment)
    if blueprint.engine != engine:
        raise ConfigurationError(f"deployment {deployment!r} is for {blueprint.engine}, not {engine}")
    change = sabotages.find(sabotage, engine).changes[engine] if sabotage else sabotages.NO_CHANGE
    program = engines.find(engine)
    return _built(name, lambda: build(directory(name), blueprint, program, sabotage=sabotage, change=change, kept=kept))


def _built(name: str, build: Callable[[], LabState]) -> LabState:
    try:
        return build()
    except BaseException as error:
        kept = _logs_kept(name)
        _remove(name)
        told = f"; its logs: {kept}" if kept else ""
        if isinstance(error, OSError):
            raise ConfigurationError(f"lab {name}: {error}{told}") from error
        if told and isinstance(error, ProofsError):
            raise type(error)(f"{error}{told}") from error
        raise


def _logs_kept(name: str) -> Path | None:
    """Where the logs of a lab that did not come up are, the last such lab of this name; None where it left none."""
    logs = [each for each in sorted((directory(name) / "log").glob("*.log")) if each.stat().st_size]
    if not logs:
        return None
    room = cache_room("failed") / directory(name).name
    with suppress(OSError):
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir(mode=0o700)
        for each in logs:
            shutil.copyfile(each, room / each.name)
        return room
    return None


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
    """The lab of this name if it is up. One that is not, or that no living run uses any more, is removed."""
    path = directory(name)
    if not path.exists():
        return None
    state = read(name)
    if state and state.alive and state.ready and (state.kept or _leased(name)):
        return state
    _remove(name)
    return None


def _leased(name: str) -> bool:
    with suppress(FileNotFoundError):
        probe = os.open(_lease_lock(name), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return not try_lock(probe)
        finally:
            os.close(probe)
    return False


def _remove_unless_kept(state: LabState) -> None:
    """Remove this lab, but not one that somebody asked to stay, nor another that now has its name."""
    present = read(state.name)
    if present and present.same_lab(state) and not present.kept:
        _remove(state.name)


def _remove(name: str) -> bool:
    path = directory(name)
    if not path.exists():
        return False
    try:
        state = read(name)
    except ConfigurationError:
        state = None
    anchoring.stop(path)
    if state:
        server.kill(state.pid, state.born)
    shutil.rmtree(path)
    return True


@contextmanager
def _changing(name: str) -> Iterator[None]:
    """The right to bring this lab up or down. Where no lab is left behind, neither are the lock files."""
    path = home() / f".{directory(name).name}.change"
    with locked(path):
        try:
            yield
        finally:
            if not directory(name).exists():
                _lease_lock(name).unlink(missing_ok=True)
                path.unlink()


def _lease_lock(name: str) -> Path:
    return home() / f".{directory(name).name}.lease"

"""The guard that lifts a ban when the prover is gone, on a real host: killed, ended well, and never come to stand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Recorder, Replayer
from scenery import target_at
from sshd import Sshd, serving
from waiting import awaited

from proofs.channels.host import Machine, channel, guard
from proofs.channels.host.commands import Command
from proofs.errors import ChannelError
from proofs.model import Host, Target

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="the guard acts as root")]
KILLED = """
import os, signal, sys
from proofs.channels.host import guard
from proofs.model import Host
guard.SETTLE_S = 0
connection, identity_file, known_hosts, lifted = sys.argv[1:]
with guard.standing(Host(connection, identity_file, known_hosts), ("/bin/sh", "-c", f"echo killed >> {lifted}")):
    os.kill(os.getpid(), signal.SIGKILL)
"""
UNBAN = {"jail": "sshd", "address": "192.0.2.1"}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serving(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def lifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that holds what the host was told to let in again, instead of fail2ban's jail."""
    file = tmp_path / "lifted"
    lift = Command("fail2ban-unban", ("/bin/sh", "-c", f"echo $0 $1 >> {file}", "{jail}", "{address}"), changes=True)
    monkeypatch.setattr(channel, "known", lambda: {lift.name: lift})
    monkeypatch.setattr(guard, "SETTLE_S", 0)
    return file


def target_of(host: Host) -> Target:
    return replace(target_at(1), host=host, allow_ban_probe=True)


def written(file: Path) -> str:
    """What the host wrote, once it has; nothing if nobody lifted the ban."""
    return str(awaited(lambda: file.exists() and file.read_text(), 20))


def test_a_prover_that_is_killed(sshd: Sshd, lifted: Path) -> None:
    host = sshd.host()
    argv = [host.connection, host.identity_file, host.known_hosts, str(lifted)]
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, argv)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert written(lifted) == "killed\n"


def test_all_is_well_and_nothing_is_left(sshd: Sshd, lifted: Path) -> None:
    recorder, target = Recorder(), target_of(sshd.host())
    with pytest.raises(KeyboardInterrupt), Machine(target, recorder).unban_if_gone(**UNBAN):
        waiting = subprocess.run(["pgrep", "-fc", str(lifted)], capture_output=True, check=False, text=True).stdout
        assert int(waiting) >= 2  # ssh on this side, the shell on the other
        raise KeyboardInterrupt
    # By then the shell had read its line, so it ended without another word.
    assert not lifted.exists()
    assert subprocess.run(["pgrep", "-f", str(lifted)], capture_output=True, check=False).returncode == 1
    with Machine(target, Replayer(recorder)).unban_if_gone(**UNBAN):
        assert recorder.performed == 1


def test_the_way_to_it_is_lost(sshd: Sshd, lifted: Path) -> None:
    with Machine(target_of(sshd.host()), Recorder()).unban_if_gone(**UNBAN):
        subprocess.run(["pkill", "-f", f"ssh .*{lifted}"], check=True)
    assert written(lifted) == "sshd 192.0.2.1\n"


def test_no_guard_stands(sshd: Sshd, lifted: Path) -> None:
    for changes, says in (
        ({"known_hosts": "/dev/null"}, "Host key verification failed"),
        ({"connection": "ssh://nobody@127.0.0.1:1"}, "Connection refused"),
    ):
        with (
            pytest.raises(ChannelError, match=says),
            Machine(target_of(sshd.host(**changes)), Recorder()).unban_if_gone(**UNBAN),
        ):
            pytest.fail("nobody stands guard")
    forbidden = replace(target_of(sshd.host()), allow_ban_probe=False)
    with pytest.raises(ChannelError, match="allow_ban_probe"), Machine(forbidden, Recorder()).unban_if_gone(**UNBAN):
        pytest.fail("nobody stands guard")
    assert not lifted.exists()

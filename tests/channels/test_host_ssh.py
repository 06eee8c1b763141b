"""The channel `host` over a real SSH connection, in good weather and bad."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Recorder, Replayer
from scenery import target_at
from sshd import Sshd, serving

from proofs.channels.host import Machine, access, channel
from proofs.channels.host.commands import Command, known
from proofs.errors import ChannelError
from proofs.model import Host

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serving(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def machine(sshd: Sshd) -> Iterator[Machine]:
    found = Machine(replace(target_at(1), host=sshd.host()), Recorder())
    yield found
    found.close()


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch):
    """Commands of the test's own in place of the fixed list."""

    def put(*commands: Command) -> None:
        table = {command.name: command for command in commands}
        monkeypatch.setattr(channel, "known", lambda: table)

    return put


def test_one_script_answers_for_all(sshd: Sshd, listed) -> None:
    listed(
        Command("kernel", ("uname", "-s")), Command("who", ("id", "-un")), Command("odd", ("printf", "a\\nb s 0\\n"))
    )
    recorder = Recorder()
    machine = Machine(replace(target_at(1), host=sshd.host()), recorder)
    assert machine.command("kernel").stdout == "Linux\n"
    assert machine.command("odd").lines == ["a", "b s 0"]
    assert machine.command("who").status == 0
    assert recorder.performed == 1
    machine.close()
    again = Machine(replace(target_at(1), host=sshd.host()), Replayer(recorder))
    assert again.command("kernel").stdout == "Linux\n"


def test_the_list_as_it_is(machine: Machine) -> None:
    assert machine.command("kernel").stdout.startswith("Linux")


def test_files_are_read(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "a b"
    file.write_text("text")
    file.chmod(0o640)
    assert machine.stat_path(str(file))[0]["mode"] == "0640"
    assert machine.read_text(str(file)) == "text"


def test_one_connection_and_nothing_left(sshd: Sshd, listed) -> None:
    listed(
        Command("a", ("sh", "-c", "echo $SSH_CONNECTION"), alone=True),
        Command("b", ("sh", "-c", "echo $SSH_CONNECTION")),
    )
    machine = Machine(replace(target_at(1), host=sshd.host()), Recorder())
    assert machine.command("a").stdout == machine.command("b").stdout != "\n"
    directory = Path(machine._access._directory)  # type: ignore[union-attr, arg-type]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    machine.close()
    assert not directory.exists()


def test_what_changes_is_asked_each_time(sshd: Sshd, listed) -> None:
    listed(Command("time", ("date", "+%s.%N"), anew=True), Command("lift", ("echo", "{address}"), changes=True))
    forbidden = replace(target_at(1), host=sshd.host())
    machine, recorder = Machine(replace(forbidden, allow_ban_probe=True), Recorder()), Recorder()
    assert machine.command("time") != machine.command("time")
    assert machine.command("lift", address="192.0.2.1").stdout == "192.0.2.1\n"
    for odd in ("192.0.2.1;", "192.0.2.256", "::g", "1", "192.0.2.0/24", "--all"):
        with pytest.raises(ChannelError, match="no address to be given"):
            machine.command("lift", address=odd)
    with pytest.raises(ChannelError, match="allow_ban_probe"):
        Machine(forbidden, recorder).command("lift", address="192.0.2.1")
    assert recorder.performed == 0
    machine.close()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"known_hosts": "/dev/null"}, "Host key verification failed"),
        ({"identity_file": "stranger"}, "Permission denied"),
        ({"connection": "ssh://nobody@127.0.0.1:1"}, "Connection refused"),
    ],
)
def test_no_way_in(sshd: Sshd, changes: dict[str, str], says: str) -> None:
    if changes.get("identity_file"):
        changes = {"identity_file": str(sshd.directory / "stranger")}
    machine = Machine(replace(target_at(1), host=sshd.host(**changes)), Recorder())
    with pytest.raises(ChannelError, match=says):
        machine.command("kernel")
    machine.close()


def test_another_host_key(sshd: Sshd, tmp_path: Path) -> None:
    kind, key = (sshd.directory / "stranger.pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n")
    machine = Machine(replace(target_at(1), host=sshd.host(known_hosts=str(tmp_path / "known"))), Recorder())
    with pytest.raises(ChannelError, match="Host key verification failed"):
        machine.command("kernel")
    machine.close()


def test_a_host_that_says_nothing(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "CONNECT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        host = sshd.host(connection=f"ssh://nobody@127.0.0.1:{port}")
        with pytest.raises(ChannelError, match="timed out"):
            Machine(replace(target_at(1), host=host), Recorder()).command("kernel")


def test_a_host_that_goes_down(sshd: Sshd, tmp_path: Path, listed) -> None:
    listed(Command("long", ("sleep", "30"), alone=True, seconds=40))
    with serving(tmp_path) as other:
        machine = Machine(replace(target_at(1), host=other.host()), Recorder())
        machine._connection(other.host()).run("true")
        master = (Path(machine._access._directory) / "control").exists()  # type: ignore[union-attr, arg-type]
        assert master
        threading.Timer(0.5, lambda: os.system(f"pkill -P {other.process.pid}")).start()
        with pytest.raises(ChannelError):
            machine.command("long")
        machine.close()


def test_a_host_that_is_restarted_half_way(
    machine: Machine, listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    monkeypatch.setattr(channel, "BOOT", Command("boot-id", ("cat", str(boot))))
    listed(*(Command(name, ("echo", name), alone=True) for name in ("before", "between", "after")))
    assert machine.command("before").stdout == "before\n"
    assert machine.command("between").stdout == "between\n"
    boot.write_text("second\n")
    with pytest.raises(ChannelError, match="restarted meanwhile"):
        machine.command("after")
    assert machine.command("before").stdout == "before\n"  # as it was seen


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (Command("c", ("no-such-program",)), "has no command no-such-program"),
        (Command("c", ("sh", "-c", "exit 3")), "exit status 3: 'no message'"),
        (Command("c", ("sh", "-c", "echo 'bad \x1b[31mword' >&2; exit 3")), r"'bad \\x1b\[31mword'"),
        (Command("c", ("head", "-c", "8000000", "/dev/zero"), limit=1000), "more than 1000 bytes"),
        (Command("c", ("yes",), limit=1000), "more than 1000 bytes"),
        (Command("c", ("sleep", "60"), seconds=1), "no answer within 1 s"),
        (Command("c", ("sh", "-c", "trap '' TERM; sleep 60"), seconds=1), "no answer within 1 s"),
    ],
)
def test_no_evidence(machine: Machine, listed, command: Command, says: str) -> None:
    fine = Command("fine", ("echo", "well"))
    listed(command, fine)
    with pytest.raises(ChannelError, match=says):
        machine.command("c")
    assert machine.command("fine").stdout == "well\n"


def test_odd_bytes_are_text(machine: Machine, listed) -> None:
    listed(Command("odd", ("printf", "\\377\\033[2J\\n")))
    assert machine.command("odd").stdout == "�\x1b[2J\n"


def test_a_flood_is_cut(machine: Machine, listed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_BYTES", 1 << 20)
    with pytest.raises(ChannelError, match="more than 1 MiB"):
        machine._connection(machine._target.host or Host("")).run("yes")


def test_a_host_that_hangs(machine: Machine) -> None:
    with pytest.raises(ChannelError, match="did not answer within 1 s"):
        machine._connection(machine._target.host or Host("")).run("sleep 30", seconds=1)


@pytest.mark.parametrize("value", ["../x", "a b", "$(id)", "-x", "", "a\n"])
def test_arguments_are_checked(machine: Machine, value: str) -> None:
    with pytest.raises(ChannelError, match="no unit to be given"):
        machine.command("unit", unit=value)


def test_every_command_is_of_a_known_form() -> None:
    for command in known().values():
        assert command.argv[0].isascii() and "/" not in command.argv[0], command
        assert 0 < command.limit <= 8 << 20, command

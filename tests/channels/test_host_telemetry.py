"""The host's clock and the way of its log, over a real SSH connection; what arrives is written by the test itself."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import Recorder, Replayer
from scenery import target_at
from sshd import Sshd, serving

from proofs.channels.host import Machine, channel, received
from proofs.channels.host.clock import READINGS, compared
from proofs.channels.host.commands import Command
from proofs.errors import ChannelError, Indeterminate
from proofs.model import LogForwarding
from proofs.probes.host import test_forwarding as forwarding
from proofs.probes.host import test_time as clocks

LOGIN = {"user": "prover", "address": "10.0.0.1", "port": "40000", "node": "db", "clock": 1.0}
OURS = b"x Accepted publickey for prover from 10.0.0.1 port 40000 ssh2: y"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serving(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def machine(sshd: Sshd, tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "received").write_bytes(b"an old line\n")
    host = sshd.host(log_forwarding=LogForwarding("rsyslog.service", str(tmp_path / "received")))
    found = Machine(replace(target_at(1), host=host), Recorder())
    yield found
    found.close()


@pytest.mark.live
def test_two_clocks_of_one_machine(machine: Machine) -> None:
    clocks.test_clock_agrees_with_the_provers(machine, {"max_offset_s": 1.0})
    first, second = machine.clock(), machine.clock()
    assert first != second
    assert abs(first["offset_s"]) <= first["uncertainty_s"] + 0.01
    assert first["uncertainty_s"] < 0.1
    assert [each["host"] for each in first["readings"]] == sorted(each["host"] for each in first["readings"])


@pytest.mark.live
@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("no-such-program",), "no-such-program ended with exit status 127"),
        (("false",), "ended with exit status 1"),
        (("printf", "soon\\n"), "in another form"),
        (("yes",), "more than a line|in another form"),
        (("sh", "-c", "kill -9 $PPID"), "exit status|no access"),
    ],
)
def test_no_clock(machine: Machine, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], says: str) -> None:
    monkeypatch.setattr(channel, "known", lambda: {"clock": Command("clock", argv)})
    with pytest.raises(ChannelError, match=says):
        machine.clock()


@pytest.mark.live
def test_no_way_to_a_clock(sshd: Sshd) -> None:
    machine = Machine(replace(target_at(1), host=sshd.host(known_hosts="/dev/null")), Recorder())
    with pytest.raises(ChannelError, match="Host key verification failed"):
        machine.clock()
    machine.close()


@pytest.fixture
def forwarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A forwarder and receiver: a moment after the login, what sshd logs of it is in the file."""
    login = received.login

    def logged(said: dict[str, str]) -> dict[str, object]:
        found = login(said)
        line = (
            f"<38>1 {datetime.now(UTC).isoformat()} {found['node']} sshd-session 1 - -  Accepted publickey for "
            f"{found['user']} from {found['address']} port {found['port']} ssh2: ED25519 SHA256:abc\n"
        )

        def write() -> None:
            with (tmp_path / "received").open("a") as file:
                file.write(line)

        threading.Timer(0.5, write).start()
        return found

    monkeypatch.setattr(received, "login", logged)


@pytest.mark.live
@pytest.mark.usefixtures("forwarded")
def test_a_login_arrives(machine: Machine, sshd: Sshd) -> None:
    wanted = {"max_wait_s": 20, "max_age_s": 60}
    forwarding.test_a_login_arrives(machine, machine._target, wanted)
    seen = machine.login_received(20)
    assert seen["login"]["user"] == getpass.getuser()
    assert (seen["login"]["address"], seen["arrived"]) == ("127.0.0.1", 1)
    assert seen["waited_s"] < 15
    again = Machine(machine._target, Replayer(machine._sink))
    forwarding.test_a_login_arrives(again, machine._target, wanted)


@pytest.mark.live
def test_each_time_another_login(machine: Machine) -> None:
    ports = {machine.login_received(wait)["login"]["port"] for wait in (0, 1)}
    assert len(ports) == 2


@pytest.mark.live
def test_nothing_arrives(machine: Machine) -> None:
    with pytest.raises(AssertionError, match=r"was not received within 1 s \(0 other lines were\)"):
        forwarding.test_a_login_arrives(machine, machine._target, {"max_wait_s": 1, "max_age_s": 60})


@pytest.mark.parametrize("answer", ["", "1795421023\n", "1795421023.5\n", "nan\n", "1795421023.522986001\nx\n"])
def test_a_clock_of_another_form(answer: str) -> None:
    with pytest.raises(ChannelError, match="in another form"):
        compared(lambda: answer)


def test_the_quickest_reading_counts() -> None:
    found = compared(lambda: "1795421023.522986001\n")
    assert len(found["readings"]) == READINGS
    best = min(found["readings"], key=lambda each: each["after"] - each["before"])
    assert found["uncertainty_s"] == pytest.approx((best["after"] - best["before"]) / 2, abs=1e-5)
    assert found["offset_s"] == pytest.approx(1795421023.522986 - best["before"], abs=1e-2)


@pytest.mark.parametrize(
    ("write", "arrived", "lines"),
    [
        (lambda file: None, 0, 0),
        (lambda file: file.write_bytes(file.read_bytes() + OURS + b"\n\nother\n"), 2, 1),
        (lambda file: file.write_bytes(file.read_bytes() + b"other\n" + OURS), 1, 0),  # is still being written
        (lambda file: file.write_bytes(OURS + b"\n"), 1, 1),  # cut short by who rotates
        (lambda file: (file.unlink(), file.write_bytes(b"new\n" * 20 + OURS + b"\n")), 21, 1),
        (lambda file: file.unlink(), 0, 0),
        (lambda file: file.write_bytes(file.read_bytes() + (OURS + b"z" * 3000 + b"\n") * 9), 9, 5),
        (lambda file: file.write_bytes(file.read_bytes() + OURS.replace(b"40000", b"40001") + b"\n"), 1, 0),
    ],
)
def test_only_what_came_since(tmp_path: Path, write: Callable[[Path], object], arrived: int, lines: int) -> None:
    file = tmp_path / "received"
    file.write_bytes(b"old\n" * 50 + OURS + b"\n")
    before = received.mark(str(file))
    write(file)
    seen = received.awaited(before, LOGIN, 0)
    assert (seen["arrived"], len(seen["lines"]), seen["cut"]) == (arrived, lines, False)
    assert all(len(line) <= 1000 for line in seen["lines"])


def test_more_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "MOST_BYTES", 100)
    file = tmp_path / "received"
    file.touch()
    before = received.mark(str(file))
    file.write_bytes(OURS + b"\n" + b"other\n" * 50)
    seen = received.awaited(before, LOGIN, 0)
    assert (seen["lines"], seen["cut"]) == ([], True)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(ChannelError, match="received of the host's log"):
            received.mark(str(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"ssh-connection": ""},
        {"ssh-connection": "10.0.0.1"},
        {"ssh-connection": "nowhere 40000 10.0.0.2 22"},
        {"ssh-connection": "10.0.0.1 x 10.0.0.2 22"},
        {"clock": "soon"},
        {"identity": ""},
        {"identity": "a b"},
        {"node-name": "x" * 300},
    ],
)
def test_a_login_of_another_form(changes: dict[str, str]) -> None:
    good = {"identity": "p", "node-name": "db", "ssh-connection": "10.0.0.1 40000 10.0.0.2 22", "clock": "1.5"}
    assert received.login(good)["port"] == "40000"
    with pytest.raises(ChannelError):
        received.login(good | changes)


@pytest.mark.parametrize("way", [None, LogForwarding("rsyslog.service")])
def test_not_in_the_inventory(sshd: Sshd, way: LogForwarding | None) -> None:
    machine = Machine(replace(target_at(1), host=sshd.host(log_forwarding=way)), Recorder())
    with pytest.raises(Indeterminate, match=r"host\.log_forwarding\.received"):
        machine.login_received(1)

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fakes import Recorder, Replayer
from scenery import carry_both, server, silent, target_at
from sshd import Sshd, serving

from proofs.channels.network import Network, bastion
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Target, Vantage


def test_open_refused_and_replayed() -> None:
    recorder = Recorder()
    network = Network(target_at(1), recorder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        opened = network.connect("127.0.0.1", port)
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(1) == b""  # nothing is sent
    refused = network.connect("127.0.0.1", port, vantage="outside")
    assert (opened.ok, opened.codes) == (True, frozenset())
    assert (refused.ok, refused.codes) == (False, {"refused"})
    assert "from 127.0.0.2" in refused.describe()
    replay = Network(target_at(1), Replayer(recorder))
    assert replay.connect("127.0.0.1", port) == opened
    assert replay.connect("127.0.0.1", port, vantage="outside") == refused


def test_the_source_address_is_the_vantage_s() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Network(target_at(1), Recorder()).connect("127.0.0.1", listener.getsockname()[1], vantage="outside")
        accepted, peer = listener.accept()
        accepted.close()
    assert peer[0] == "127.0.0.2"


def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as e:
        pytest.skip(f"this machine has no IPv6 loopback: {e}")
    with listener:
        network = Network(target_at(1), Recorder())
        assert network.connect("::1", listener.getsockname()[1]).ok
        with pytest.raises(ChannelError, match="no address that"):
            network.connect("::1", listener.getsockname()[1], vantage="outside")


def test_time_out() -> None:
    # A listener whose queue is full leaves further SYNs unanswered (Linux, tcp_abort_on_overflow=0).
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(address)
            waiting.append(sock)
        result = Network(target_at(1, seconds=0.3), Recorder()).connect(*address)
        for sock in waiting:
            sock.close()
    assert result.codes == {"timeout"}


def test_what_cannot_be_tried_is_no_refusal() -> None:
    network = Network(target_at(1), Recorder())
    with pytest.raises(Indeterminate, match="no vantage"):
        network.connect("127.0.0.1", 1, vantage="moon")
    with pytest.raises(ChannelError, match="cannot resolve"):
        network.connect("no-such-host.invalid", 1)


def seen_from(place: Vantage, seconds: float = 1.0) -> Target:
    return replace(target_at(1, seconds=seconds), vantages={place.name: place})


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_each_family_is_reported_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        found = [(socket.AF_INET, 1, 6, "", (a, port)) for a in ("127.0.0.2", "127.0.0.1", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        result = Network(target_at(1), Recorder()).connect("two.example", port)
    assert result.ok
    assert [(each["address"], each["ok"], each["code"]) for each in result.families] == [
        ("127.0.0.2", False, "refused"),
        ("127.0.0.1", True, None),
    ]
    assert "127.0.0.2 refused, 127.0.0.1 open" in result.describe()


def greet(sock: socket.socket) -> None:
    sock.sendall(b"hello")


def hang_up(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def forward_to(port: int) -> Callable[[socket.socket], None]:
    """What a user-mode network does with a client it has accepted: only now connect, and hang up if refused."""

    def serve(client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port), 1) as upstream:
            carry_both(client, upstream)

    return serve


def through(port: int) -> Target:
    return seen_from(Vantage("outside", forwards={"3306": f"127.0.0.1:{port}"}), 0.4)


def test_a_forwarder_that_accepts_proves_nothing() -> None:
    with server(greet) as service, server(forward_to(service)) as forwarder:
        opened = Network(through(forwarder), Recorder()).connect("db.example", 3306, vantage="outside")
    with server(forward_to(closed_port())) as forwarder:
        refused = Network(through(forwarder), Recorder()).connect("db.example", 3306, vantage="outside")
    assert (opened.ok, refused.ok, refused.codes) == (True, False, {"refused"})
    assert "the forwarder accepts by itself" in refused.describe()


@pytest.mark.parametrize(("serve", "code"), [(hang_up, "refused"), (reset, "refused"), (silent, "timeout")])
def test_what_a_forwarder_shows_of_a_closed_port(serve: Callable[[socket.socket], None], code: str) -> None:
    recorder = Recorder()
    with server(serve) as forwarder:
        result = Network(through(forwarder), recorder).connect("db.example", 3306, vantage="outside")
    assert (result.ok, result.codes) == (False, {code})
    assert Network(through(1), Replayer(recorder)).connect("db.example", 3306, vantage="outside") == result


def test_silence_behind_a_forwarder_is_said_to_be_ambiguous() -> None:
    with server(silent) as forwarder:
        result = Network(through(forwarder), Recorder()).connect("db.example", 3306, vantage="outside")
    assert "a service that waits for its client" in result.describe()


def test_a_forwarder_that_is_not_there_is_no_evidence() -> None:
    with pytest.raises(ChannelError, match=r"the forwarder 127\.0\.0\.1:[0-9]+ to port 3306 is not reached"):
        Network(through(closed_port()), Recorder()).connect("db.example", 3306, vantage="outside")
    with pytest.raises(Indeterminate, match=r"vantages\.outside\.forwards\.22"):
        Network(through(1), Recorder()).connect("db.example", 22, vantage="outside")


def test_forwarders_lead_to_one_address_and_nothing_else_is_tried() -> None:
    with server(greet) as service, server(forward_to(service)) as forwarder:
        way = f"127.0.0.1:{forwarder}"
        target = seen_from(Vantage("outside", forwards={"3306": way}, address="192.0.2.9"), 0.4)
        network = Network(target, Recorder())
        assert network.connect("192.0.2.9", 3306, vantage="outside").ok
        assert network.connect("127.0.0.1", forwarder, vantage="outside").ok
        with pytest.raises(Indeterminate, match=r"only 192\.0\.2\.9 is reached, not 192\.0\.2\.8"):
            network.connect("192.0.2.8", 3306, vantage="outside")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serving(tmp_path_factory.mktemp("bastion")) as running:
        yield running


def behind(sshd: Sshd, seconds: float = 5.0, **changes: str) -> Target:
    host = sshd.host()
    place = Vantage("bastion", through=host.connection, identity_file=host.identity_file, known_hosts=host.known_hosts)
    return seen_from(replace(place, **changes), seconds)


@pytest.mark.live
@pytest.mark.parametrize("serve", [greet, silent])
def test_open_from_a_bastion(sshd: Sshd, serve: Callable[[socket.socket], None]) -> None:
    recorder = Recorder()
    with server(serve) as port:
        result = Network(behind(sshd), recorder).connect("127.0.0.1", port, vantage="bastion")
    assert (result.ok, result.codes) == (True, frozenset())
    assert [each["family"] for each in result.families] == ["IPv4"]
    assert Network(behind(sshd), Replayer(recorder)).connect("127.0.0.1", port, vantage="bastion") == result


@pytest.mark.live
def test_refused_and_dropped_from_a_bastion(sshd: Sshd) -> None:
    refused = Network(behind(sshd), Recorder()).connect("127.0.0.1", closed_port(), vantage="bastion")
    assert (refused.ok, refused.codes) == (False, {"refused"})
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        dropped = Network(behind(sshd, 0.5), Recorder()).connect(*address, vantage="bastion")
        for sock in waiting:
            sock.close()
    assert dropped.codes == {"timeout"}


@pytest.mark.live
def test_a_failure_of_the_bastion_is_no_evidence(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(match: str, name: str = "127.0.0.1", **changes: str) -> None:
        with pytest.raises(ChannelError, match=match):
            Network(behind(sshd, **changes), Recorder()).connect(name, 1, vantage="bastion")

    fails("Name or service not known|name resolution", name="no-such-host.invalid")
    fails("Permission denied", identity_file=str(sshd.directory / "stranger"))
    fails("Host key verification failed", known_hosts="/dev/null")
    fails("Connection refused", through=f"ssh://127.0.0.1:{closed_port()}")
    monkeypatch.setattr(bastion, "LOGIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        fails("let nobody in", through=f"ssh://127.0.0.1:{mute.getsockname()[1]}")


def test_awaited_until_it_answers_or_not() -> None:
    recorder = Recorder()
    network = Network(target_at(1), recorder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        at = listener.getsockname()
        opened = network.connect_until(*at, opened=True, within_s=60)
        still = network.connect_until(*at, opened=False, within_s=0.2)
        closing = threading.Timer(0.3, listener.shutdown, (socket.SHUT_RDWR,))
        closing.start()
        shut = network.connect_until(*at, opened=False, within_s=60, vantage="outside")
        closing.join()
    assert (opened.ok, opened.answer["tries"]) == (True, 1)
    assert (still.ok, still.answer["tries"]) == (True, 2)
    assert (shut.ok, shut.codes) == (False, {"refused"})
    replay = Network(target_at(1), Replayer(recorder))
    assert replay.connect_until(*at, opened=False, within_s=60, vantage="outside") == shut


def mute(sock: socket.socket) -> None:
    while sock.recv(1 << 12):
        pass


def bannable(sshd: Sshd, **changes: object) -> Target:
    place = Vantage("outside", source_address="127.0.0.2")
    base = replace(seen_from(place), host=sshd.host(), allow_ban_probe=True, ban_vantage="outside")
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.live
def test_a_login_that_fails(sshd: Sshd) -> None:
    recorder = Recorder()
    denied = Network(bannable(sshd), recorder).failed_login("127.0.0.1", sshd.port, vantage="outside")
    assert (denied.ok, denied.codes) == (False, {"denied"})
    replay = Network(bannable(sshd), Replayer(recorder))
    assert replay.failed_login("127.0.0.1", sshd.port, vantage="outside") == denied
    with server(forward_to(sshd.port)) as forwarder:
        cable = {"outside": Vantage("outside", forwards={"22": f"127.0.0.1:{forwarder}"})}
        target = bannable(sshd, vantages=cable)
        assert Network(target, Recorder()).failed_login("db", 22, vantage="outside").codes == {"denied"}


@pytest.mark.live
@pytest.mark.parametrize(("serve", "code"), [(hang_up, "refused"), (reset, "refused"), (mute, "timeout")])
def test_a_login_that_does_not_come_to_it(sshd: Sshd, serve: Callable[[socket.socket], None], code: str) -> None:
    with server(serve) as port:
        found = Network(bannable(sshd), Recorder()).failed_login("127.0.0.1", port, vantage="outside")
    assert found.codes == {code}
    found = Network(bannable(sshd), Recorder()).failed_login("127.0.0.1", closed_port(), vantage="outside")
    assert found.codes == {"refused"}


@pytest.mark.live
def test_logins_fail_on_purpose_only_where_they_may(sshd: Sshd) -> None:
    through = {"outside": Vantage("outside", through="ssh://b")}
    for changes, error, match in (
        ({"allow_ban_probe": False}, ChannelError, "allow_ban_probe"),
        ({"ban_vantage": None}, ChannelError, "ban_vantage"),
        ({"ban_vantage": "here"}, ChannelError, "ban_vantage"),
        ({"vantages": through}, Indeterminate, "source_address or forwards"),
        ({"host": sshd.host(known_hosts="/dev/null")}, ChannelError, "Host key verification failed"),
    ):
        recorder = Recorder()
        with pytest.raises(error, match=match):
            Network(bannable(sshd, **changes), recorder).failed_login("127.0.0.1", sshd.port, vantage="outside")

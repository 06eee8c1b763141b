from __future__ import annotations

import socket

import pytest
from fakes import Recorder, Replayer
from scenery import target_at

from proofs.channels.network import Network
from proofs.errors import ChannelError, Indeterminate


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

"""The parts of the TLS channel that need no server: budget, alerts, ClientHello, client settings, bridge."""

from __future__ import annotations

import socket
import ssl
import struct
import threading

import pytest
from scenery import roomy, server, target_at

from proofs.channels.budget import AbortBudget
from proofs.channels.tls.alerts import alert_name, code_of_reason
from proofs.channels.tls.bridge import Bridge
from proofs.channels.tls.client_settings import settings_of
from proofs.channels.tls.endpoints import endpoint_of
from proofs.channels.tls.hello import NotTlsError, Refusal, ServerChoice, answer_to, client_hello
from proofs.channels.tls.suites import KEY_EXCHANGES, TLS13_SUITES
from proofs.errors import ChannelError


def test_budget_renews_before_the_limit_is_passed() -> None:
    logins: list[int] = []
    budget = AbortBudget(lambda: bool(logins.append(budget.aborted)) or True, limit=40)
    for _ in range(40):
        budget.spend()
    assert logins == []
    budget.spend()
    assert logins == [40]
    budget.spend(39)
    assert logins == [40]
    budget.spend(2)
    assert logins == [40, 80]
    assert (budget.aborted, budget.renewals) == (82, 2)


def test_budget_stops_when_no_login_is_possible() -> None:
    budget = AbortBudget(lambda: False, limit=3)
    budget.spend(3)
    for _ in range(2):
        with pytest.raises(ChannelError, match="cannot log in"):
            budget.spend()
    assert budget.aborted == 3


def test_budget_between_threads() -> None:
    budget = AbortBudget(lambda: True, limit=7)

    def spend() -> None:
        for _ in range(100):
            budget.spend()

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.aborted == 800
    assert budget.renewals == 799 // 7


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "alert:protocol_version"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "alert:handshake_failure"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "alert:certificate_required"),
        ("SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "alert:certificate_expired"),
        ("TLSV1_UNRECOGNIZED_NAME", "alert:unrecognized_name"),
        ("UNSUPPORTED_PROTOCOL", "local:unsupported_protocol"),
        ("NO_PROTOCOLS_AVAILABLE", "local:no_protocols_available"),
        ("WRONG_VERSION_NUMBER", "local:wrong_version_number"),
        ("TLSV1_BAD_THING", "local:tlsv1_bad_thing"),
        (None, "local:unknown"),
    ],
)
def test_only_the_peer_s_alerts_count_as_such(reason: str | None, code: str) -> None:
    assert code_of_reason(reason) == code


def test_alert_names() -> None:
    assert (alert_name(40), alert_name(70), alert_name(199)) == ("handshake_failure", "protocol_version", "alert_199")


def ask(serve, hello: bytes) -> ServerChoice | Refusal:
    with server(serve) as port, socket.create_connection(("127.0.0.1", port)) as sock:
        return answer_to(sock, hello, 1.0)


HELLO = client_hello([0x0304], [0x1302], "db.example")


def test_hello_is_understood_by_another_implementation(tmp_path) -> None:
    """OpenSSL on the other side reads the ClientHello and refuses or goes on for the right reason."""
    for versions, suites in (([0x0304], [0x1301]), ([0x0303], [0xC02F, 0xC02B])):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names: list[str | None] = []
        context.sni_callback = lambda _sock, name, _context, names=names: names.append(name)
        peer = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(client_hello(versions, suites, "db.example"))
        with pytest.raises(ssl.SSLError, match=r"(?i)no.suitable|no.shared.cipher"):  # it has no certificate
            peer.do_handshake()
        assert names == ["db.example"]


@pytest.mark.parametrize(("group", "retried"), [("secp256r1", False), ("x25519", False), ("secp384r1", True)])
def test_one_group_is_offered(group: str, retried: bool) -> None:
    """The list of groups and the key shares of the hello hold the wanted one alone (RFC 8446 sections 4.2.7, 4.2.8)."""
    code = struct.pack("!H", KEY_EXCHANGES[group])
    hello = client_hello([0x0304], [0x1302], "db.example", [KEY_EXCHANGES[group]])
    assert struct.pack("!HHH", 10, 4, 2) + code in hello
    shares = hello[hello.rindex(struct.pack("!H", 51), 0, len(hello)) :] if retried else b""
    assert not retried or shares == struct.pack("!HHH", 51, 2, 0)
    assert retried or hello.count(code) >= 2


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def server_hello(suite: int = 0x1302, version: int = 0x0304, random: bytes = bytes(32)) -> bytes:
    extensions = struct.pack("!HHH", 43, 2, version) + struct.pack("!HHHH", 51, 4, 0x001D, 0)
    body = b"\x03\x03" + random + b"\x00" + struct.pack("!HBH", suite, 0, len(extensions)) + extensions
    return b"\x02" + len(body).to_bytes(3, "big") + body


def test_server_hello_in_pieces() -> None:
    hello = server_hello()

    def serve(sock: socket.socket) -> None:
        sock.sendall(record(22, hello[:10]) + record(22, hello[10:]))
        sock.recv(65536)

    assert ask(serve, HELLO) == ServerChoice(0x0304, 0x1302, 0x001D, 0, False)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (record(21, b"\x02\x46"), Refusal("alert:protocol_version")),
        (b"", Refusal("closed")),
        (record(22, server_hello())[:20], Refusal("closed")),
    ],
)
def test_refusals(answer: bytes, expected: Refusal) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)

    assert ask(serve, HELLO) == expected


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400", record(23, b"xx"), record(22, b"\x0b\x00\x00\x00"), record(21, b"\x02")]
)
def test_what_is_no_tls_is_said_so(answer: bytes) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)
        sock.recv(1)

    with pytest.raises(NotTlsError):
        ask(serve, HELLO)


def test_only_what_is_asked_is_offered() -> None:
    body = HELLO[9:]
    after_session = 2 + 32 + 33
    (length,) = struct.unpack_from("!H", body, after_session)
    assert (length, body[after_session + 2 : after_session + 4]) == (2, b"\x13\x02")
    assert TLS13_SUITES["TLS_AES_256_GCM_SHA384"] == 0x1302


@pytest.mark.parametrize(
    ("engine", "options", "expected"),
    [
        ("mysql", {}, (True, False, False)),
        ("mysql", {"ssl-ca": "x"}, (True, False, False)),
        ("mysql", {"ssl-mode": "disabled"}, (False, False, False)),
        ("mysql", {"ssl-mode": "VERIFY_CA"}, (True, True, False)),
        ("mysql", {"ssl-mode": "VERIFY_IDENTITY"}, (True, True, True)),
        ("mariadb", {}, (False, False, False)),
        ("mariadb", {"ssl": None}, (True, False, False)),
        ("mariadb", {"ssl-ca": "x"}, (True, True, False)),
        ("mariadb", {"ssl-ca": "x", "ssl-verify-server-cert": None}, (True, True, True)),
        ("mariadb", {"ssl-ca": "x", "ssl-verify-server-cert": "OFF"}, (True, True, False)),
        ("mariadb", {"ssl-ca": "x", "skip-ssl": None}, (False, True, False)),
        ("mariadb", {"ssl-ca": "x", "ssl": "0"}, (False, True, False)),
    ],
)
def test_client_settings(engine, options, expected) -> None:
    settings = settings_of(engine, options)
    assert (settings.tls, settings.verify_chain, settings.verify_name) == expected


def test_bridge_keeps_what_went_wrong() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        dead = unused.getsockname()[1]
    bridge = Bridge(endpoint_of(target_at(dead), "main"), roomy(), 1.0)
    bridge.open()
    with socket.create_connection(("127.0.0.1", bridge.port)) as client:
        client.settimeout(5)
        client.sendall(b"hello")
        assert client.recv(1) == b""
    bridge.close()
    bridge.close()
    assert len(bridge.failures) == 1
    assert "cannot connect" in bridge.failures[0]

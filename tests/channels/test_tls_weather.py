"""Bad weather: whatever answers instead of a database, each with one clear line and never a result."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes import Recorder
from scenery import roomy, server, silent, target_at

from proofs.channels.tls import Tls
from proofs.errors import ChannelError, Indeterminate


def greeting(capabilities: int = 0xFFFF) -> bytes:
    payload = b"\x0a9.9\x00" + b"\x01\x00\x00\x00" + b"12345678\x00" + struct.pack("<H", capabilities)
    payload += (
        b"\x2d\x02\x00" + struct.pack("<H", 0xDFFF) + b"\x15" + bytes(10) + b"123456789012\x00caching_sha2_password\x00"
    )
    return struct.pack("<I", len(payload)) + payload


def refusal(sock: socket.socket) -> None:
    payload = b"\xff" + struct.pack("<H", 1130) + b"Host '10.0.0.9' is not \x1b[31mallowed to connect"
    sock.sendall(struct.pack("<I", len(payload)) + payload)


def http(sock: socket.socket) -> None:
    sock.recv(4096)
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def ssh(sock: socket.socket) -> None:
    sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def half_a_greeting(sock: socket.socket) -> None:
    sock.sendall(greeting()[:30])


def stalled_greeting(sock: socket.socket) -> None:
    sock.sendall(greeting()[:30])
    sock.recv(1)


def dripping(sock: socket.socket) -> None:
    for byte in greeting():
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


def silent_after_request(sock: socket.socket) -> None:
    sock.sendall(greeting())
    while sock.recv(4096):
        pass


def garbage_after_request(sock: socket.socket) -> None:
    sock.sendall(greeting())
    sock.recv(36)
    sock.sendall(b"this is not TLS at all")


WEATHER = [
    (refusal, "the server refuses this address: 1130 Host '10.0.0.9' is not"),
    (http, "no complete greeting within"),
    (ssh, "not a MySQL or MariaDB server"),
    (silent, "no complete greeting within"),
    (half_a_greeting, "connection lost before TLS"),
    (stalled_greeting, "no complete greeting within"),
    (dripping, "no complete greeting within"),
]
ASK = [
    lambda tls: tls.scan(),
    lambda tls: tls.handshake(),
    lambda tls: tls.handshake(minimum="TLSv1.2", maximum="TLSv1.2"),
    lambda tls: tls.cipher_suite("TLS_AES_256_GCM_SHA384"),
]


@pytest.mark.parametrize(("serve", "message"), WEATHER)
@pytest.mark.parametrize("ask", ASK)
def test_no_result_from_what_is_no_database(serve, message, ask) -> None:
    with server(serve) as port, pytest.raises(ChannelError) as caught:
        ask(Tls(target_at(port, seconds=0.3), Recorder(), roomy()))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("serve", [silent_after_request, garbage_after_request])
def test_scan_needs_tls_answers(serve) -> None:
    with server(serve) as port, pytest.raises(ChannelError, match="no TLS answer"):
        Tls(target_at(port, seconds=0.3), Recorder(), roomy()).scan()


def test_silence_within_the_handshake_is_no_refusal() -> None:
    with server(silent_after_request) as port, pytest.raises(ChannelError, match="fell silent"):
        Tls(target_at(port, seconds=0.3), Recorder(), roomy()).handshake()


@pytest.mark.parametrize("ask", ASK)
def test_nothing_listens(ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ChannelError, match="cannot connect"):
        ask(Tls(target_at(port), Recorder(), roomy()))


def test_server_without_tls() -> None:
    def plain(sock: socket.socket) -> None:
        sock.sendall(greeting(0xFFFF & ~0x0800))
        sock.recv(1)

    with server(plain) as port:
        tls = Tls(target_at(port), Recorder(), roomy())
        result = tls.handshake()
        assert not result.ok
        assert result.codes == {"no-tls"}
        with pytest.raises(ChannelError, match="offers no TLS"):
            tls.scan()


def test_x_protocol_that_is_none() -> None:
    with server(ssh) as port, pytest.raises(ChannelError, match="not an X Protocol server"):
        Tls(target_at(port), Recorder(), roomy()).handshake("x")


def test_endpoints_the_target_does_not_have() -> None:
    for endpoint, engine in (("admin", "mysql"), ("x", "mariadb"), ("other", "mysql")):
        with pytest.raises(Indeterminate):
            Tls(target_at(1, engine=engine), Recorder(), roomy()).scan(endpoint)


def test_unknown_suite_and_certificate() -> None:
    tls = Tls(target_at(1), Recorder(), roomy())
    with pytest.raises(Indeterminate):
        tls.cipher_suite("TLS_NULL")
    with pytest.raises(Indeterminate):
        tls.handshake(certificate="none-such")


def test_x_protocol_starts_tls(tmp_path: Path) -> None:
    """A notice may come before the Ok; then TLS, and the poke is answered."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "pair.pem").write_bytes(pem + builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    asked: list[bytes] = []

    def x_server(sock: socket.socket) -> None:
        asked.append(sock.recv(4096))
        sock.sendall(b"\x03\x00\x00\x00\x0b\x08\x05" + b"\x01\x00\x00\x00\x00")
        with context.wrap_socket(sock, server_side=True) as secured:
            asked.append(secured.recv(4096))
            secured.sendall(b"\x01\x00\x00\x00\x02")

    with server(x_server) as port:
        result = Tls(target_at(port), Recorder(), roomy()).handshake("x")
    assert result.ok
    assert (asked[0][4], asked[1]) == (2, b"\x01\x00\x00\x00\x01")
    assert b"\x0a\x03tls" in asked[0]


def test_x_protocol_without_tls() -> None:
    def x_server(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"\x05\x00\x00\x00\x01\x10\x89\x27\x00")
        sock.recv(1)

    with server(x_server) as port:
        assert Tls(target_at(port), Recorder(), roomy()).handshake("x").codes == {"no-tls"}

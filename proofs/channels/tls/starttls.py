"""From a TCP connect to the point where TLS bytes may flow: the classic protocol and the X Protocol.

Sources: MySQL Source Code Documentation, "Protocol::HandshakeV10", "Protocol::SSLRequest", "ERR_Packet";
mysqlx_connection.proto (`CapabilitiesSet`), mysqlx_datatypes.proto (`Any`, `Scalar`), mysqlx.proto (message numbers).
"""

from __future__ import annotations

import socket
import struct
import time

from proofs.channels.tls.endpoints import Endpoint
from proofs.errors import ChannelError

CLIENT_SSL = 0x0800
# LONG_PASSWORD | PROTOCOL_41 | SSL | SECURE_CONNECTION | PLUGIN_AUTH: what a client of today asks for.
CLIENT_CAPABILITIES = 0x1 | 0x200 | CLIENT_SSL | 0x8000 | 0x80000
SSL_REQUEST = struct.pack("<I", 32 | 1 << 24) + struct.pack("<IIB23x", CLIENT_CAPABILITIES, 1 << 24, 45)

# Mysqlx.Connection.CapabilitiesSet{capabilities{capabilities{name: "tls", value{type: SCALAR, scalar{V_BOOL, true}}}}}
_TLS_TRUE = bytes([0x08, 0x01, 0x12, 0x04, 0x08, 0x07, 0x40, 0x01])
_CAPABILITY = b"\x0a\x03tls\x12" + bytes([len(_TLS_TRUE)]) + _TLS_TRUE
_CAPABILITIES = b"\x0a" + bytes([len(_CAPABILITY)]) + _CAPABILITY
_SET_CAPABILITIES = b"\x0a" + bytes([len(_CAPABILITIES)]) + _CAPABILITIES
X_CAPABILITIES_SET = 2
X_CAPABILITIES_GET = 1
_X_OK, _X_ERROR, _X_NOTICE = 0, 1, 11

# A packet that no login can be: the server answers it (1043 ER_HANDSHAKE_ERROR) without looking at any account.
POKE = {"classic": b"\x01\x00\x00\x02\x00", "x": struct.pack("<IB", 1, X_CAPABILITIES_GET)}

_GREETING_LIMIT = 4096


class TlsNotOfferedError(ChannelError):
    """The server speaks the right protocol and says that it has no TLS."""


class Deadline:
    """One time limit over several reads, so that a server dripping bytes cannot hold the prover."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.seconds = seconds

    def left(self) -> float:
        """Seconds left, at least a millisecond (0 would mean non-blocking to a socket)."""
        return max(self._end - time.monotonic(), 0.001)


def connect(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    """A TCP connection to the endpoint. Raises `ChannelError` if there is none to be had."""
    try:
        sock = socket.create_connection((endpoint.host, endpoint.port), timeout=deadline.left())
    except TimeoutError:
        raise ChannelError(f"{endpoint}: no connection within {deadline.seconds:g} s") from None
    except OSError as e:
        raise ChannelError(f"{endpoint}: cannot connect: {e.strerror or e}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def start_tls(sock: socket.socket, endpoint: Endpoint, deadline: Deadline) -> None:
    """Bring a fresh connection to where the client sends its ClientHello.

    Raises `ChannelError` for a refusal of this address, another protocol, silence or a connection cut short, and
    its branch `TlsNotOfferedError`.
    """
    try:
        if endpoint.protocol == "x":
            _start_x(sock, endpoint, deadline)
        else:
            _start_classic(sock, endpoint, deadline)
    except TimeoutError:
        raise ChannelError(
            f"{endpoint}: connected, but no {_awaited(endpoint)} within {deadline.seconds:g} s: "
            "a hung server, or another protocol"
        ) from None
    except OSError as e:
        raise ChannelError(f"{endpoint}: connection lost before TLS: {e.strerror or e}") from None


def open_tls_ready(endpoint: Endpoint, seconds: float) -> socket.socket:
    """`connect` and `start_tls` under one time limit; the socket's own time-out is set to `seconds` afterwards."""
    deadline = Deadline(seconds)
    sock = connect(endpoint, deadline)
    try:
        start_tls(sock, endpoint, deadline)
    except BaseException:
        sock.close()
        raise
    sock.settimeout(seconds)
    return sock


def _awaited(endpoint: Endpoint) -> str:
    return "answer to the request for TLS" if endpoint.protocol == "x" else "complete greeting"


def read_exactly(sock: socket.socket, count: int, deadline: Deadline) -> bytes:
    """Read `count` bytes. Raises `TimeoutError`, or `ConnectionError` at an early end."""
    data = b""
    while len(data) < count:
        sock.settimeout(deadline.left())
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise ConnectionError(f"the peer closed after {len(data)} of {count} bytes")
        data += chunk
    return data


def _start_classic(sock: socket.socket, endpoint: Endpoint, deadline: Deadline) -> None:
    # Five bytes tell a greeting (sequence 0, protocol 10) or an ERR packet from every other protocol.
    head = read_exactly(sock, 5, deadline)
    length = int.from_bytes(head[:3], "little")
    if head[3] != 0 or not 1 < length <= _GREETING_LIMIT or head[4] not in (0x0A, 0xFF):
        raise ChannelError(f"{endpoint}: not a MySQL or MariaDB server: the first bytes are {head!r}")
    payload = head[4:] + read_exactly(sock, length - 1, deadline)
    if payload[0] == 0xFF:
        raise ChannelError(f"{endpoint}: the server refuses this address: {error_text(payload)}")
    try:
        after_version = payload.index(0, 1) + 1
        # thread id (4), first part of the nonce (8), filler (1), then the lower capability bits
        (capabilities,) = struct.unpack_from("<H", payload, after_version + 13)
    except (ValueError, struct.error):
        raise ChannelError(f"{endpoint}: the greeting ends before its capability bits") from None
    if not capabilities & CLIENT_SSL:
        raise TlsNotOfferedError(f"{endpoint}: the server offers no TLS (CLIENT_SSL is not set in its greeting)")
    sock.sendall(SSL_REQUEST)


def error_text(payload: bytes) -> str:
    """`1130 Host … is not allowed` of an ERR packet, escaped and bounded."""
    number = int.from_bytes(payload[1:3], "little")
    text = payload[9:] if payload[3:4] == b"#" else payload[3:]
    shown = text[:300].decode("utf-8", "replace")
    return f"{number} " + "".join(c if c.isprintable() else "�" for c in shown)


def _start_x(sock: socket.socket, endpoint: Endpoint, deadline: Deadline) -> None:
    sock.settimeout(deadline.left())
    sock.sendall(struct.pack("<IB", len(_SET_CAPABILITIES) + 1, X_CAPABILITIES_SET) + _SET_CAPABILITIES)
    while True:
        head = read_exactly(sock, 5, deadline)
        length, kind = struct.unpack("<IB", head)
        if not 1 <= length <= _GREETING_LIMIT or kind > 32:
            raise ChannelError(f"{endpoint}: not an X Protocol server: the first bytes are {head!r}")
        body = read_exactly(sock, length - 1, deadline)
        if kind == _X_NOTICE:  # the server's hello may come first
            continue
        if kind == _X_OK:
            return
        if kind == _X_ERROR:
            raise TlsNotOfferedError(f"{endpoint}: the X Protocol endpoint refuses TLS: {body[:200]!r}")
        raise ChannelError(f"{endpoint}: unexpected X Protocol message {kind} in answer to the request for TLS")

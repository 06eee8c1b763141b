"""A ClientHello made by hand, and the server's answer to it.

What a server accepts must not depend on what this machine's OpenSSL is willing to offer: its build or policy may have
no TLS 1.0, and Python cannot choose TLS 1.3 suites. So the first flight is written here byte by byte, and the first
answer read: ServerHello (or HelloRetryRequest) means that the server chose what was offered, an alert that it refused.
Source: RFC 8446 sections 4.1 and 4.2, RFC 5246 section 7.4.1, RFC 8422 (curves), RFC 5746 (renegotiation_info).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from proofs.channels.tls.alerts import alert_name
from proofs.channels.tls.starttls import Deadline, read_exactly
from proofs.channels.tls.suites import GROUPS, KEY_EXCHANGES, SIGNATURES, VERSIONS

_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
# SHA-256 of "HelloRetryRequest": the ServerHello.random that marks one (RFC 8446 section 4.1.3)
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """What a ServerHello chose: numbers of version, suite and (TLS 1.3) group; `retry` for a HelloRetryRequest."""

    version: int
    suite: int
    group: int | None
    compression: int
    retry: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there was no ServerHello: `alert:NAME`, or `closed`."""

    code: str


class NotTlsError(Exception):
    """The answer is neither a ServerHello nor an alert."""


def client_hello(
    versions: Sequence[int], suites: Sequence[int], server_name: str, groups: Sequence[int] = GROUPS
) -> bytes:
    """One record with a ClientHello that offers exactly these versions, suites and groups.

    A range of versions below TLS 1.3 is offered by its highest, as those protocols do. Key shares go with it for those
    of the groups that have one made here; for the others a server asks again, which is its choice as well.
    """
    highest = max(versions)
    body = struct.pack("!H", min(highest, VERSIONS["TLSv1.2"])) + os.urandom(32)
    body += b"\x20" + os.urandom(32)  # a session id, as middleboxes expect (RFC 8446 appendix D.4)
    body += _vector(2, b"".join(struct.pack("!H", s) for s in suites))
    body += b"\x01\x00"  # no compression
    body += _vector(2, _extensions(versions, server_name, groups))
    message = struct.pack("!B", _CLIENT_HELLO) + len(body).to_bytes(3, "big") + body
    return struct.pack("!BH", _HANDSHAKE, VERSIONS["TLSv1"]) + _vector(2, message)


def _vector(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


def _extension(kind: int, data: bytes) -> bytes:
    return struct.pack("!H", kind) + _vector(2, data)


def _extensions(versions: Sequence[int], server_name: str, groups: Sequence[int]) -> bytes:
    data = b""
    if not _is_address(server_name):  # RFC 6066 section 3: literal addresses are not permitted
        data += _extension(0, _vector(2, b"\x00" + _vector(2, server_name.encode("idna"))))
    data += _extension(10, _vector(2, b"".join(struct.pack("!H", g) for g in groups)))
    data += _extension(11, b"\x01\x00")  # uncompressed points
    data += _extension(13, _vector(2, b"".join(struct.pack("!H", s) for s in SIGNATURES)))
    if max(versions) < VERSIONS["TLSv1.3"]:
        return data + _extension(23, b"") + _extension(0xFF01, b"\x00")
    data += _extension(_SUPPORTED_VERSIONS, _vector(1, b"".join(struct.pack("!H", v) for v in versions)))
    return data + _extension(_KEY_SHARE, _vector(2, _key_shares(groups)))


def _key_shares(groups: Sequence[int]) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, x25519  # noqa: PLC0415 - late: slow to import
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    data = b""
    if KEY_EXCHANGES["x25519"] in groups:
        public = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
        data += struct.pack("!H", KEY_EXCHANGES["x25519"]) + _vector(2, public)
    if KEY_EXCHANGES["secp256r1"] in groups:
        p = ec.generate_private_key(ec.SECP256R1()).public_key()
        point = p.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        data += struct.pack("!H", KEY_EXCHANGES["secp256r1"]) + _vector(2, point)
    return data


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def answer_to(sock: socket.socket, hello: bytes, seconds: float) -> ServerChoice | Refusal:
    """Send a ClientHello on a connection ready for TLS and read the first answer.

    Raises `TimeoutError` if there is none in time and `NotTlsError` for bytes that are no TLS.
    """
    deadline = Deadline(seconds)
    handshake = b""
    try:
        sock.sendall(hello)
        while True:
            kind, major, _, length = struct.unpack("!BBBH", read_exactly(sock, 5, deadline))
            if major != 3 or kind not in (_HANDSHAKE, _ALERT) or not 0 < length <= 1 << 14:
                raise NotTlsError(f"record type {kind}, major version {major}, {length} bytes")
            fragment = read_exactly(sock, length, deadline)
            if kind == _ALERT:
                if length != 2:
                    raise NotTlsError("an alert that is not two bytes long")
                return Refusal(f"alert:{alert_name(fragment[1])}")
            handshake += fragment
            if len(handshake) >= 4 and len(handshake) >= 4 + int.from_bytes(handshake[1:4], "big"):
                return _parse(handshake)
    except ConnectionError:
        return Refusal("closed")


def _parse(handshake: bytes) -> ServerChoice:
    if handshake[0] != _SERVER_HELLO:
        raise NotTlsError(f"handshake message {handshake[0]} in answer to a ClientHello")
    body = handshake[4 : 4 + int.from_bytes(handshake[1:4], "big")]
    try:
        version, random, id_length = struct.unpack_from("!H32sB", body)
        suite, compression = struct.unpack_from("!HB", body, 35 + id_length)
        extensions = _parse_extensions(body[38 + id_length :])
    except struct.error:
        raise NotTlsError("a ServerHello cut short") from None
    chosen, share = extensions.get(_SUPPORTED_VERSIONS), extensions.get(_KEY_SHARE)
    return ServerChoice(
        version=int.from_bytes(chosen, "big") if chosen else version,
        suite=suite,
        group=int.from_bytes(share[:2], "big") if share else None,
        compression=compression,
        retry=random == _RETRY,
    )


def _parse_extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    rest = data[2:]
    while rest:
        kind, length = struct.unpack_from("!HH", rest)
        found[kind] = rest[4 : 4 + length]
        rest = rest[4 + length :]
    return found

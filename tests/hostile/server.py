"""A server that does to a client whatever a test tells it: from silence to a MySQL that lies after the login."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

Script = Callable[[socket.socket], None]

# Client/server protocol, connection phase: capability flags (MySQL source documentation, "Capabilities Flags").
PROTOCOL_41, SSL, TRANSACTIONS, SECURE, PLUGIN_AUTH, LOCAL_FILES = 0x200, 0x800, 0x2000, 0x8000, 0x80000, 0x80
CAPABLE = 1 | 8 | LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS | SECURE | PLUGIN_AUTH
OK = b"\x00\x00\x00\x02\x00\x00\x00"
EOF = b"\xfe\x00\x00\x02\x00"


class HostileServer:
    """Listens on a loopback port and runs `script` on each connection, in a thread; a context manager."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for stream in list(self._open):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream: socket.socket) -> None:
        self._open.add(stream)
        with contextlib.suppress(OSError, EOFError, ValueError), stream:
            self._script(stream)
        self._open.discard(stream)


@contextlib.contextmanager
def never_accepting() -> Iterator[int]:
    """A port whose queue of connections is full: further ones get no answer at all, as from a black hole."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def says(data: bytes, *, then_wait: bool = False) -> Script:
    """Send these bytes; then close, or wait for the client to go."""

    def script(stream: socket.socket) -> None:
        stream.sendall(data)
        if then_wait:
            wait_for_the_end(stream)

    return script


def drips(data: bytes, seconds: float = 1.0) -> Script:
    """Send a byte at a time, over and over."""
    pause = threading.Event()

    def script(stream: socket.socket) -> None:
        while True:
            for number in data:
                stream.sendall(bytes((number,)))
                pause.wait(seconds)

    return script


def wait_for_the_end(stream: socket.socket) -> None:
    """Read until the client closes."""
    while stream.recv(65536):
        pass


def packet(payload: bytes, number: int = 0) -> bytes:
    """A protocol packet: 3 bytes of length, a sequence number, the payload."""
    return struct.pack("<I", len(payload))[:3] + bytes((number % 256,)) + payload


def greeting(version: str = "8.4.0", *, tls: bool = False) -> bytes:
    """The payload of Protocol::HandshakeV10."""
    flags = CAPABLE | (SSL if tls else 0)
    salt = b"abcdefghijklmnopqrst"
    return (
        b"\x0a" + version.encode() + b"\x00" + struct.pack("<I", 7) + salt[:8] + b"\x00"
        + struct.pack("<HBHHB", flags & 0xFFFF, 45, 2, flags >> 16, 21) + bytes(10) + salt[8:] + b"\x00"
        + b"mysql_native_password\x00"
    )  # fmt: skip


def error(number: int, message: bytes, state: bytes = b"HY000", *, greeted: bool = True) -> bytes:
    """The payload of an ERR packet; before the greeting it has no SQLSTATE."""
    return b"\xff" + struct.pack("<H", number) + (b"#" + state if greeted else b"") + message


def text(value: bytes) -> bytes:
    """A length-encoded string."""
    size = len(value)
    if size < 251:
        return bytes((size,)) + value
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + value
    if size < 1 << 24:
        return b"\xfd" + struct.pack("<I", size)[:3] + value
    return b"\xfe" + struct.pack("<Q", size) + value


class Session:
    """What a lying server does after the login: each statement is handed to `answer`."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._reader = stream.makefile("rb")
        self.number = 0

    def read(self) -> bytes:
        """The payload of the next packet. Raises `EOFError` when the client is gone."""
        head = self._reader.read(4)
        if len(head) < 4:
            raise EOFError
        self.number = head[3] + 1
        return self._reader.read(int.from_bytes(head[:3], "little"))

    def send(self, *payloads: bytes) -> None:
        """Packets, numbered on."""
        for payload in payloads:
            self.stream.sendall(packet(payload, self.number))
            self.number += 1

    def rows(self, names: Sequence[str], rows: Iterable[Sequence[bytes | None]]) -> None:
        """A whole result set."""
        self.head(names)
        for row in rows:
            self.send(b"".join(b"\xfb" if cell is None else text(cell) for cell in row))
        self.send(EOF)

    def head(self, names: Sequence[str]) -> None:
        """The columns of a result set."""
        self.send(bytes((len(names),)))
        for name in names:
            column = b"".join(map(text, (b"def", b"", b"", b"", name.encode(), b"")))
            self.send(column + b"\x0c" + struct.pack("<HIBHBH", 45, 1 << 20, 0xFD, 0, 0, 0))
        self.send(EOF)


Answer = Callable[[Session, str], None]


def liar(
    answer: Answer, certificate: Path, key: Path, *, version: str = "8.4.0", login: bytes = OK, tls_tail: bytes = b""
) -> Script:
    """A MySQL with TLS that lets everyone in (or answers the login with `login`) and then has each statement answered.

    With `tls_tail`, those raw bytes follow the TLS handshake in place of a login.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def script(stream: socket.socket) -> None:
        stream.sendall(packet(greeting(version, tls=True)))
        # Unbuffered up to the end of the SSLRequest: what follows belongs to TLS.
        size = int.from_bytes(_exactly(stream, 4)[:3], "little")
        _exactly(stream, size)
        with context.wrap_socket(stream, server_side=True) as secure:
            if tls_tail:
                # Below TLS, into its stream.
                os.write(secure.fileno(), tls_tail)
                wait_for_the_end(secure)
                return
            session = Session(secure)
            session.read()
            session.send(login)
            while True:
                command = session.read()
                if command[:1] == b"\x01":
                    return
                session.number = 1
                if command[:1] == b"\x03":
                    answer(session, command[1:].decode(errors="replace"))
                else:
                    session.send(OK)

    return script


def _exactly(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data

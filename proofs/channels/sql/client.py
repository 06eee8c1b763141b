"""One pymysql connection that says how far it got, verifies whom it talks to, and never hands out a file.

Two facts make this a subclass (PyMySQL 1.2): with `ssl` unset it upgrades to TLS by itself, so plaintext is asked
for with `ssl_disabled`; and its answer to a LOCAL INFILE request opens the file the server names.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.charset import charset_by_name
from pymysql.constants import CLIENT, COMMAND
from pymysql.cursors import SSCursor
from pymysql.err import OperationalError

from proofs.model import Database, KeyPair

if TYPE_CHECKING:
    from pymysql.protocol import MysqlPacket

COM_RESET_CONNECTION = 0x1F
"""MySQL internals, "Command Phase"; PyMySQL 1.2 has no name for it."""
MIN_OPINION_S = 0.1
MAX_OPINION_S = 1.0
MAX_LOGIN_BYTES = 1 << 20
MAX_ALTERNATIVES = 8
MAX_ANSWER_BYTES = 32 << 20
"""Read at most from the server before the login is complete, and in answer to one command: pymysql itself would
put together a packet of any size in memory."""


class AnswerTooLong(ValueError):  # noqa: N818 - its name is part of the evidence
    """The server sends more than is read."""


class NamedContext(ssl.SSLContext):
    """A client context that verifies the server under the name of the inventory, whatever address is dialled."""

    server_name: str
    attentive = False
    handshake_done = False

    def wrap_socket(self, sock: socket.socket, *_: Any, **__: Any) -> ssl.SSLSocket:
        """The TLS handshake: chain to the configured CA, validity and name are all checked (RFC 5280, RFC 6125)."""
        began = time.monotonic()
        wrapped = super().wrap_socket(sock, server_hostname=self.server_name)
        self.handshake_done = True
        if self.attentive and wrapped.version() == "TLSv1.3":
            _await_opinion(wrapped, min(MAX_OPINION_S, max(MIN_OPINION_S, 4 * (time.monotonic() - began))))
        return wrapped


def _await_opinion(stream: ssl.SSLSocket, limit_s: float) -> None:
    """Give the server time to say what it thinks of the client's certificate, before anything else is sent.

    In TLS 1.3 the client is done before the server has looked at the certificate (RFC 8446 section 4.4): a refusal
    arrives afterwards, as an alert, and whoever writes first loses it to the reset of the connection. An acceptance
    shows as session tickets; a server that sends none just costs the limit. Raises `ssl.SSLError` for an alert.
    """
    timeout = stream.gettimeout()
    if not select.select([stream], [], [], limit_s)[0]:
        return
    stream.setblocking(False)
    try:
        if stream.recv(1) == b"":
            raise ConnectionResetError("closed by the server after the TLS handshake")
        raise ssl.SSLError("the server spoke before the client's login")
    except ssl.SSLWantReadError:
        return
    finally:
        stream.settimeout(timeout)


def client_context(database: Database, keypair: KeyPair | None, *, attentive: bool) -> NamedContext:
    """A context that trusts only the target's CA and presents `keypair`. Raises `OSError` on unreadable files.

    `attentive` waits for the server's opinion of the certificate: for certificates that are expected to be refused.
    """
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = database.server_name
    # A certificate of the lab or of a site's own CA need not satisfy RFC 5280 to the letter for a login to be safe;
    # what its profile must be is judged by the certificate controls.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cafile=database.ca)
    if keypair is not None:
        context.load_cert_chain(keypair.certificate, keypair.key)
        context.attentive = attentive
    return context


TELLING_PLUGINS = (b"mysql_clear_password", b"dialog", b"sha256_password")
NO_KEY = b"no key of an unverified server is used"
"""In place of a server's RSA key: whoever answers in plaintext could hand out a key of their own, and read the
password that is encrypted to it (MySQL manual, caching_sha2_password, full authentication). pymysql fails on it."""


class DisclosureError(RuntimeError):
    """A login was given up because it would have told the password to a server that was not verified."""


class Client(pymysql.connections.Connection):
    """A connection whose `stage` tells how far it got: greeting, tls, login, session. `log_in` opens it."""

    _auth_plugin_name: str
    _get_auth_plugin_handler: Any
    _result: Any
    _sock: socket.socket | None
    server_capabilities: int
    client_flag: int

    def __init__(self, *, context: NamedContext | None, user: str, password: str, **options: Any) -> None:
        self.stage = "greeting"
        self.local_file: str | None = None
        self.negotiated_plugin: str | None = None
        self._tls_context = context
        self._offer_plugin: str | None = options.pop("offer_plugin", None)
        self._first_packet = False
        self._left = MAX_LOGIN_BYTES
        local_infile = options.pop("local_infile", False)
        super().__init__(
            user=user,
            password=password,
            ssl=context,
            ssl_disabled=context is None,
            charset="utf8mb4",
            conv={},
            cursorclass=SSCursor,
            autocommit=None,
            program_name="proof-of-controls",
            defer_connect=True,
            **options,
        )
        if local_infile:
            self.client_flag |= CLIENT.LOCAL_FILES
        self.user = user  # pymysql would turn an empty user name into "root"
        self._secure = options.get("unix_socket") is not None
        self._in_the_open = context is None and not self._secure
        if self._in_the_open:
            self.server_public_key = NO_KEY

    def log_in(self, stream: socket.socket) -> None:
        """Handshake and login over a connected stream. Raises what pymysql raises; `stage` and `reached` tell where."""
        try:
            self.connect(stream)
        except ValueError as error:
            if self._in_the_open and not isinstance(error, UnicodeError):
                raise DisclosureError("the server asked for the password itself without TLS: not told") from error
            raise
        self.stage = "session"

    @property
    def reached(self) -> str:
        """The stage, with a TLS handshake that failed told apart from a login that was refused after it."""
        if self.stage == "login" and self._tls_context is not None and not self._tls_context.handshake_done:
            return "tls"
        return self.stage

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]
        self.stage = "login"
        if self._offer_plugin is not None:
            self._auth_plugin_name = self._offer_plugin
        # What is offered is what is used, unless the server asks for another one (AuthSwitchRequest).
        self.negotiated_plugin = self._auth_plugin_name

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        # MariaDB asks for one alternative of an account after another (IDENTIFIED VIA … OR …), and for those of some
        # other account where the name is unknown; PyMySQL 1.2 itself gives up at the second AuthSwitchRequest.
        for _ in range(MAX_ALTERNATIVES):
            self.negotiated_plugin = plugin_name.decode(errors="backslashreplace")
            packet = super()._process_auth(plugin_name, auth_packet, handler)  # type: ignore[misc]
            if packet is None or not packet.is_auth_switch_request():
                return packet
            packet.read_uint8()
            plugin_name, auth_packet = packet.read_string() or b"", packet
        return packet

    def server_certificate(self) -> bytes | None:
        """The certificate the server was verified by, DER; None without TLS."""
        stream = self._sock
        return stream.getpeercert(binary_form=True) if isinstance(stream, ssl.SSLSocket) else None

    def reset_connection(self) -> None:
        """COM_RESET_CONNECTION: the session as if it had just logged in. Raises what pymysql raises."""
        self._execute_command(COM_RESET_CONNECTION, b"")
        self._read_packet()

    def change_user(self) -> None:
        """COM_CHANGE_USER to the same account, without its default schema. Raises what pymysql raises.

        No plugin is offered that an account could have, so that the server asks for a fresh answer to a fresh challenge
        (MySQL internals, "COM_CHANGE_USER" and "AuthSwitchRequest").
        """
        user: Any = self.user
        name = user.encode(self.encoding) if isinstance(user, str) else user
        collation: Any = charset_by_name(self.charset)
        attributes = b"\0" if self.server_capabilities & CLIENT.CONNECT_ATTRS else b""
        message = name + b"\0\0\0" + struct.pack("<H", collation.id) + b"none\0" + attributes
        self._execute_command(COMMAND.COM_CHANGE_USER, message)
        packet: Any = self._read_packet()
        while packet is not None and packet.is_auth_switch_request():
            packet.read_uint8()
            plugin = packet.read_string() or b""
            packet = self._process_auth(plugin, packet, self._get_auth_plugin_handler(plugin))
        if packet is not None and not packet.is_ok_packet():
            raise OperationalError(2027, "change of user: an answer that is neither OK nor an error")

    def abandon(self) -> None:
        """Close at once, without reading the rest of an answer as pymysql would do even when it is collected."""
        if self._result is not None:
            self._result.unbuffered_active = False
            self._result = None
        self._force_close()  # type: ignore[attr-defined]

    def _execute_command(self, command: int, sql: Any) -> None:
        self._first_packet = True
        self._left = MAX_ANSWER_BYTES
        super()._execute_command(command, sql)  # type: ignore[misc]

    def _read_bytes(self, num_bytes: int) -> bytes:
        self._left -= num_bytes
        if self._left < 0:
            raise AnswerTooLong("the server sends more than is read in answer to one command")
        data: bytes = super()._read_bytes(num_bytes)  # type: ignore[misc]
        return data

    def _read_packet(self, *args: Any) -> MysqlPacket:
        packet: MysqlPacket = super()._read_packet(*args)  # type: ignore[no-untyped-call]
        if self._first_packet:
            self._first_packet = False
            if packet.is_load_local_packet():
                # 0xFB in place of a result: the server wants a file of ours. It gets an empty one, and that it
                # asked is part of the evidence. (As the first byte of a row, 0xFB would only mean NULL.)
                name: bytes = packet.get_all_data()[1:257]  # type: ignore[no-untyped-call]
                self.local_file = name.decode(errors="backslashreplace")
                self.write_packet(b"")
                packet = super()._read_packet(*args)  # type: ignore[no-untyped-call]
        return packet

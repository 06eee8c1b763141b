"""A client, set up as its option file says, meets a server: the genuine one, or an impostor on loopback.

The impostor speaks just enough of the classic protocol (a greeting with CLIENT_SSL and caching_sha2_password, TLS with
the certificate it is given) to see whether the client goes on to send its login. Sources as in starttls.py.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import warnings
from typing import Any

from proofs.channels.tls.client_settings import ClientSettings
from proofs.channels.tls.endpoints import Endpoint
from proofs.channels.tls.handshake import VERSIONS
from proofs.channels.tls.starttls import (
    CLIENT_CAPABILITIES,
    CLIENT_SSL,
    POKE,
    SSL_REQUEST,
    Deadline,
    open_tls_ready,
    read_exactly,
)
from proofs.errors import ChannelError
from proofs.model import KeyPair

_PLUGIN = b"caching_sha2_password\x00"
_PACKET_LIMIT = 4096


def meet_impostor(settings: ClientSettings, server_name: str, keypair: KeyPair, seconds: float) -> dict[str, Any]:
    """Run the client against a fake server presenting `keypair`; the JSON-able answer.

    Raises `ChannelError` if the impostor's own certificate or key cannot be loaded, or nobody spoke in time.
    """
    server = _Impostor(keypair, seconds)
    error = None
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as sock:
            error = _log_in(sock, settings, server_name, Deadline(seconds))
    except OSError as e:
        raise ChannelError(f"the client and the impostor did not understand each other: {e}") from None
    finally:
        server.finish()
    return _answer(server.login_bytes, error, "the impostor")


def meet_genuine(settings: ClientSettings, server_name: str, endpoint: Endpoint, seconds: float) -> dict[str, Any]:
    """The same client against the real server, up to the point where it would send its login."""
    with open_tls_ready(endpoint, seconds) as sock:
        if not settings.tls:
            return _answer(1, None, "the genuine server, without TLS")
        secured, error = _secure(sock, settings, server_name)
        if secured is None:
            return _answer(0, error, "the genuine server")
        with secured:
            try:
                secured.sendall(POKE["classic"])  # no credentials leave: a packet that cannot be a login
                answered = bool(secured.recv(1))
            except OSError as e:
                return _answer(
                    0, f"the server ended the connection: {getattr(e, 'reason', None) or e}", "the genuine server"
                )
    return _answer(len(POKE["classic"]) if answered else 0, None if answered else "closed", "the genuine server")


def _answer(login_bytes: int, error: str | None, whom: str) -> dict[str, Any]:
    ok = login_bytes > 0
    detail = f"the client went on to log in at {whom}" if ok else f"the client turned away from {whom}: {error}"
    codes = (
        []
        if ok
        else ["local:certificate_verify_failed" if "certificate verify failed" in (error or "") else "local:refused"]
    )
    facts = {"login_bytes": login_bytes, "client_error": error}
    return {"ok": ok, "codes": codes, "detail": detail, "facts": facts}


def _log_in(sock: socket.socket, settings: ClientSettings, server_name: str, deadline: Deadline) -> str | None:
    """What a client does after the greeting: TLS as configured, then a login (a made-up user, no password)."""
    head = read_exactly(sock, 4, deadline)
    read_exactly(sock, int.from_bytes(head[:3], "little"), deadline)
    if not settings.tls:
        sock.sendall(_packet(1, _login(CLIENT_CAPABILITIES & ~CLIENT_SSL)))
        return None
    sock.sendall(SSL_REQUEST)
    secured, error = _secure(sock, settings, server_name)
    if secured is None:
        return error
    with secured:
        secured.sendall(_packet(2, _login(CLIENT_CAPABILITIES)))
        with contextlib.suppress(OSError):
            secured.recv(1)  # until the impostor hangs up
    return None


def _secure(sock: socket.socket, settings: ClientSettings, server_name: str) -> tuple[ssl.SSLSocket | None, str | None]:
    """TLS as the client would do it; the error it would show if it refuses."""
    try:
        context = _client_context(settings)
    except (OSError, ValueError) as e:
        return None, f"cannot load the client's TLS files: {getattr(e, 'strerror', None) or e}"
    try:
        return context.wrap_socket(sock, server_hostname=server_name), None
    except ssl.SSLCertVerificationError as e:
        return None, f"certificate verify failed: {e.verify_message}"
    except TimeoutError:
        raise ChannelError("the server fell silent within the TLS handshake") from None
    except OSError as e:
        return None, f"TLS handshake failed: {getattr(e, 'reason', None) or e}"


def _client_context(settings: ClientSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = settings.verify_chain and settings.verify_name
    context.verify_mode = ssl.CERT_REQUIRED if settings.verify_chain else ssl.CERT_NONE
    known = [VERSIONS[v] for v in settings.versions if v in VERSIONS]
    if known:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # an old version is what the client's file asks for
            context.minimum_version, context.maximum_version = min(known), max(known)
    if settings.verify_chain:
        if settings.ca is None and settings.ca_path is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(settings.ca, settings.ca_path)
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key, password="")
    return context


def _packet(sequence: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload) | sequence << 24) + payload


def _login(capabilities: int) -> bytes:
    head = struct.pack("<IIB23x", capabilities, 1 << 24, 45)
    return head + b"proof-of-controls\x00" + b"\x00" + _PLUGIN


class _Impostor:
    """Serves one connection on a free loopback port and counts the bytes of login it is sent."""

    def __init__(self, keypair: KeyPair, seconds: float) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            self._context.load_cert_chain(keypair.certificate, keypair.key, password="")
        except (OSError, ValueError) as e:
            raise ChannelError(f"cannot load the impostor's certificate {keypair.certificate}: {e}") from None
        self._deadline = Deadline(seconds)
        self.login_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(seconds)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="impostor", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the one connection to end."""
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        # A client that refuses ends the connection in many ways; what counts is only whether a login came.
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            with sock:
                sock.sendall(_packet(0, self._greeting()))
                head = read_exactly(sock, 4, self._deadline)
                length = int.from_bytes(head[:3], "little")
                payload = read_exactly(sock, min(length, _PACKET_LIMIT), self._deadline)
                if not int.from_bytes(payload[:4], "little") & CLIENT_SSL:
                    self.login_bytes = len(payload)
                    return
                with self._context.wrap_socket(sock, server_side=True) as secured:
                    self.login_bytes = len(secured.recv(_PACKET_LIMIT))

    @staticmethod
    def _greeting() -> bytes:
        nonce = bytes(1 + b % 127 for b in os.urandom(20))  # no NUL within
        low, high = CLIENT_CAPABILITIES & 0xFFFF, CLIENT_CAPABILITIES >> 16
        return (
            b"\x0a8.4.0\x00" + struct.pack("<I", 8) + nonce[:8] + b"\x00"
            + struct.pack("<HBHHB10x", low, 45, 2, high, 21) + nonce[8:] + b"\x00" + _PLUGIN
        )  # fmt: skip

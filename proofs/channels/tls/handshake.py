"""One handshake by Python's ssl, and the poke that shows whether the server let it stand.

Under TLS 1.3 a server judges the client's certificate after the client has finished (RFC 8446 section 4.4.2.4), so a
completed handshake proves nothing about it. After each handshake one packet that cannot be a login is sent: the
server answers it (seen on MySQL 9.7: 1043 "Bad handshake"; MariaDB 10.11: the same) only if it kept the connection.

A server that closes with the poke unread resets the connection, and the reset overtakes its alert (seen on MariaDB). So
a client with a certificate listens for a moment before it pokes: that decides only whether the alert's name is known.
"""

from __future__ import annotations

import contextlib
import ssl
import time
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from proofs.channels.tls.alerts import code_of_reason
from proofs.channels.tls.endpoints import Endpoint
from proofs.channels.tls.starttls import POKE, open_tls_ready
from proofs.channels.tls.validity import outside_validity
from proofs.errors import ChannelError
from proofs.model import KeyPair

VERSIONS: Final = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_MOMENT_S = 0.05
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL: the window is checked here, at any time asked for


@dataclass(frozen=True, slots=True)
class Offer:
    """What the client brings: versions, its certificate, the name it asks for, and what it demands of the server."""

    minimum: str
    maximum: str
    keypair: KeyPair | None
    server_name: str
    ca: str | None
    at: datetime | None


def context_for(offer: Offer) -> ssl.SSLContext:
    """A context that really offers the versions asked for, whatever this machine's OpenSSL policy says.

    Raises `ChannelError` if the certificate, key or CA cannot be loaded or OpenSSL has no such version.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = offer.ca is not None
    context.verify_mode = ssl.CERT_REQUIRED if offer.ca is not None else ssl.CERT_NONE
    try:
        with warnings.catch_warnings():
            # Offering TLS 1.0 and 1.1 is the point here; Python warns that they are deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = VERSIONS[offer.minimum]
            context.maximum_version = VERSIONS[offer.maximum]
        context.set_ciphers("ALL:@SECLEVEL=0")
    except (ssl.SSLError, ValueError) as e:
        raise ChannelError(f"this machine's {ssl.OPENSSL_VERSION} cannot offer {offer.minimum}: {e}") from None
    if offer.ca is not None:
        context.verify_flags |= _NO_CHECK_TIME
        _load(lambda: context.load_verify_locations(offer.ca), "CA", offer.ca)
    if offer.keypair is not None:
        pair = offer.keypair
        # The empty password makes an encrypted key an error; without it OpenSSL would ask on the terminal.
        _load(lambda: context.load_cert_chain(pair.certificate, pair.key, password=""), "certificate", pair.certificate)
    return context


def _load(load: Any, what: str, path: str) -> None:
    try:
        load()
    except (OSError, ValueError) as e:
        raise ChannelError(f"cannot load the {what} {path} or its key: {getattr(e, 'strerror', None) or e}") from None


def shake_hands(endpoint: Endpoint, offer: Offer, seconds: float) -> dict[str, Any]:
    """One handshake; the JSON-able answer {"ok", "codes", "detail", "facts"}.

    Raises `ChannelError` if it never came to a handshake, or the server fell silent within it.
    """
    context = context_for(offer)
    raw = open_tls_ready(endpoint, seconds)
    facts: dict[str, Any] = {"version": None, "cipher": None, "chain": [], "verify_error": None, "method": "ssl"}
    sock = context.wrap_socket(
        raw, server_hostname=offer.server_name, do_handshake_on_connect=False, suppress_ragged_eofs=False
    )
    with sock:
        code = None
        began = time.monotonic()
        try:
            sock.do_handshake()
            moment = max(_MOMENT_S, 3 * (time.monotonic() - began)) if offer.keypair is not None else 0.0
            facts.update(version=sock.version(), cipher=(sock.cipher() or [None])[0], chain=_pems(sock, "unverified"))
            if offer.ca is not None:
                facts["verify_error"] = outside_validity(_pems(sock, "verified"), offer.at)
                code = "local:certificate_verify_failed" if facts["verify_error"] else None
            if code is None:
                facts["after"], code = _poke(sock, endpoint, moment, seconds)
        except ssl.SSLCertVerificationError as e:
            facts["verify_error"] = e.verify_message
            code = "local:certificate_verify_failed"
        except TimeoutError:
            raise ChannelError(f"{endpoint}: the server fell silent within the TLS handshake ({seconds:g} s)") from None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError, ConnectionError):
            code = "closed"
        except ssl.SSLError as e:
            code = "closed" if "UNEXPECTED_EOF" in (e.reason or "") else code_of_reason(e.reason)
        except OSError as e:
            raise ChannelError(f"{endpoint}: connection failed within the TLS handshake: {e.strerror or e}") from None
    return _answer(endpoint, offer, facts, code)


def _poke(sock: ssl.SSLSocket, endpoint: Endpoint, moment: float, seconds: float) -> tuple[str, str | None]:
    """What came after the handshake (`answered`, `silence`, `refused`) and the code of a refusal."""
    try:
        if moment:
            sock.settimeout(moment)
            with contextlib.suppress(TimeoutError):
                return ("answered", None) if sock.recv(1) else ("refused", "closed")
        sock.settimeout(seconds)
        sock.sendall(POKE[endpoint.protocol])
        if sock.recv(1):
            return "answered", None
    except TimeoutError:
        # Alert or end come as soon as the server has judged the client's flight: silence is no refusal.
        return "silence", None
    except (ssl.SSLZeroReturnError, ssl.SSLEOFError, ConnectionError):
        return "refused", "closed"
    except ssl.SSLError as e:
        return "refused", code_of_reason(e.reason)
    return "refused", "closed"


def _pems(sock: ssl.SSLSocket, which: str) -> list[str]:
    """The peer's chain in PEM, leaf first. Python has it public from 3.13 on, the same call on `_sslobj` before."""
    name = f"get_{which}_chain"
    public = getattr(sock, name, None)
    if public is not None:
        return [ssl.DER_cert_to_PEM_cert(der) for der in public()]
    chain = getattr(sock._sslobj, name)()  # type: ignore[attr-defined]
    return [certificate.public_bytes(1) for certificate in chain or []]  # 1: _ssl.ENCODING_PEM


def _answer(endpoint: Endpoint, offer: Offer, facts: dict[str, Any], code: str | None) -> dict[str, Any]:
    offered = offer.minimum if offer.minimum == offer.maximum else f"{offer.minimum} to {offer.maximum}"
    if code is None:
        detail = f"{endpoint.name}: {offered} accepted: {facts['version']}, {facts['cipher']}"
    else:
        why = f" ({facts['verify_error']})" if facts["verify_error"] else ""
        detail = f"{endpoint.name}: {offered} ended with {code}{why}"
    return {"ok": code is None, "codes": [] if code is None else [code], "detail": detail, "facts": facts}

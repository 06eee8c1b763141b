"""A connect through a port forwarder that accepts before the host answers, such as QEMU's `hostfwd`.

A user-mode network stack completes the handshake with the prover by itself and only then connects to the host: an
accepted connect proves nothing. What the host did shows afterwards. A service that speaks first sends a byte; a refusal
closes the connection; a dropped packet leaves silence.
"""

from __future__ import annotations

import socket
import time

from proofs.errors import ChannelError
from proofs.model import Json

_SILENCE = "nothing came: dropped, or a service that waits for its client to speak first"
_CLOSED = "closed without a byte: refused, or a service that hangs up at once"


def through_forwarder(forwarder: str, port: int, seconds: float) -> Json:
    """{ok, code, detail, families, note}; open only if a byte came from behind the forwarder (it is not kept).

    `forwarder` is `ADDRESS:PORT`. Raises `ChannelError` if the forwarder itself is not reached.
    """
    address, _, at = forwarder.rpartition(":")
    deadline = time.monotonic() + seconds
    try:
        with socket.create_connection((address.strip("[]"), int(at)), seconds) as sock:
            code, said = _heard(sock, deadline)
    except ConnectionResetError:  # accepted and reset before connect(2) was back
        code, said = "refused", _CLOSED
    except OSError as e:
        raise ChannelError(f"the forwarder {forwarder} to port {port} is not reached: {e.strerror or e}") from None
    return {
        "ok": code is None,
        "code": code,
        "detail": f"port {port} through the forwarder {forwarder}: {code or 'open'}",
        "note": f"the forwarder accepts by itself; {said}",
        "families": [],
        "forwarder": forwarder,
    }


def _heard(sock: socket.socket, deadline: float) -> tuple[str | None, str]:
    try:
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        return (None, "a byte came") if sock.recv(1) else ("refused", _CLOSED)
    except TimeoutError:
        return "timeout", _SILENCE

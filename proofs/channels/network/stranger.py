"""An SSH login that is to fail: an account that no host has, no key, no password (ssh(1)).

The first request for authentication names the account; that sshd refuses it is what it logs and fail2ban counts. The
host is known by its key, so what answers at the vantage's way is the very machine that is proven.
"""

from __future__ import annotations

import math
import re
import subprocess
from urllib.parse import urlsplit

from proofs.channels import ssh
from proofs.errors import ChannelError
from proofs.model import STRANGER, Host, Json, Vantage

LOGIN_S = 30.0
"""For the whole login; key exchange is slow on emulated machines."""
_MOST_BYTES = 1 << 16
_WORDS = (  # what OpenSSH's client says of it, errors of connect(2) as strerror(3) has them in the C locale
    (re.compile(r"Permission denied \([^()]*\)\.$"), "denied"),
    (re.compile(r"Connection refused$"), "refused"),
    (re.compile(r"(No route to host|Network is unreachable|Host is unreachable)$"), "unreachable"),
    (re.compile(r"(timed out|timed out during banner exchange)$"), "timeout"),
    (re.compile(r"(Connection (closed|reset) by |Connection to \S+ closed by )"), "refused"),
)


def log_in(way: str, place: Vantage, host: Host, seconds: float) -> Json:
    """{ok, code, detail, note, families} of a login by a way, `ADDRESS:PORT` of the host or of a forwarder to it.

    Raises `ChannelError` for another host key, and for what says nothing of the host.
    """
    argv = _argv(way, place, host, seconds)
    with ssh.running(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        said, status = _heard(process)
    detail = f"SSH login as {STRANGER} by {way} from {place.name}"
    code = None
    if status != 0:
        # A ban that comes in the middle of a login may leave ssh without a word.
        lines = [line.strip() for line in said.splitlines() if line.strip()] or ["Connection closed by the host"]
        code = "timeout" if status is None else next((c for line in lines[::-1] if (c := _code(line))), None)
        if code is None:
            raise ChannelError(f"{detail}: {lines[-1][:300]!a}")
    return {"ok": code is None, "code": code, "detail": f"{detail}: {code or 'let in'}", "note": None, "families": []}


def _argv(way: str, place: Vantage, host: Host, seconds: float) -> list[str]:
    address, _, port = way.rpartition(":")
    more = {"BindAddress": place.source_address} if place.source_address else {}
    options = ssh.options(
        None,
        host.known_hosts,
        HostKeyAlias=_known_as(host),
        PreferredAuthentications="none",
        PubkeyAuthentication="no",
        ControlPath="none",
        ConnectTimeout=str(math.ceil(seconds)),
        ClearAllForwardings="yes",
        RequestTTY="no",
        LogLevel="ERROR",
        **more,
    )
    # No configuration of the prover's: it could lead another way, and the wrong address would be banned.
    argv = ["ssh", "-F", "none", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    return [*argv, "-p", port, "-l", STRANGER, "--", address.strip("[]"), "true"]


def _known_as(host: Host) -> str:
    """What the host is called in known_hosts: by name, or `[name]:port` for a port of its own (sshd(8))."""
    known = urlsplit(host.connection)
    if known.scheme != "ssh" or not known.hostname:
        raise ChannelError("the host is reached by another way than SSH, so its key is not known")
    return f"[{known.hostname}]:{known.port}" if known.port not in (None, 22) else known.hostname


def _code(line: str) -> str | None:
    return next((code for pattern, code in _WORDS if pattern.search(line)), None)


def _heard(process: subprocess.Popen[bytes]) -> tuple[str, int | None]:
    """What ssh said, and its exit status; None where it did not end in time."""
    try:
        _, said = ssh.drained(process, LOGIN_S, _MOST_BYTES)
    except TimeoutError:
        return "", None
    except OverflowError:
        raise ChannelError("ssh said more than is read") from None
    return said.decode("utf-8", "replace"), process.returncode

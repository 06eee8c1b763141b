"""A connect that a bastion makes for the prover: `ssh -W`, a stream forwarded and nothing sent on it (ssh(1)).

What became of the connect stands in what the prover's own ssh writes to stderr at debug level 2: the server's
CHANNEL_OPEN_CONFIRMATION or CHANNEL_OPEN_FAILURE (RFC 4254, 5.1) with the words of connect(2) on the bastion. Only what
comes after `Authenticated to` counts: everything else is a failure of the bastion, and no evidence about the host.
"""

from __future__ import annotations

import math
import os
import re
import selectors
import subprocess
import time
from urllib.parse import urlsplit

from proofs.channels import ssh
from proofs.errors import ChannelError
from proofs.model import Json, Vantage

LOGIN_S = 15
_MOST_BYTES = 1 << 20
_AUTHENTICATED = re.compile(r"^Authenticated to ")
_OPEN = re.compile(r"^debug2: channel \d+: open confirm ")
_FAILED = re.compile(r"^channel \d+: open failed: (?P<why>.*)")
_WORDS = {  # what sshd answers for connect(2): strerror(3) in the C locale
    "connect failed: Connection refused": "refused",
    "connect failed: Connection timed out": "timeout",
    "connect failed: No route to host": "unreachable",
    "connect failed: Network is unreachable": "unreachable",
    "connect failed: Host is unreachable": "unreachable",
}


def through_bastion(place: Vantage, host: str, port: int, seconds: float) -> Json:
    """{ok, code, detail, families, note}. The bastion resolves the name, and tries the addresses one after the other.

    Raises `ChannelError` where the bastion is not reached, lets nobody in, forwards nothing or cannot resolve the name.
    """
    # Its input is kept open: an end of file would be passed on to the host.
    with ssh.running(_argv(place, host, port), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        code = _outcome(process, place.name, seconds)
    where = f"{host} port {port} from {place.name}"
    family = "IPv6" if ":" in host else "IPv4" if re.fullmatch(r"[0-9.]+", host) else None
    tried = [{"family": family, "address": host, "ok": code is None, "code": code}] if family else []
    note = "through a bastion" if family else "through a bastion, which resolved the name"
    return {
        "ok": code is None,
        "code": code,
        "detail": f"{where}: {code or 'open'}",
        "note": note,
        "families": tried,
    }


def _argv(place: Vantage, host: str, port: int) -> list[str]:
    bastion = urlsplit(place.through or "")
    options = ssh.options(
        place.identity_file,
        place.known_hosts,
        ControlMaster="no",
        ControlPath="none",
        ConnectTimeout=str(math.ceil(LOGIN_S)),
        LogLevel="DEBUG2",
    )
    argv = ["ssh", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    argv += ["-W", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    argv += ["-p", str(bastion.port)] if bastion.port else []
    argv += ["-l", bastion.username] if bastion.username else []
    return [*argv, "--", bastion.hostname or ""]


def _outcome(process: subprocess.Popen[bytes], name: str, seconds: float) -> str | None:
    """None for open, or the code; `ChannelError` for all that is the bastion's."""
    deadline, inside, taken, rest = time.monotonic() + LOGIN_S, False, 0, b""
    last = "ssh said nothing"
    stderr = process.stderr
    if stderr is None:
        raise ChannelError("ssh was started without its errors")
    with selectors.DefaultSelector() as selector:
        selector.register(stderr, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                if inside:
                    return "timeout"
                raise ChannelError(f"the bastion of vantage {name} let nobody in within {LOGIN_S} s")
            chunk = os.read(stderr.fileno(), 1 << 16)
            taken += len(chunk)
            if not chunk or taken > _MOST_BYTES:
                raise ChannelError(f"the bastion of vantage {name}: {last!a}")
            *lines, rest = (rest + chunk).split(b"\n")
            for line in (raw.decode("utf-8", "replace").strip() for raw in lines):
                last = last if line.startswith("debug") or not line else line[:300]
                if not inside and _AUTHENTICATED.match(line):
                    inside, deadline = True, time.monotonic() + seconds
                elif inside and _OPEN.match(line):
                    return None
                elif inside and (failed := _FAILED.match(line)):
                    code = _WORDS.get(failed["why"])
                    if code is None:
                        raise ChannelError(f"the bastion of vantage {name}: {failed['why'][:300]!a}")
                    return code

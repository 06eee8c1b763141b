"""What a running sshd offers whoever asks: its algorithms (RFC 4253, section 7.1) and its ways to prove who one is.

OpenSSH's client tells both (ssh(1), `LogLevel=DEBUG2`) of a login that proves nothing and so is refused. It goes the
prover's own way, by proxies and all, and to the host that known_hosts names.
"""

from __future__ import annotations

import re

from proofs.channels.host.access import Access
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host, Json

_PROPOSAL = "debug2: peer server KEXINIT proposal"
_LISTS = {  # what the client calls them, and what sshd_config(5) does
    "KEX algorithms": "kexalgorithms",
    "host key algorithms": "hostkeyalgorithms",
    "ciphers ctos": "ciphers",
    "ciphers stoc": "ciphers",
    "MACs ctos": "macs",
    "MACs stoc": "macs",
}
_LINE = re.compile(r"debug2: (?P<what>[A-Za-z ]+): (?P<names>\S{1,4000})\s*")
_REFUSED = re.compile(r"\S+: Permission denied \((?P<methods>[a-z,-]{1,500})\)\.\s*")
_SIGNS = ("ext-info-s", "kex-strict-s-v00@openssh.com")
"""In the list of key exchanges, but none: RFC 8308, section 2.1; OpenSSH's PROTOCOL, section 1.10."""


def offered(host: Host) -> Json:
    """What `HostChannel.ssh_offer` answers, of a connection of its own. Raises as it does."""
    if not host.connection.startswith("ssh://"):
        raise Indeterminate("the host is not reached over SSH, so what its sshd offers is not seen (host.connection)")
    silent = {"PreferredAuthentications": "none", "PubkeyAuthentication": "no"}
    access = Access(host, ControlMaster="no", ControlPath="none", LogLevel="DEBUG2", **silent)
    try:
        result = access.run("true", refusable=True)
    finally:
        access.close()
    said = result.stderr_bytes.decode("utf-8", "replace").splitlines()
    return {**_algorithms(said), "let_in": result.rc != 255, "methods": _methods(said) if result.rc == 255 else []}


def _algorithms(said: list[str]) -> dict[str, list[str]]:
    if said.count(_PROPOSAL) != 1:
        # None: sshd hung up, or the client tells it in other words. Several: not all of them are of this host.
        raise ChannelError(f"ssh tells of {said.count(_PROPOSAL)} offers of sshd, not of one: {_last(said)}")
    found: dict[str, list[str]] = {}
    told = set()
    for line in said[said.index(_PROPOSAL) + 1 :]:
        match = _LINE.fullmatch(line)
        if match and match["what"] in _LISTS and match["what"] not in told:
            told.add(match["what"])
            names = found.setdefault(_LISTS[match["what"]], [])
            names += [each for each in match["names"].split(",") if each not in (*names, *_SIGNS)]
    if missing := sorted(set(_LISTS) - told):
        raise ChannelError(f"ssh does not tell what sshd offers: no line of {', '.join(missing)}")
    return found


def _methods(said: list[str]) -> list[str]:
    # The client's own last word: whatever a banner holds came before it.
    match = _REFUSED.fullmatch(said[-1])
    if match is None:
        raise ChannelError(f"ssh does not tell how people may log in: {_last(said)}")
    return match["methods"].split(",")


def _last(said: list[str]) -> str:
    return ascii(said[-1][:300]) if said else "it said nothing"

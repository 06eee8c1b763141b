"""Which process on the host is the server that answers the prover."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import HostChannel, SqlChannel

_OWNER = re.compile(r'\("(?P<name>[^"]*)",pid=(?P<pid>[0-9]+),fd=[0-9]+\)')


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening TCP or bound UDP socket as ss(8) shows it; `owners` are (program, pid)."""

    protocol: str
    address: str
    port: int
    owners: tuple[tuple[str, int], ...]

    @property
    def loopback(self) -> bool:
        """It is reached from the host itself only."""
        address = self.address.partition("%")[0]
        return address not in ("*", "") and ip_address(address).is_loopback


def sockets(machine: HostChannel) -> list[Socket]:
    """Every listening TCP and bound UDP socket. `Indeterminate` for lines of another form and without any."""
    found = []
    for line in machine.command("sockets").lines:
        fields = line.split(None, 6)
        address, _, port = fields[4].rpartition(":") if len(fields) > 5 else ("", "", "")
        if not port.isdigit():
            raise Indeterminate(f"ss answered in another format: {line[:200]!a}")
        owners = tuple((m["name"], int(m["pid"])) for m in _OWNER.finditer(fields[6] if len(fields) > 6 else ""))
        found.append(Socket(fields[0], address.strip("[]"), int(port), owners))
    if not found:
        raise Indeterminate("the host shows no socket at all, not even its own for SSH")
    return found


def server_pid(machine: HostChannel, sql: SqlChannel) -> int:
    """The process that listens on the port that the server itself names.

    `Indeterminate` where none or several do, for then what is seen of a process need not be true of the server.
    """
    port = sql.variable("port")
    listening = [s for s in sockets(machine) if s.protocol == "tcp" and str(s.port) == port]
    pids = {pid for socket in listening for _, pid in socket.owners}
    if len(pids) != 1:
        raise Indeterminate(f"port {port} is listened on by {len(pids)} processes the host names, not by one")
    return pids.pop()


def service_of(target: Target) -> str:
    """The systemd unit of the server. `Indeterminate` where the inventory does not name it."""
    if target.host is None or target.host.service is None:
        raise Indeterminate("the inventory does not name the server's systemd unit (host.service)")
    return target.host.service

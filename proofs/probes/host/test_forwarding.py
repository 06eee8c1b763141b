"""Control log-forwarding-active."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from proofs.errors import Indeterminate
from proofs.model import Json, LogForwarding, ParameterValue, Target
from proofs.ports import HostChannel
from proofs.probes.host.units import runs_now_and_at_boot
from proofs.probes.transport.settings import number

_LINE = re.compile(
    r"(?:<[0-9]{1,3}>1 )?(?P<time>\S+) (?P<node>\S+) (?P<program>[^\s\[\]:]+)"
    r"(?:\[[0-9]+\]:| \S+ \S+ (?:-|\[.*\]))\s+\ufeff?(?P<message>\S.*)"
)
"""A message of RFC 5424, or a line as rsyslog writes it to files (RSYSLOG_FileFormat). The older form has no year."""


def test_forwarder_runs_now_and_at_boot(machine: HostChannel, target: Target) -> None:
    """The unit that forwards is active and enabled."""
    runs_now_and_at_boot(machine, _forwarding(target).unit)


def test_a_login_arrives(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """The prover logs in, and what sshd logs of just that login is received soon, of this host and of this moment.

    sshd(8) logs `Accepted METHOD for USER from ADDRESS port PORT` with LogLevel INFO, the default (sshd_config(5)). The
    client's port, as the host itself sees it, tells this login from every other.
    """
    if _forwarding(target).received is None:
        raise Indeterminate("the inventory does not say where the log is received (host.log_forwarding.received)")
    seen = machine.login_received(number(params, "max_wait_s"))
    login = seen["login"]
    who = f"the login of {login['user']!a} from {login['address']!a} port {login['port']!a}"
    if not seen["lines"] and seen["cut"]:
        raise Indeterminate(f"so much was received that not all of it was read; {who} was not in the rest")
    assert seen["lines"], f"{who} was not received within {seen['waited_s']:.0f} s ({seen['arrived']} other lines were)"
    entries = [found for line in seen["lines"] if (found := _entry(line, login))]
    if not entries:
        raise Indeterminate(f"{who} was received in another form: {seen['lines'][0][:200]!a}")
    names = sorted({node for node, _ in entries})
    times = [at for node, at in entries if _short(node) == _short(login["node"])]
    assert times, f"{who} was received as one at {', '.join(names)[:200]!a}, this host is {login['node']!a}"
    age, most = min((login["clock"] - at for at in times), key=abs), number(params, "max_age_s")
    assert abs(age) <= most, f"{who} was received as of {age:.0f} s before it by the host's clock, {most} s are allowed"


def _forwarding(target: Target) -> LogForwarding:
    if target.host is None or target.host.log_forwarding is None:
        raise Indeterminate("the inventory does not say how the log leaves the host (host.log_forwarding)")
    return target.host.log_forwarding


def _entry(line: str, login: Json) -> tuple[str, float] | None:
    """Name of the host and time of a line in which sshd tells of this login; None for any other line."""
    found = _LINE.fullmatch(line.rstrip("\r"))
    if found is None or not found["program"].startswith("sshd"):
        return None
    user, address, port = (re.escape(str(login[name])) for name in ("user", "address", "port"))
    if not re.fullmatch(rf"Accepted \S+ for {user} from {address} port {port}(?: .*)?", found["message"]):
        return None
    try:
        at = datetime.fromisoformat(found["time"])
    except ValueError:
        return None
    return (found["node"], at.timestamp()) if at.tzinfo else None


def _short(name: str) -> str:
    """The first label: a name with and without its domain is the same host's."""
    return name.partition(".")[0].casefold()

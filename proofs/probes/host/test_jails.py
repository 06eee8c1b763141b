"""Control fail2ban-active: what its jails see, whom they spare, and what a ban closes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.certificates.material import server_path
from proofs.probes.host.jails import actions_of, ask, exempt, last, named
from proofs.probes.host.netfilter import Spans
from proofs.probes.host.server import service_of
from proofs.probes.host.units import properties
from proofs.probes.transport.paths import place
from proofs.probes.transport.settings import number, setting, texts

WIDEST = 8
"""A network of a shorter prefix than that of 10.0.0.0/8 is no network of one's own."""
_ALL = "0:65535"
_DENIED = "Access denied"
_SSH_UNIT = re.compile(r"sshd?(@[A-Za-z0-9._:-]{0,60})?\.service")
_SERVICES = {"ssh": 22, "mysql": 3306}
"""Names of ports as /etc/services has them, for the ports that are asked for here."""


def test_jails_watch_a_log(machine: HostChannel, target: Target) -> None:
    """Each jail reads a log file that is there, or matches the journal, and looks for something in it."""
    for what in ("database", "ssh"):
        jail = named(target, what)
        files = _files(machine, jail)
        journal = ask(machine, "journalmatch", jail)
        assert files or not journal.startswith("No journal match"), f"jail {jail} watches no log at all"
        for path in files:
            kind = place(machine, path)[0]["type"]
            assert kind == "regular file", f"jail {jail} watches {path!a}, a {kind}"
        sought = ask(machine, "failregex", jail)
        assert not sought.startswith("No regular expression"), f"jail {jail} looks for nothing (failregex)"
        if what == "database":
            assert _DENIED in sought, f"jail {jail} does not look for {_DENIED!r}, which the server writes (failregex)"
        elif not files:
            _of_sshd(machine, jail, journal)


def test_database_s_jail_reads_the_server_s_log(machine: HostChannel, sql: SqlChannel, target: Target) -> None:
    """The log that the database's jail reads is the one that the server writes, by the server's own word (`log_error`).

    A server that logs to its standard error is in the journal of its unit: systemd.exec(5), StandardError=.
    """
    jail = named(target, "database")
    value, files = setting(sql, "log_error"), _files(machine, jail)
    if value not in ("", "stderr"):
        written = place(machine, posixpath.normpath(server_path(sql, value)))[0]["path"]
        read = [str(place(machine, path)[0]["path"]) for path in files]
        assert written in read, f"jail {jail} reads {', '.join(read)[:200]!a}, the server writes to {written!a}"
        return
    journal = ask(machine, "journalmatch", jail)
    unit = properties(machine, service_of(target)).get("Id")
    if {f"_SYSTEMD_UNIT={unit}", "_COMM=mysqld", "_COMM=mariadbd"} & set(journal.split()):
        return
    assert files, f"jail {jail} matches {last(journal)} in the journal, and not the server's unit"
    raise Indeterminate(f"the server logs to the journal: whether that gets into {files[0]!a} was not seen")


def test_nobody_who_gets_in_is_spared(
    machine: HostChannel, sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """No jail exempts more than a few addresses of those that the firewall lets in; no line, no command does.

    jail.conf(5): `ignoreip`, `ignorecommand`, `ignoreregex`. What a command or an expression spares was not seen.
    """
    most = number(params, "most_exempt")
    for what in ("database", "ssh"):
        jail = named(target, what)
        spared = exempt(machine, jail)
        wide = [each for each in spared if each.prefixlen < WIDEST]
        assert not wide, f"jail {jail} exempts {', '.join(map(str, wide))} from bans (ignoreip)"
        admitted = _admitted(target, _ports(machine, sql, what))
        together = sum((admitted[family] & _spans(spared, family)).size for family in (4, 6))
        assert together <= most, (
            f"jail {jail} exempts {together} of the addresses that the firewall lets in, at most {most} are expected: "
            f"{', '.join(map(str, spared))[:200]}"
        )
        command = machine.command("fail2ban-ignorecommand", jail=jail)
        if command.status != 0 or command.stdout.strip():
            raise Indeterminate(f"whom jail {jail} exempts is decided by a command: {last(command.stdout)}")
        if not ask(machine, "ignoreregex", jail).startswith("No regular expression"):
            raise Indeterminate(f"jail {jail} passes over lines of its log (ignoreregex): which, was not seen")


def test_bans_close_the_port(
    machine: HostChannel, sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """A ban closes the port that was attacked, for one action of each jail at least.

    Actions called `…allports`, and those without a port of their own, keep an address out altogether.
    """
    known = texts(params, "banning_actions")
    for what in ("database", "ssh"):
        jail = named(target, what)
        wanted = _ports(machine, sql, what)
        shown = {action: _shown(machine, jail, action) for action in actions_of(machine, jail, known)}
        assert any(not wanted - _spans_of(text) for text in shown.values()), (
            f"bans of jail {jail} do not close port {', '.join(str(first) for first, _ in wanted.pairs)}: "
            f"{', '.join(f'{action} closes {text!a}' for action, text in shown.items())[:200]}"
        )


def _of_sshd(machine: HostChannel, jail: str, journal: str) -> None:
    """What is matched in the journal is sshd's: a unit by its own name, or the program that logs.

    `sshd` is but an alias of Debian's `ssh`, and the journal has a unit's own name; the program is sshd-session since
    OpenSSH 9.8.
    """
    words = set(journal.split())
    for word in sorted(words):
        unit = word.removeprefix("_SYSTEMD_UNIT=")
        if unit != word and _SSH_UNIT.fullmatch(unit):
            shown = properties(machine, unit)
            if shown.get("Id") == unit and shown.get("ActiveState") == "active":
                return
    programs = {line.split(None, 3)[-1] for line in machine.command("processes").lines}
    logging = "sshd-session" if "sshd-session" in programs else "sshd"
    assert f"_COMM={logging}" in words, (
        f"jail {jail} matches {last(journal)} in the journal, where sshd's messages come from {logging}"
    )


def _files(machine: HostChannel, jail: str) -> list[str]:
    return re.findall(r"^[|`]- (/.+)$", ask(machine, "logpath", jail), re.MULTILINE)


def _ports(machine: HostChannel, sql: SqlChannel, what: str) -> Spans:
    """The ports that the server itself names, or sshd: sshd(8), -T."""
    lines = machine.command("sshd-effective").lines if what == "ssh" else [f"port {setting(sql, 'port')}"]
    found = [int(m[1]) for line in lines if (m := re.fullmatch(r"port ([0-9]{1,5})", line.strip(), re.IGNORECASE))]
    if not found:
        raise Indeterminate(f"the port of {what} was not seen")
    return Spans.of((port, port) for port in found)


def _admitted(target: Target, ports: Spans) -> dict[int, Spans]:
    """Whom the inventory's firewall lets in to these ports, by family of addresses."""
    policy = (target.host.firewall if target.host else None) or ()
    sources = [ip_network(s, strict=False) for each in policy if each.port in ports for s in each.sources]
    return {family: _spans(sources, family) for family in (4, 6)}


def _spans(networks: Iterable[IPv4Network | IPv6Network], family: int) -> Spans:
    return Spans.of(pair for each in networks if each.version == family for pair in Spans.network(each).pairs)


def _shown(machine: HostChannel, jail: str, action: str) -> str:
    """What an action of a jail closes, as fail2ban-client shows it: `ssh`, `3306,33060`, `0:65535`."""
    answer = machine.command("fail2ban-port", jail=jail, action=action)
    if "allports" in action or (answer.status and "has no attribute" in answer.stdout + answer.stderr):
        return _ALL
    if answer.status or not answer.stdout.strip():
        raise Indeterminate(f"what {action} of jail {jail} closes was not seen: {last(answer.stdout + answer.stderr)}")
    return answer.stdout.strip()


def _spans_of(text: str) -> Spans:
    """Ports of such a list. `Indeterminate` for a name that is not known here."""
    pairs = []
    for each in re.split(r"[\s,]+", text):
        first, _, end = each.replace("-", ":").partition(":")
        numbers = [str(_SERVICES.get(word, word)) for word in (first, end or first)]
        if not all(word.isdecimal() for word in numbers):
            raise Indeterminate(f"which port {each[:40]!a} is was not seen")
        pairs.append((int(numbers[0]), int(numbers[1])))
    return Spans.of(pairs)

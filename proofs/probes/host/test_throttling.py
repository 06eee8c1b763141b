"""Control fail2ban-active."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.jails import actions_of, ask, last, named, number_of
from proofs.probes.host.units import runs_now_and_at_boot
from proofs.probes.transport.settings import number, setting, texts

SERVICE = "fail2ban.service"


def test_service_runs_now_and_at_boot(machine: HostChannel) -> None:
    """The unit is active and enabled, and the server answers at its socket."""
    runs_now_and_at_boot(machine, SERVICE)
    answer = machine.command("fail2ban-status")
    assert answer.status == 0, f"fail2ban's server does not answer: {last(answer.stderr or answer.stdout)}"


def test_jails_ban(machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """Each jail of the inventory exists and has an action that keeps an address out, not just one that tells of it."""
    for jail in _jails(target):
        answer = ask(machine, "jail", jail)
        assert answer.startswith(f"Status for the jail: {jail}"), f"jail {jail}: {answer[:200]!a}"
        actions_of(machine, jail, texts(params, "banning_actions"))


def test_jails_ban_soon_and_for_long(
    machine: HostChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """`maxretry`, `findtime` and `bantime` are within the parameters; a negative bantime is for ever (jail.conf(5))."""
    for jail in _jails(target):
        retries, window, ban = (number_of(machine, name, jail) for name in ("maxretry", "findtime", "bantime"))
        most, shortest = number(params, "most_retries"), number(params, "shortest_ban_s")
        assert retries <= most, f"jail {jail} lets {retries} attempts pass, at most {most} are expected"
        assert ban < 0 or ban >= shortest, f"jail {jail} bans for {ban} s, at least {shortest} are expected"
        shortest = number(params, "shortest_window_s")
        assert window >= shortest, f"jail {jail} forgets after {window} s, at least {shortest} are expected"


def test_database_tells_of_refused_logins(sql: SqlChannel, target: Target) -> None:
    """The database's log holds refused logins, without which a jail that reads it sees nothing.

    MySQL Reference Manual, `log_error_verbosity` (3: information, with access-denied messages); MariaDB Knowledge Base,
    `log_warnings` (2 and more).
    """
    named(target, "database")
    name, least = ("log_warnings", 2) if target.engine == "mariadb" else ("log_error_verbosity", 3)
    value = setting(sql, name)
    assert value.isdecimal() and int(value) >= least, f"{name} is {value!a}; refused logins are logged from {least} on"


def _jails(target: Target) -> list[str]:
    for what in ("database", "ssh"):
        named(target, what)
    assert target.host is not None
    return list(target.host.jails.values())

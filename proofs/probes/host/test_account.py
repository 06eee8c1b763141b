"""Control dedicated-service-account."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.process import capabilities, core_limits, ids, status_of
from proofs.probes.host.server import server_pid, service_of
from proofs.probes.host.units import properties
from proofs.probes.transport.settings import ON, setting, texts

_SERVER = re.compile(r"(mysqld|mariadbd)([-_].*)?")
_HELPERS = re.compile(r"(mysqld|mariadbd)[-_](safe|multi|safe_helper|exporter)")
_EXPOSURE = re.compile(r"Overall exposure level for \S+: ([0-9]+\.[0-9]+)")


def test_the_server_is_not_root(machine: HostChannel, sql: SqlChannel) -> None:
    """None of the four user numbers and four group numbers of the server's process, nor a further group, is root's.

    Real, effective, saved and file system id: with a saved one of root the process can become root again (setuid(2)).
    STIG MYS8-00-008400, MADB-10-002700.
    """
    status = status_of(machine, server_pid(machine, sql))
    for name in ("Uid", "Gid"):
        assert 0 not in ids(status, name), f"the server's process runs with {name} {status[name]} (0 is root)"
    assert "0" not in status.get("Groups", "").split(), "the server's process is in the group root"


def test_the_account_is_for_the_server_alone(
    machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]
) -> None:
    """The account has no login shell, shares its number with no other, and runs one server; CIS 1.2, 1.5."""
    uid = str(ids(status_of(machine, server_pid(machine, sql)), "Uid")[0])
    entries = [line.split(":") for line in machine.command("accounts").lines]
    odd = [entry for entry in entries if len(entry) != 7]
    if odd:
        raise Indeterminate(f"getent answered in another format: {':'.join(odd[0])[:120]!a}")
    of_server = [entry for entry in entries if entry[2] == uid]
    if not of_server:
        raise Indeterminate(f"getent shows no account with the server's number {uid}")
    names = [entry[0] for entry in of_server]
    assert len(names) == 1, f"accounts {names!a} share the number {uid}"
    shell = of_server[0][6]
    assert shell in texts(params, "no_login_shells"), f"the account {names[0]!a} has the login shell {shell!a}"


def test_one_server_runs(machine: HostChannel, sql: SqlChannel) -> None:
    """The host runs no second server: the list of processes has one, the one that answers the prover."""
    pid = server_pid(machine, sql)
    found = {}
    for line in machine.command("processes").lines:
        fields = line.split(None, 3)
        if len(fields) == 4 and _SERVER.fullmatch(fields[3]) and not _HELPERS.fullmatch(fields[3]):
            found[fields[0]] = fields[3]
    if str(pid) not in found:
        raise Indeterminate(f"the list of processes does not show the server's own, {pid}, as mysqld or mariadbd")
    others = sorted(set(found) - {str(pid)})
    assert not others, f"{len(found)} servers run on this host; besides {pid} the processes {', '.join(others)[:200]}"


def test_the_server_can_gain_no_rights(
    machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]
) -> None:
    """The process holds no capability but those allowed, and no program it starts can gain any (NoNewPrivs).

    capabilities(7); prctl(2), PR_SET_NO_NEW_PRIVS: a set-user-ID program started by the server stays the server's user.
    """
    status = status_of(machine, server_pid(machine, sql))
    for what, held in capabilities(status).items():
        stray = sorted(held - set(texts(params, "allowed_capabilities")))
        assert not stray, f"the server's {what} capabilities include {', '.join(stray)[:300]}"
    assert status["NoNewPrivs"] == "1", "the server's process may gain rights by programs it starts (NoNewPrivs is 0)"


def test_the_unit_is_confined(
    machine: HostChannel, sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """systemd's own assessment of the server's unit, `systemd-analyze security`, is within the limit (0 to 10, worst).

    The unit must be the one the server runs in, or its confinement says nothing of the server.
    """
    unit, pid = service_of(target), server_pid(machine, sql)
    main = properties(machine, unit).get("MainPID")
    if main != str(pid):
        raise Indeterminate(f"the main process of {unit} is {main!a}, the server that answers is {pid}")
    found = _EXPOSURE.findall(machine.command("unit-exposure", unit=unit).stdout)
    if len(found) != 1:
        raise Indeterminate(f"systemd-analyze shows no overall exposure level of {unit}")
    try:
        most = float(str(params["max_exposure"]))
    except ValueError:
        raise Indeterminate(f"parameter max_exposure is {params['max_exposure']!r}, expected a number") from None
    assert float(found[0]) <= most, f"{unit} has the exposure level {found[0]}, expected at most {most}"


def test_no_memory_is_dumped(machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]) -> None:
    """A crash writes no image of the server's memory, which holds keys and rows, to a disk.

    core(5): the limit is not enforced where the kernel hands the image to a program, so that program has to be one that
    keeps to it; `fs.suid_dumpable` 1 dumps processes that changed their user. The server's own switch is `core_file`.
    """
    pid = server_pid(machine, sql)
    soft, hard = core_limits(machine, pid)
    assert (soft, hard) == ("0", "0"), f"the server may write core files: limit {soft} (soft), {hard} (hard)"
    pattern = machine.command("core-pattern").stdout.strip()
    if not pattern:
        raise Indeterminate("the kernel shows no core_pattern")
    if pattern.startswith("|"):
        handler = pattern[1:].split()[0] if pattern[1:].split() else ""
        accepted = texts(params, "core_handlers")
        assert handler in accepted, f"the kernel hands every crash to {handler!a}, limit or not (core_pattern)"
    dumpable = machine.command("suid-dumpable").stdout.strip()
    if dumpable not in ("0", "1", "2"):
        raise Indeterminate(f"fs.suid_dumpable is shown as {dumpable!a}")
    assert dumpable != "1", "fs.suid_dumpable is 1: processes that changed their user are dumped"
    assert setting(sql, "core_file").upper() not in ON, "the server is told to write core files (core_file)"

"""Control package-files-intact."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.packages import installed
from proofs.probes.host.permissions import judge_directories, judge_mode
from proofs.probes.host.server import server_pid
from proofs.probes.transport.paths import place
from proofs.probes.transport.settings import texts

_MOST, _GAINS = 0o755, 0o6000
_RELEASE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def test_the_running_program_is_the_packaged_one(machine: HostChannel, sql: SqlChannel) -> None:
    """The program of the server's process is a file of an installed package, the very file that is there now.

    /proc/PID/exe shows ` (deleted)` where the file was replaced since the start: then something else runs than what
    the packages say (proc(5)).
    """
    program = _program(machine, sql)
    assert not program.endswith(" (deleted)"), f"the server runs {program!a}: replaced on disk since it was started"
    owners = [package for package in installed(machine) if program in package.programs]
    assert owners, f"the server runs {program!a}, which no installed package holds"


def test_nobody_but_root_can_replace_the_program(machine: HostChannel, sql: SqlChannel) -> None:
    """The server's program is root's, and only root can write to it or to a directory above; it gains no rights.

    chmod(1), set-user-ID: whoever starts such a program is its owner to the kernel.
    """
    found, directories = place(machine, _program(machine, sql))
    assert found["owner"] == "root", f"{found['path']} belongs to {found['owner']!a}"
    judge_mode(found, _MOST)
    assert not int(found["mode"], 8) & _GAINS, (
        f"{found['path']} has mode {found['mode']}: it runs as its owner or group"
    )
    judge_directories(directories, _MOST, {"root"}, "the program")


def test_package_files_are_unaltered(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """Files of the packages of the server have the checksums that the packages were installed with.

    `dpkg --verify` (MD5 sums of the contents), `rpm --verify`; configuration files are meant to be changed and are
    other controls' matter. The sums are kept on the same host: who is root there can change both.
    """
    for package in installed(machine):
        changed = [
            path for marks, path in package.differences(machine) if path not in texts(params, "accepted_changes")
        ]
        assert not changed, f"package {package.name}: {len(changed)} files differ: {', '.join(changed)[:300]!a}"


def test_the_installed_version_runs(machine: HostChannel, sql: SqlChannel) -> None:
    """The server that answers is of the version that is installed: an update is in force once the server restarted."""
    said = str(sql.rows("SELECT VERSION() AS version")[0]["version"])
    running = _RELEASE.match(said.removeprefix("5.5.5-"))
    if not running:
        raise Indeterminate(f"the server says no version: {said[:80]!a}")
    for package in (each for each in installed(machine) if each.programs):
        upstream = _RELEASE.match(package.version.partition(":")[2] or package.version)
        if not upstream:
            raise Indeterminate(f"package {package.name} has the version {package.version[:80]!a}")
        assert upstream[0] == running[0], f"{package.name} {package.version} is installed, {running[0]} runs"


def _program(machine: HostChannel, sql: SqlChannel) -> str:
    pid = server_pid(machine, sql)
    program = machine.command("process-executable", pid=str(pid)).stdout.rstrip("\n")
    if not program.startswith("/"):
        raise Indeterminate(f"the host does not show the program of process {pid}: {program[:100]!a}")
    return program

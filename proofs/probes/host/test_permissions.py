"""Control datadir-permissions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.certificates.material import server_path
from proofs.probes.hardening.option_files import paths_of
from proofs.probes.host.missing import troubles
from proofs.probes.host.permissions import judge_directories, judge_group, judge_mode, octal
from proofs.probes.host.process import account_of, group_of
from proofs.probes.host.server import server_pid
from proofs.probes.transport.paths import place
from proofs.probes.transport.settings import ON, setting, texts

Params = Mapping[str, ParameterValue]
_DATA = ("datadir", "innodb_data_home_dir", "innodb_log_group_home_dir", "innodb_undo_directory")
_INCLUDE = re.compile(r"!include(?P<directory>dir)?\s+(?P<path>/\S*)")
_KNOWN = ("/etc/mysql/", "/etc/my.cnf")
"""Where option-file-includes looks."""
_SWITCHED_LOGS = {"general_log": "general_log_file", "slow_query_log": "slow_query_log_file"}


def test_data_directories_are_private(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The directories of tables, redo and undo logs belong to the server's account and are closed to others.

    Its group's too, so that nobody else is in it. STIG MYS8-00-006800, MADB-10-005600; CIS 3.1. Relative values start
    at the data directory.
    """
    pid = server_pid(machine, sql)
    account, (group, members) = account_of(machine, pid), group_of(machine, pid)
    others = sorted(set(members) - set(texts(params, "accepted_members")))
    assert not others, f"in the server's group {group!a} are also {', '.join(others)[:200]!a}"
    setting(sql, "datadir")
    for path in sorted({server_path(sql, value).rstrip("/") for name in _DATA if (value := sql.variable(name))}):
        _judge(
            machine, posixpath.normpath(path), {account}, octal(params, "max_data_mode"), params, groups={"root", group}
        )


def test_log_files_are_private(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The files of the error log, and of the general and slow logs that are on, are closed to others; so is the
    directory of the binary log, and with it every file of that.

    CIS 3.2 to 3.6: statements in them carry data, and what comes before an attack.
    """
    pid = server_pid(machine, sql)
    account = account_of(machine, pid)
    groups = {"root", group_of(machine, pid)[0], *texts(params, "reading_groups")}
    errors = setting(sql, "log_error")
    files = [errors] if errors not in ("", "stderr") else []
    if "FILE" in setting(sql, "log_output").upper():
        files += [setting(sql, name) for switch, name in _SWITCHED_LOGS.items() if setting(sql, switch).upper() in ON]
    binary = setting(sql, "log_bin").upper() in ON
    if not files and not binary:
        raise NotApplicable("the server writes no log to a file of its own")
    for path in files:
        full = posixpath.normpath(server_path(sql, path))
        _judge(machine, full, {account, "root"}, octal(params, "max_log_mode"), params, groups=groups)
    if binary:
        for name in ("log_bin_basename", "log_bin_index"):
            directory = posixpath.dirname(posixpath.normpath(server_path(sql, setting(sql, name))))
            _judge(machine, directory, {account, "root"}, octal(params, "max_data_mode"), params, groups=groups)


def test_plugins_are_roots(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The plugin directory and what lies in it are root's alone to change: it can be loaded into the server (CIS 3.8).

    Not the server's either: a statement that writes a file would make a library (MySQL manual, "plugin_dir").
    """
    path = setting(sql, "plugin_dir")
    _judge(machine, path, {"root"}, octal(params, "max_directory_mode"), params)
    _nothing_foreign(machine, path, params)


def test_option_files_cannot_be_changed(machine: HostChannel, sql: SqlChannel, target: Target, params: Params) -> None:
    """The option files that the server took values from are root's, and nobody else can change or replace them.

    Nor can anybody add one: that goes for the directories that option files include, and for all that lies there.
    """
    paths = [path for path in paths_of(sql, target) if path.startswith("/")]
    if not paths:
        raise Indeterminate("the server names no option file it took values from")
    most = octal(params, "max_configuration_mode")
    for path in paths:
        _judge(machine, path, {"root"}, most, params)
    included = machine.command("option-file-includes")
    if unseen := troubles(included.stderr):
        raise Indeterminate(f"which files option files include was not seen: {unseen[0][:200]!a}")
    lines = {line.strip() for line in included.lines}
    for path in (each for each in paths if not each.startswith(_KNOWN)):
        lines |= {line.strip() for line in machine.read_text(path).splitlines() if line.strip().startswith("!include")}
    for line in sorted(lines):
        found = _INCLUDE.fullmatch(line)
        if found is None:
            raise Indeterminate(f"an option file includes in another form: {line[:160]!a}")
        if not found["directory"]:
            _judge(machine, found["path"], {"root"}, most, params)
            continue
        _judge(machine, found["path"], {"root"}, octal(params, "max_directory_mode"), params)
        _nothing_foreign(machine, found["path"], params)


def test_backups_are_private(machine: HostChannel, sql: SqlChannel, target: Target, params: Params) -> None:
    """The directories with backups that the inventory names belong to root or the server, closed to others."""
    if target.host is None or not target.host.backups:
        raise NotApplicable("the inventory names no backups on this host (host.backups)")
    pid = server_pid(machine, sql)
    owners, groups = {account_of(machine, pid), "root"}, {"root", group_of(machine, pid)[0]}
    for path in target.host.backups:
        _judge(machine, path.rstrip("/"), owners, octal(params, "max_data_mode"), params, groups=groups)


def _judge(
    machine: HostChannel,
    path: str,
    owners: set[str],
    most: int,
    params: Params,
    *,
    groups: Collection[str] | None = None,
) -> None:
    """`groups`: who may be let in beyond everybody; None where that does not matter."""
    found, directories = place(machine, path.rstrip("/"))
    assert found["owner"] in owners, f"{path!a} belongs to {found['owner']!a}, expected {' or '.join(sorted(owners))}"
    judge_mode(found, most)
    if groups is not None:
        judge_group(found, groups)
    above, writers = octal(params, "max_directory_mode"), texts(params, "writing_groups")
    judge_directories(directories, above, owners | {"root"}, ascii(path), writers)


def _nothing_foreign(machine: HostChannel, directory: str, params: Params) -> None:
    """No file in it is another's than root's, or open for others to write; nor is what a link leads to, or the way."""
    found = machine.command("foreign-files", path=directory.rstrip("/")).lines
    assert not found, f"{len(found)} files in {directory!a} are not root's alone to change: {found[0][:200]!a}"
    for link in machine.command("links", path=directory.rstrip("/")).lines:
        _judge(machine, link, {"root"}, octal(params, "max_directory_mode"), params)

"""Control datadir-permissions."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.certificates.material import server_path
from proofs.probes.hardening.option_files import paths_of
from proofs.probes.host.permissions import judge_directories, judge_mode, octal
from proofs.probes.host.process import account_of
from proofs.probes.host.server import server_pid
from proofs.probes.transport.paths import place
from proofs.probes.transport.settings import ON, setting

Params = Mapping[str, ParameterValue]
_DATA = ("datadir", "innodb_data_home_dir", "innodb_log_group_home_dir", "innodb_undo_directory")
_SWITCHED_LOGS = {"general_log": "general_log_file", "slow_query_log": "slow_query_log_file"}


def test_data_directories_are_private(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The directories of tables, redo and undo logs belong to the server's account and are closed to others.

    STIG MYS8-00-006800, MADB-10-005600; CIS 3.1. Relative values start at the data directory.
    """
    account = account_of(machine, server_pid(machine, sql))
    setting(sql, "datadir")
    for path in sorted({server_path(sql, value).rstrip("/") for name in _DATA if (value := sql.variable(name))}):
        _judge(machine, posixpath.normpath(path), {account}, octal(params, "max_data_mode"), params)


def test_log_files_are_private(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The files of the error log, and of the general, slow and binary logs that are on, are closed to others.

    CIS 3.2 to 3.6: statements in them carry data, and what comes before an attack.
    """
    account = account_of(machine, server_pid(machine, sql))
    errors = setting(sql, "log_error")
    files = [errors] if errors not in ("", "stderr") else []
    if "FILE" in setting(sql, "log_output").upper():
        files += [setting(sql, name) for switch, name in _SWITCHED_LOGS.items() if setting(sql, switch).upper() in ON]
    if setting(sql, "log_bin").upper() in ON:
        files.append(setting(sql, "log_bin_index"))
    if not files:
        raise NotApplicable("the server writes no log to a file of its own")
    for path in files:
        full = posixpath.normpath(server_path(sql, path))
        _judge(machine, full, {account, "root"}, octal(params, "max_log_mode"), params)


def test_plugins_are_roots(machine: HostChannel, sql: SqlChannel, params: Params) -> None:
    """The plugin directory is root's alone to change: what lies there can be loaded into the server (CIS 3.8).

    Not the server's either: a statement that writes a file would make a library (MySQL manual, "plugin_dir").
    """
    _judge(machine, setting(sql, "plugin_dir"), {"root"}, octal(params, "max_directory_mode"), params)


def test_option_files_cannot_be_changed(machine: HostChannel, sql: SqlChannel, target: Target, params: Params) -> None:
    """The option files that the server took values from are root's, and nobody else can change or replace them."""
    paths = [path for path in paths_of(sql, target) if path.startswith("/")]
    if not paths:
        raise Indeterminate("the server names no option file it took values from")
    for path in paths:
        _judge(machine, path, {"root"}, octal(params, "max_configuration_mode"), params)


def test_backups_are_private(machine: HostChannel, sql: SqlChannel, target: Target, params: Params) -> None:
    """The directories with backups that the inventory names belong to root or the server, closed to others."""
    if target.host is None or not target.host.backups:
        raise NotApplicable("the inventory names no backups on this host (host.backups)")
    owners = {account_of(machine, server_pid(machine, sql)), "root"}
    for path in target.host.backups:
        _judge(machine, path.rstrip("/"), owners, octal(params, "max_data_mode"), params)


def _judge(machine: HostChannel, path: str, owners: set[str], most: int, params: Params) -> None:
    found, directories = place(machine, path.rstrip("/"))
    assert found["owner"] in owners, f"{path!a} belongs to {found['owner']!a}, expected {' or '.join(sorted(owners))}"
    judge_mode(found, most)
    judge_directories(directories, octal(params, "max_directory_mode"), owners | {"root"}, ascii(path))

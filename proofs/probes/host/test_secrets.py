"""Control no-credential-exposure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import ParameterValue
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.permissions import octal
from proofs.probes.host.secrets import SecretFile, by_process, searched
from proofs.probes.host.server import server_pid
from proofs.probes.transport.settings import ON, texts

_PROGRAM = re.compile(r"(?:\S*/)?(?:(?:mysql|mariadb)[a-z_-]*|mariabackup|xtrabackup|mydumper|myloader)")
_WITNESSES = frozenset({"PATH", "INVOCATION_ID"})
_CLIENT_HISTORY = re.compile(r".*/\.(mysql|mariadb)_history")
_PROFILE = re.compile(r".*/\.[^/]*(profile|rc|login|zshenv|bash_aliases|pam_environment)")


def test_no_secret_in_process_arguments(machine: HostChannel, sql: SqlChannel) -> None:
    """No process was started with a password among its arguments, which every user of the host can read (ps(1)).

    MySQL manual, "End-User Guidelines for Password Security"; CIS 1.3 to 1.6. An argument `-p…` counts after the name
    of a program of the servers; within the line that a shell was given (sh -c) it was seen to belong to one.
    """
    found = []
    for pid, names in by_process(machine, "process-arguments", server_pid(machine, sql)).items():
        of_server = False
        for name in names:
            if _PROGRAM.fullmatch(name):
                of_server = True
            elif name != "-p" or of_server:
                found.append(f"process {pid} ({name[:40]!a})")
    assert not found, f"secrets in process arguments: {_listing(found)}"


def test_no_secret_in_environments(machine: HostChannel, sql: SqlChannel, params: Mapping[str, ParameterValue]) -> None:
    """No process carries a variable named like a secret (MYSQL_PWD, DB_PASS, …_TOKEN) or a URL with a password in it.

    Environments are inherited, logged and shown by crashes; SV-253697, CIS 1.4. Values are never looked at.
    """
    accepted = _WITNESSES | set(texts(params, "accepted_variables"))
    seen = by_process(machine, "process-variables", server_pid(machine, sql))
    found = [f"process {pid} ({name[:60]!a})" for pid, names in seen.items() for name in names if name not in accepted]
    assert not found, f"secrets in environments: {_listing(found)}"


def test_no_secret_in_units(machine: HostChannel) -> None:
    """No systemd unit, drop-in or manager configuration sets a secret: systemd shows them to every user.

    systemd.exec(5), `Environment=`: "not suitable for passing secrets"; files are judged whatever their mode is.
    """
    files = searched(machine, "unit-secrets")
    if not files:
        raise Indeterminate("no file of systemd's was found to be searched")
    _judge(file for file in files if file.secrets)


def test_no_secret_in_readable_files(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """No option file, service default, script or profile that others can read holds a password.

    Option files of servers and clients, /etc/default, cron's tables and scripts, /usr/local; in a user's own profile no
    secret at all, for it goes into every process of that user (CIS 1.4, 1.6).
    """
    most = octal(params, "max_mode")
    profiles = searched(machine, "profile-secrets")
    if not profiles:
        raise Indeterminate("no profile was found to be searched, not even /etc/profile")
    others = [*searched(machine, "option-file-secrets"), *searched(machine, "script-secrets")]
    files = [file for file in [*others, *profiles] if file.secrets]
    _judge(file for file in files if file.mode & 0o777 & ~most or _is_profile(file))


def test_no_secret_in_histories(machine: HostChannel) -> None:
    """No history of a shell or client holds a password, and no client of the servers keeps a history (CIS 1.3).

    `.mysql_history` linked to /dev/null, or MYSQL_HISTFILE=/dev/null, keeps none.
    """
    files = searched(machine, "history-secrets")
    _judge(file for file in files if file.secrets)
    kept = [file.path for file in files if _CLIENT_HISTORY.fullmatch(file.path) and file.size]
    assert not kept, f"clients keep a history of statements: {_listing([ascii(path) for path in kept])}"


def test_statements_are_not_logged_raw(sql: SqlChannel) -> None:
    """Passwords in statements are rewritten before they are logged (MySQL manual, "Passwords and Logging"; log_raw)."""
    raw = sql.variable("log_raw")
    if raw is None:
        raise NotApplicable("this server has no switch for it (log_raw)")
    assert raw.upper() not in ON, f"log_raw is {raw!a}: passwords are logged as they are sent"


def _is_profile(file: SecretFile) -> bool:
    return file.path.startswith(("/etc/environment", "/etc/profile")) or _PROFILE.fullmatch(file.path) is not None


def _judge(files: Iterable[SecretFile]) -> None:
    found = [file.describe() for file in files]
    assert not found, f"secrets lie open: {_listing(found)}"


def _listing(found: list[str]) -> str:
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return ", ".join(found[:5])[:600] + more

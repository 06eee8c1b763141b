"""Build one lab in its directory: PKI, secrets, options, data, server, accounts, and a sabotage if one is asked for."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from proofs.errors import ChannelError
from proofs.lab import admin, anchoring, material, seed, server
from proofs.lab.deployment import Deployment, Options, changed, fill, option_file, parse_options, sql_text
from proofs.lab.engines import Server
from proofs.lab.files import Owner, make_directory, server_owner, write_private, write_public
from proofs.lab.sabotages import Change
from proofs.lab.state import SOCKET, LabState, process_birth, timestamp, write

ADMINISTRATOR = "root"
START_TRIES = 3
STALE = timedelta(hours=1)
NOTICE = b"Nothing to hide here.\n"
"""What SQL can read at all: that others get NULL for it says something only beside an administrator."""
_PORTS = ("port", "admin_port", "x_port")


def build(
    directory: Path, deployment: Deployment, program: Server, *, sabotage: str | None, change: Change, kept: bool
) -> LabState:
    """Bring up a lab in a directory that doesn't exist yet; its state is on disk as soon as there is a process.

    Raises `ConfigurationError` or `ChannelError`; what was made so far is left for the caller to take down.
    """
    owner = server_owner()
    make_directory(directory, mode=0o711 if owner else 0o700)
    for each in ("pki", "secrets"):
        make_directory(directory / each)
    for each in ("server", "run", "log", "tmp", "files"):
        make_directory(directory / each, owner)
    made = material.make(
        deployment.identities,
        harness=directory / "pki",
        server=directory / "server",
        owner=owner,
        variants=change.pki,
    )
    passwords = make_passwords(deployment.identities, directory / "secrets")
    server.data_directory(program, deployment.storage, owner, directory / "data")
    values = {
        "lab": str(directory),
        **names_of(made, passwords),
    }
    write_public(directory / "files" / "notice.txt", NOTICE, owner)
    for path, text in change.files.items():
        write_private(directory / path, fill(text, values, sql_text).encode(), owner)
    state = _start(directory, deployment, program, values, owner, sabotage=sabotage, change=change, kept=kept)
    for path, source in change.copies.items():
        (directory / path).write_bytes((directory / source).read_bytes())
    _deploy(directory, deployment, program, values, change)
    for identity, password in change.secrets.items():
        (directory / "secrets" / identity).write_text(password, encoding="utf-8")
    for path, mode in change.chmod.items():
        (directory / path).chmod(mode)
    ready = replace(state, ready=True)
    write(ready)
    if deployment.seeded and change.anchors is None:
        anchoring.start(ready)
    return ready


def make_passwords(identities: Iterable[str], directory: Path) -> dict[str, str]:
    """A new password for each identity and the operator, in a private file of its name in the directory."""
    passwords = {identity: new_password() for identity in (*identities, "operator")}
    for identity, password in passwords.items():
        write_private(directory / identity, password.encode())
    return passwords


def names_of(made: material.Material, passwords: Mapping[str, str]) -> dict[str, str]:
    """What a deployment's SQL calls a lab's secrets and certificates: `${issuer}`, `${password:…}`, `${subject:…}`."""
    return {
        "issuer": made.issuer,
        **{f"password:{identity}": password for identity, password in passwords.items()},
        **{f"subject:{identity}": subject for identity, subject in made.subjects.items()},
    }


def new_password(length: int = 28) -> str:
    """A random password with every class of character that the servers' policies ask for, safe in SQL and files."""
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+=")
    picked = [secrets.choice(c) for c in classes]
    picked += [secrets.choice("".join(classes)) for _ in range(length - len(picked))]
    secrets.SystemRandom().shuffle(picked)
    return "".join(picked)


def _start(
    directory: Path,
    deployment: Deployment,
    program: Server,
    values: dict[str, str],
    owner: Owner | None,
    *,
    sabotage: str | None,
    change: Change,
    kept: bool,
) -> LabState:
    """Start the server on free ports. Another process may take one of them first: then again, on others."""
    error_log = directory / "log" / "error.log"
    for attempt in range(1, START_TRIES + 1):
        with server.free_ports(len(_PORTS)) as ports:
            values.update(zip(_PORTS, map(str, ports), strict=True))
            options_path = directory / "server" / f"server-{attempt}.cnf"
            text = option_file("mysqld", server_options(deployment, values, change.options))
            write_private(options_path, text.encode(), owner)
        pid = server.start(program, options_path, error_log, owner)
        state = LabState(
            name=directory.name,
            engine=program.engine,
            version=program.version,
            deployment=deployment.name,
            directory=directory,
            port=ports[0],
            pid=pid,
            born=process_birth(pid) or 0,
            sabotage=sabotage,
            started=timestamp(),
            kept=kept,
            ready=False,
        )
        write(state)
        try:
            server.await_ready(pid, state.socket, error_log)
        except ChannelError:
            server.kill(pid, state.born)
            if attempt == START_TRIES or "in use" not in server.last_words(error_log, lines=10):
                raise
            continue
        for label in _PORTS:
            write_public(directory / label, values[label].encode())
        client = changed(parse_options(fill(deployment.client_options, values)), _filled(change.client, values))
        write_public(directory / "client.cnf", option_file("client", client).encode())
        return state
    raise AssertionError("unreachable: the last attempt returns or raises")


def server_options(deployment: Deployment, values: Mapping[str, str], changes: Mapping[str, str | None]) -> Options:
    """The server's options: the deployment's, with a sabotage's changes, over its storage layout."""
    options: Options = {**deployment.storage, **parse_options(fill(deployment.server_options, values))}
    return changed(options, _filled(changes, values))


def _filled(options: Mapping[str, str | None], values: Mapping[str, str]) -> Options:
    return {key: None if value is None else fill(value, values) for key, value in options.items()}


def _deploy(
    directory: Path, deployment: Deployment, program: Server, values: Mapping[str, str], change: Change
) -> None:
    """Accounts and schema by an administrator who has no password yet, the sabotage by one who has."""
    socket = directory / SOCKET
    admin.run(socket, ADMINISTRATOR, "", [fill(deployment.sql, values, sql_text)])
    if deployment.seeded:
        seed.make_key(directory / "secrets")
        key = directory / "secrets" / "kek"
        seed.seed(socket, ADMINISTRATOR, values["password:operator"], key, change.records)
        make_directory(directory / "anchors")
        anchoring.anchor_lab(directory, deployment.engine, age=STALE if change.anchors == "stopped" else timedelta())
    if change.sql:
        scripts = [fill(statement, values, sql_text) for statement in change.sql]
        admin.run(socket, ADMINISTRATOR, values["password:operator"], scripts)
        if deployment.seeded and change.anchors is None:
            anchoring.anchor_lab(directory, deployment.engine)
    if deployment.seeded and change.anchors == "missing":
        (directory / anchoring.FILE).write_bytes(b"")

"""A machine made a target: its keys, certificates and options on a second disk, its accounts and schema over SSH."""

from __future__ import annotations

import io
import re
import shutil
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proofs import resources
from proofs.channels.host.sudoers import sudoers
from proofs.lab import admin, material, seed
from proofs.lab import deployment as deployments
from proofs.lab.build import ADMINISTRATOR, NOTICE, make_passwords, names_of
from proofs.lab.deployment import Deployment, fill, option_file, parse_options, sql_text
from proofs.lab.files import make_directory, write_private, write_public
from proofs.lab.server import adopt
from proofs.lab.state import SOCKET, LabState, process_birth, timestamp, write
from proofs.lab.vm import access, image, machine
from proofs.lab.vm.recipe import Recipe

PROVER = "10.20.1.2"
ANCHOR = "anchor"
TLS = "etc/mysql/tls"
_TLS_FILES = {"ca": "ca.pem", "crl": "crl.pem", "cert": "server.pem", "key": "server.key"}


def build(directory: Path, recipe: Recipe, *, kept: bool) -> LabState:
    """Bring up a host in a directory that doesn't exist yet; its state is on disk as soon as there is a process.

    Raises `ConfigurationError` or `ChannelError`; what was made so far is left for the caller to take down.
    """
    disk = image.find(recipe, _say)
    deployment = deployments.load(recipe.deployment)
    make_directory(directory)
    for each in ("pki", "secrets", "server", "ssh", "run", "log", "received", "anchors"):
        make_directory(directory / each)
    values = _material(directory, recipe, deployment)
    _say(f"booting {directory.name}")
    pid = machine.start(directory, disk, directory.name)
    state = LabState(
        name=directory.name,
        engine=deployment.engine,
        version="",
        deployment=recipe.name,
        directory=directory,
        port=int((directory / "port").read_text()),
        pid=pid,
        born=process_birth(pid) or 0,
        sabotage=None,
        started=timestamp(),
        kept=kept,
        ready=False,
    )
    write(state)
    _know_hosts(directory)
    access.await_boot(directory, recipe.service)
    (directory / "material.tar").unlink()
    _say(f"deploying to {directory.name}")
    adopt(access.forward_socket(directory))
    _deploy(directory, recipe, deployment, values)
    state = replace(state, ready=True, version=_version(directory))
    write(state)
    return state


def _material(directory: Path, recipe: Recipe, deployment: Deployment) -> dict[str, str]:
    """Everything of this lab alone, in files here and in the archive that the machine unpacks as it boots."""
    identities = {**deployment.identities, ANCHOR: ANCHOR}
    made = material.make(identities, harness=directory / "pki", server=directory / "server", owner=None, variants={})
    passwords = make_passwords(identities, directory / "secrets")
    values = {
        "lab": str(directory),
        "port": "3306",
        "admin_port": "33062",
        **names_of(made, passwords),
    }
    located = {**values, "lab": "/nonexistent"}
    options = {**deployment.storage, **parse_options(fill(deployment.server_options, located))}
    for name in options:
        if match := re.fullmatch(r"(?:admin_)?ssl_(ca|crl|cert|key)", name):
            options[name] = f"/{TLS}/{_TLS_FILES[match[1]]}"
    options = deployments.changed(options, recipe.options)
    host_key = directory / "ssh" / "host_key"
    keys = {user: access.make_key(directory / file) for user, file in _LOGINS.items()}
    access.make_key(host_key)
    anchor = fill((resources.HOSTS / recipe.name / "anchor.cnf").read_text(encoding="utf-8"), values)
    made_file = io.BytesIO()
    with tarfile.open(fileobj=made_file, mode="w") as archive:

        def put(path: str, content: bytes | None, mode: int, user: str = "root", group: str | None = None) -> None:
            entry = tarfile.TarInfo(path)
            entry.mode, entry.uname, entry.gname = mode, user, group or user
            entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size = len(content or b"")
            archive.addfile(entry, io.BytesIO(content or b""))

        put("etc/ssh/ssh_host_ed25519_key", host_key.read_bytes(), 0o600)
        put("etc/ssh/ssh_host_ed25519_key.pub", host_key.with_name("host_key.pub").read_bytes(), 0o644)
        for user, key in keys.items():
            put(f"home/{user}/.ssh", None, 0o700, user)
            put(f"home/{user}/.ssh/authorized_keys", f"{key}\n".encode(), 0o600, user)
        put(TLS, None, 0o751, "root", "mysql")
        for file in ("ca.pem", "crl.pem", "server.pem"):
            put(f"{TLS}/{file}", (directory / "server" / file).read_bytes(), 0o644)
        put(f"{TLS}/server.key", (directory / "server" / "server.key").read_bytes(), 0o600, "mysql")
        put(recipe.option_file, option_file("mysqld", options).encode(), 0o640, "root", "mysql")
        # MariaDB's LOAD_FILE() gives only what everybody may read; the directory keeps it from everybody else.
        put("var/lib/mysql-files/notice.txt", NOTICE, 0o644, "mysql")
        put("etc/sudoers.d/proofs", sudoers("prover", bans=True).encode(), 0o440)
        put("etc/audit-anchor", None, 0o750, "root", ANCHOR)
        put("etc/audit-anchor/client.cnf", anchor.encode(), 0o400, ANCHOR)
        for file, mode in ((f"{ANCHOR}.pem", 0o644), (f"{ANCHOR}.key", 0o400)):
            put(f"etc/audit-anchor/{file}", (directory / "pki" / file).read_bytes(), mode, ANCHOR)
    write_private(directory / "material.tar", made_file.getvalue())
    # The server's and the host's private keys are the host's alone.
    shutil.rmtree(directory / "server")
    host_key.unlink()
    return values


_LOGINS: Mapping[str, Path] = {"prover": access.PROVER_KEY, access.ADMINISTRATOR: access.ADMIN_KEY}


def _know_hosts(directory: Path) -> None:
    key = (directory / "ssh" / "host_key.pub").read_text(encoding="ascii").strip()
    ports = [(directory / label).read_text(encoding="ascii") for label in ("ssh_port", "outside_ssh_port")]
    lines = "".join(f"[127.0.0.1]:{port} {key}\n" for port in ports)
    write_private(directory / access.KNOWN_HOSTS, lines.encode())


def _deploy(directory: Path, recipe: Recipe, deployment: Deployment, values: Mapping[str, str]) -> None:
    socket = directory / SOCKET
    anchor = (resources.HOSTS / recipe.name / "anchor.sql").read_text(encoding="utf-8")
    admin.run(socket, ADMINISTRATOR, "", [fill(_from_the_prover(deployment.sql), values, sql_text)])
    admin.run(socket, ADMINISTRATOR, values["password:operator"], [fill(anchor, values, sql_text)])
    if deployment.seeded:
        seed.make_key(directory / "secrets")
        seed.seed(socket, ADMINISTRATOR, values["password:operator"], directory / "secrets" / "kek")
    client = parse_options(fill(deployment.client_options, {**values, "port": (directory / "port").read_text()}))
    write_public(directory / "client.cnf", option_file("client", client).encode())
    access.shell(directory, "systemctl start audit-anchor.service")


def _from_the_prover(sql: str) -> str:
    """The deployment's accounts as they come from the prover."""
    return re.sub(r"@('?)127\.0\.0\.1'", rf"@\g<1>{PROVER}'", sql)


def _version(directory: Path) -> str:
    said = access.shell(directory, "mariadbd --version 2>/dev/null || mysqld --version")
    match = re.search(r"Ver (\d+\.\d+\.\d+)", said)
    return match[1] if match else "of an unknown version"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

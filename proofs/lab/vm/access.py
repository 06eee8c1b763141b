"""The lab's administrator on a machine of the lab: shell commands over SSH, and the database's socket."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proofs.errors import ChannelError
from proofs.lab.files import write_private, write_public
from proofs.lab.state import SOCKET

BOOT_LIMIT_S = 300.0
HUNG_UP_LIMIT_S = 15.0
ADMINISTRATOR = "admin"
REMOTE_SOCKET = "/run/mysqld/mysqld.sock"
ADMIN_KEY = Path("ssh") / "admin"
PROVER_KEY = Path("ssh") / "id_ed25519"
KNOWN_HOSTS = Path("ssh") / "known_hosts"


def make_key(file: Path) -> str:
    """A new Ed25519 key pair beside each other, as ssh-keygen(1) makes them; the public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    write_private(file, private)
    write_public(file.with_name(f"{file.name}.pub"), public + b"\n")
    return public.decode("ascii")


def ssh(directory: Path, *options: str) -> list[str]:
    """An argv that logs in as the administrator; nothing of the user's own SSH configuration is used."""
    return [
        "ssh", "-F", "none", "-i", str(directory / ADMIN_KEY), "-p", (directory / "ssh_port").read_text(),
        "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
        "-o", f"UserKnownHostsFile={directory / KNOWN_HOSTS}", "-o", "GlobalKnownHostsFile=none",
        "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15", "-o", "LogLevel=ERROR",
        *options, f"{ADMINISTRATOR}@127.0.0.1",
    ]  # fmt: skip


def shell(directory: Path, script: str, *, limit_s: float = 120.0, check: bool = True) -> str:
    """Run a POSIX shell script as root on the machine in this lab directory; what it printed.

    A sshd that is being reloaded hangs up before it has said a word, so nothing was run, and it is asked again. Raises
    `ChannelError`: not to be reached, too slow, or (where `check`) it failed (its last words).
    """
    deadline = time.monotonic() + HUNG_UP_LIMIT_S
    while True:
        try:
            done = subprocess.run(
                [*ssh(directory), "sudo", "-n", "sh", "-s"],
                check=False, input=script.encode(), capture_output=True, timeout=limit_s, env=_environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ChannelError(f"machine: a command took over {limit_s:g} s") from error
        if b"kex_exchange_identification:" not in done.stderr or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    said = done.stdout.decode(errors="replace")
    if done.returncode == 255 or (check and done.returncode != 0):
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or said.strip().splitlines()[-1:]
        raise ChannelError(f"machine: a command ended with {done.returncode}: {' '.join(words)!a}")
    return said


def await_boot(directory: Path, service: str, limit_s: float = BOOT_LIMIT_S) -> None:
    """Wait until SSH answers and the database's unit is active; `ChannelError` with the reason when it doesn't."""
    deadline = time.monotonic() + limit_s
    last = "nothing answered"
    while time.monotonic() < deadline:
        try:
            last = shell(directory, f"systemctl is-active {service}", limit_s=30, check=False).strip()
        except ChannelError as error:
            last = str(error)
        if last == "active":
            return
        time.sleep(0.5)
    raise ChannelError(f"the machine was not up within {limit_s:g} s: {last} (see its console.log)")


def restart_service(directory: Path, service: str) -> None:
    """Restart a systemd unit and wait until it is up; `ChannelError` when it isn't."""
    shell(directory, f"systemctl restart {service}", limit_s=180.0)


def forward_socket(directory: Path) -> subprocess.Popen[bytes]:
    """Bring the database's unix socket here, for as long as the machine runs."""
    here = directory / SOCKET
    here.unlink(missing_ok=True)
    with (directory / "log" / "forward.log").open("ab") as log:
        child = subprocess.Popen(
            [*ssh(directory, "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{here}:{REMOTE_SOCKET}")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd="/", env=_environment(),
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while not here.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            raise ChannelError("machine: its database's socket could not be forwarded")
        time.sleep(0.05)
    return child


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}

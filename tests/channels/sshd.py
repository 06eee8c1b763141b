"""A real OpenSSH server of the test's own, on loopback, for the account that runs the tests."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proofs.model import Host


@dataclass(frozen=True)
class Sshd:
    """A running server: its port and the files to reach it with."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    def host(self, **changes: object) -> Host:
        """The section `host` of a target that leads here."""
        values = {
            "connection": f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}",
            "identity_file": str(self.directory / "user"),
            "known_hosts": str(self.directory / "known_hosts"),
        }
        return Host(**(values | changes))  # type: ignore[arg-type]


@contextmanager
def serving(directory: Path, settings: str = "") -> Iterator[Sshd]:
    """Start sshd(8) with keys and settings of its own, and wait until it listens."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists():
        pytest.skip("no sshd on this machine (package openssh-server)")
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    public = (directory / "host.pub").read_text().split()
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    (directory / "authorized").write_text((directory / "user.pub").read_text())
    (directory / "sshd_config").write_text(
        f"{settings}ListenAddress 127.0.0.1:{port}\nHostKey {directory}/host\n"
        f"AuthorizedKeysFile {directory}/authorized\n"
        f"PidFile {directory}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [program, "-D", "-e", "-f", directory / "sshd_config"], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, "sshd did not start"
                assert time.monotonic() < deadline, "sshd does not listen"
                time.sleep(0.05)
        yield Sshd(port, directory, process)
    finally:
        process.terminate()
        process.wait()

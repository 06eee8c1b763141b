"""OpenSSH as the channels use it: what its client may do, and local programs that never outlive their look."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from proofs.errors import ChannelError


def options(identity_file: str | None, known_hosts: str | None, **more: str) -> dict[str, str]:
    """Options of ssh_config(5): it asks nothing, takes no unknown host key, lends nothing; and `more`.

    Raises `ChannelError` where the prover's machine has no ssh.
    """
    if shutil.which("ssh") is None:
        raise ChannelError("the prover's machine has no ssh; install openssh-client")
    chosen = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "ForwardAgent": "no",
        "PermitLocalCommand": "no",
        "UpdateHostKeys": "no",
    }
    if identity_file:
        chosen |= {"IdentitiesOnly": "yes", "IdentityFile": f'"{identity_file}"'}
    if known_hosts:
        chosen |= {"UserKnownHostsFile": f'"{known_hosts}"', "GlobalKnownHostsFile": "/dev/null"}
    return chosen | more


@contextmanager
def running(argv: Sequence[str], *, stdin: int, stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, in the C locale; at the end of the block it and its children are gone."""
    process = subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"LC_ALL": "C"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

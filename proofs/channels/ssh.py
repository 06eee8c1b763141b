"""OpenSSH as the channels use it: what its client may do, and local programs that never outlive their look."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
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


def drained(
    process: subprocess.Popen[bytes], seconds: float, most: int, heard: Callable[[bytes], None] | None = None
) -> tuple[bytes, bytes]:
    """Output and errors of a program that is waited for, each empty where it goes elsewhere; `heard` is given errors.

    Raises `TimeoutError` if it has not ended after so many seconds, `OverflowError` above `most` bytes of either.
    """
    deadline = time.monotonic() + seconds
    out, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, out), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, kept)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(left) if left > 0 else []
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif heard is not None and key.data is errors:
                    heard(chunk)
                key.data.extend(chunk)
                if len(key.data) > most:
                    raise OverflowError
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return bytes(out), bytes(errors)

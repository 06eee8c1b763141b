"""The way to a host: a backend of pytest-testinfra, with what it leaves open closed.

OpenSSH asks nothing, accepts no key that known_hosts does not hold, forwards nothing, and carries all looks over one
connection (ssh_config(5): BatchMode, StrictHostKeyChecking, ControlMaster). What a local program (ssh among them)
prints is bounded here in bytes and in time, whatever the host does.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proofs.channels import ssh
from proofs.errors import ChannelError
from proofs.model import Host

MOST_BYTES = 32 << 20
CONNECT_S = 10
_LONGEST_TURN = 1024


class Access:
    """A connection to a host, made at the first command, with options of ssh_config(5) of its own; `close` ends it."""

    def __init__(self, host: Host, **options: str) -> None:
        self._host = host
        self._options = options
        self._backend: Any = None
        self._directory: str | None = None
        self._seconds = 60.0
        self._heard: Callable[[bytes], None] | None = None
        self._talk: Callable[[Callable[[], str]], None] | None = None

    def run(
        self,
        command: str,
        *arguments: str,
        seconds: float = 60.0,
        heard: Callable[[bytes], None] | None = None,
        talk: Callable[[Callable[[], str]], None] | None = None,
        refusable: bool = False,
    ) -> Any:
        """Run a shell command, arguments quoted by testinfra; its `CommandResult`.

        `heard` is given what comes on stderr as it comes (over SSH and on this machine), for showing progress. `talk`
        is given a function that sends the command an empty line and returns the line it answers with; it is left where
        the command ends. `refusable`: that ssh itself failed (exit status 255) is an answer.
        Raises `ChannelError` for a host that is not reached or whose key is not known, and above the limits.
        """
        self._seconds, self._heard, self._talk = seconds, heard, talk
        try:
            if self._backend is None:
                self._backend = self._connect()
            return self._backend.run(command, *arguments)
        except RuntimeError as error:  # what testinfra raises where ssh itself exits with 255
            if refusable and (result := _result(error)) is not None:
                return result
            raise ChannelError(f"no access to the host: {_said(error)}") from None
        except (OSError, ValueError, ImportError) as error:
            raise ChannelError(f"no access to the host: {type(error).__name__}") from None

    def close(self) -> None:
        """End the multiplexed connection, if there is one."""
        if self._directory is not None:
            path = Path(self._directory, "control")
            if path.exists():
                subprocess.run(
                    ["ssh", "-o", f"ControlPath={path}", "-O", "exit", "host"],
                    capture_output=True,
                    check=False,
                    timeout=CONNECT_S,
                )
            path.unlink(missing_ok=True)  # the connection that ends may remove it first, at any moment
            shutil.rmtree(self._directory)
        self._directory = self._backend = None

    def _connect(self) -> Any:
        import testinfra  # noqa: PLC0415 - late: slow to import, and not every target has a host

        settings: dict[str, Any] = {}
        if self._host.connection.startswith("ssh://"):
            settings = {"ssh_extra_args": self._ssh_options(), "timeout": CONNECT_S}
        backend = testinfra.get_host(self._host.connection, **settings).backend
        backend.run_local = self._run_local
        return backend

    def _ssh_options(self) -> str:
        """Options of ssh(1), as one string for a shell; the multiplexed connection gets a directory of its own."""
        options = ssh.options(
            self._host.identity_file,
            self._host.known_hosts,
            ForwardX11="no",
            ClearAllForwardings="yes",
            ServerAliveInterval="5",
            ServerAliveCountMax="3",
            ConnectTimeout=str(CONNECT_S),
            ControlMaster="auto",
            ControlPersist="60",
            LogLevel="ERROR",
        )
        self._directory = tempfile.mkdtemp(prefix="proofs-ssh-")
        options["ControlPath"] = f"{self._directory}/control"
        options |= self._options
        return " ".join(f"-o {shlex.quote(f'{name}={value}')}" for name, value in options.items())

    def _run_local(self, command: str, *arguments: str) -> Any:
        """In place of testinfra's, which waits for ever and keeps whatever is printed."""
        quoted = self._backend.quote(command, *arguments) if self._backend is not None else command
        argv = ["/bin/sh", "-c", quoted]
        stdin = subprocess.DEVNULL if self._talk is None else subprocess.PIPE
        with ssh.running(argv, stdin=stdin, stdout=subprocess.PIPE) as process:
            if self._talk is not None and process.stdin is not None and process.stdout is not None:
                # It ended: its exit status and errors tell more than that it did.
                with contextlib.suppress(EOFError):
                    self._talk(_asking(process.stdin.fileno(), process.stdout.fileno(), self._seconds))
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            try:
                out, errors = ssh.drained(process, self._seconds, MOST_BYTES, self._heard)
            except TimeoutError:
                raise ChannelError(f"the host did not answer within {self._seconds:.0f} s") from None
            except OverflowError:
                raise ChannelError(f"the host answered with more than {MOST_BYTES >> 20} MiB") from None
        return self._backend.result(process.returncode, self._backend.encode(quoted), out, errors)


def _asking(question: int, answers: int, seconds: float) -> Callable[[], str]:
    def ask() -> str:
        deadline = time.monotonic() + seconds
        try:
            os.write(question, b"\n")
        except BrokenPipeError:
            raise EOFError from None
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise ChannelError(f"the host did not answer within {seconds:.0f} s")
                chunk = os.read(answers, _LONGEST_TURN)
                if not chunk:
                    raise EOFError
                line += chunk
                if len(line) > _LONGEST_TURN:
                    raise ChannelError("the host answered with more than a line")
        return line.decode("utf-8", "replace")

    return ask


def _result(error: RuntimeError) -> Any:
    """The result of the command, which testinfra raises with; None for another error."""
    found = error.args[0] if error.args else None
    return found if hasattr(found, "stderr_bytes") else None


def _said(error: RuntimeError) -> str:
    """The last line of what ssh said."""
    text = getattr(_result(error), "stderr", None) or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return ascii(lines[-1][:300])[1:-1] if lines else "ssh exited with 255"

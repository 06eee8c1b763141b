"""Looks at the host's files and sockets, through pytest-testinfra's backends (local, ssh, …).

All of them are read-only but one command, which lifts a ban that a probe brought about.

All is run by one script (`script`): arguments quoted, output and time bounded, `LC_ALL=C`, UTC, with the number of the
host's boot. A command that is missing, or fails for another reason than the one being looked for, is no evidence:
`ChannelError`.
"""

from __future__ import annotations

import ipaddress
import posixpath
import shlex
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from proofs.channels.host import guard, received
from proofs.channels.host.access import Access
from proofs.channels.host.clock import compared
from proofs.channels.host.commands import Command, known
from proofs.channels.host.offer import offered
from proofs.channels.host.output import CommandOutput
from proofs.channels.host.script import answers, script
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Host, Json, Request, Target
from proofs.ports import ExchangeSink

_STAT_FORMAT = "%F|%a|%U|%G|%N"
_LISTEN = "0A"  # TCP_LISTEN of the kernel's include/net/tcp_states.h
_PROC_LIMIT = 1 << 20
_LONGEST_PATH = 4096
_SEARCH_LIMIT_MB = 1024
_SEARCH_SHOWN = 20
GATHER_S = 180.0
BOOT = known()["boot-id"]
"""The command whose answer is another after every restart; asked with every other one. Empty where there is none."""
SHORTEST_S = 30.0
_LOOK_S = 70


class Machine:
    """The channel `host` of one target; see `HostChannel`. The connection is made at the first look."""

    def __init__(self, target: Target, sink: ExchangeSink) -> None:
        self._target = target
        self._sink = sink
        self._access: Access | None = None
        self._boot = ""

    def command(self, name: str, **arguments: str) -> CommandOutput:
        """What a command of the fixed list answered; see `HostChannel.command`."""
        host = self._need_access()
        wanted = known()[name]
        self._need_permission(wanted)
        argv = wanted.filled(arguments)
        if wanted.gathered:
            every = {each.name: each for each in known().values() if each.gathered}
            request = Request("host", "gather", {})
            answer = self._sink.exchange(request, lambda: self._perform(host, self.access(), every), memo=True).answer
            found = answer["commands"].get(name)
            if found is None:
                raise Indeterminate(f"the command {name} is not in evidence")
            return CommandOutput.of(wanted, found)
        request = Request("host", "command", {"command": name, **arguments})
        one = {name: replace(wanted, argv=argv)}
        memo = not (wanted.anew or wanted.changes)
        answer = self._sink.exchange(request, lambda: self._perform(host, self.access(), one), memo=memo).answer
        return CommandOutput.of(wanted, answer["commands"][name])

    def clock(self) -> Json:
        """The host's clock beside the prover's; see `HostChannel.clock`."""
        host, argv = self._need_access(), known()["clock"].argv

        def perform() -> Json:
            told: list[Json] = []
            # One session for all readings: to begin one takes longer than to look at a clock.
            loop = f"while read -r line; do {shlex.join(argv)} || exit; done"
            result = self._connection(host).run("/bin/sh -c %s", loop, talk=lambda ask: told.append(compared(ask)))
            if not told:
                raise ChannelError(f"the host does not tell its time: {argv[0]} ended with exit status {result.rc}")
            return told[0]

        return self._sink.exchange(Request("host", "clock", {}), perform).answer

    def login_received(self, wait_s: int) -> Json:
        """A login's way into the file where the host's log is received; see `HostChannel.login_received`."""
        host = self._need_access()
        if host.log_forwarding is None or host.log_forwarding.received is None:
            raise Indeterminate("the inventory does not say where the log is received (host.log_forwarding.received)")
        path = host.log_forwarding.received

        def perform() -> Json:
            before = received.mark(path)
            # The connection that all looks share was logged in to long ago: this asks for a line of its own.
            access = Access(host)
            try:
                every = {name: known()[name] for name in received.ASKED}
                found = self._perform(host, access, every)["commands"]
            finally:
                access.close()
            said = {name: CommandOutput.of(each, found[name]).stdout.strip() for name, each in every.items()}
            return received.awaited(before, received.login(said), wait_s)

        return self._sink.exchange(Request("host", "login_received", {"wait_s": wait_s}), perform, memo=True).answer

    def ssh_offer(self) -> Json:
        """What the running sshd offers; see `HostChannel.ssh_offer`."""
        host = self._need_access()
        return self._sink.exchange(Request("host", "ssh_offer", {}), lambda: offered(host), memo=True).answer

    @contextmanager
    def unban_if_gone(self, *, jail: str, address: str) -> Iterator[None]:
        """While the block runs, a guard stands; see `HostChannel.unban_if_gone`."""
        host, wanted = self._need_access(), known()["fail2ban-unban"]
        self._need_permission(wanted)
        argv = wanted.filled({"jail": jail, "address": address})
        with ExitStack() as stands:

            def perform() -> Json:
                stands.enter_context(guard.standing(host, argv))
                return {"standing": True}

            self._sink.exchange(Request("host", "unban_if_gone", {"jail": jail, "address": address}), perform)
            yield

    def access(self) -> Access:
        """The way to the host, for a channel whose program runs for long there. `Indeterminate` without host access."""
        return self._connection(self._need_access())

    def close(self) -> None:
        """End the connection to the host."""
        if self._access is not None:
            self._access.close()

    def _perform(self, host: Host, access: Access, wanted: Mapping[str, Command]) -> Json:
        commands = {BOOT.name: BOOT, **wanted}
        text = script(
            ((name, each.root, each.seconds, each.limit, each.argv) for name, each in commands.items()), sudo=host.sudo
        )
        longest = max(SHORTEST_S, sum(each.seconds for each in wanted.values()) if len(wanted) == 1 else GATHER_S)
        result = access.run("/bin/sh -c %s", text, seconds=longest)
        limits = {name: each.limit for name, each in commands.items()}
        found = answers(result.stdout_bytes.decode("utf-8", "replace"), limits)
        self._of_one_boot(found[BOOT.name]["stdout"].strip())
        return {"commands": found}

    def _of_one_boot(self, boot: str) -> None:
        """What is seen before and after a restart of the host is not of one state: the rest is no evidence."""
        self._boot = self._boot or boot
        if boot != self._boot:
            raise ChannelError("the host was restarted meanwhile: what was seen before need no longer be true")

    def _connection(self, host: Host) -> Access:
        if self._access is None:
            self._access = Access(host)
        return self._access

    def stat_path(self, path: str) -> Sequence[Json]:
        """{path, type, mode, owner, group, link} of a file and every directory above it, leaf first.

        `mode` is an octal string, `link` where a symbolic link points to (links are not followed). Raises
        `Indeterminate` without host access, `ChannelError` for a path that is not absolute or cannot be looked at.
        """
        self._need_access()
        if not path.startswith("/") or "\n" in path or len(path) > _LONGEST_PATH:
            raise ChannelError(f"not an absolute path: {path[:100]!r}")
        paths = _upwards(path)

        def perform() -> Json:
            lines = self._look("stat", "-c", _STAT_FORMAT, "--", *paths).splitlines()
            if len(lines) != len(paths):
                raise ChannelError(f"stat answered {len(lines)} lines for {len(paths)} paths")
            return {"entries": [_entry(p, line) for p, line in zip(paths, lines, strict=True)]}

        request = Request("host", "stat_path", {"path": path})
        entries: list[Json] = self._sink.exchange(request, perform, memo=True).answer["entries"]
        return entries

    def read_text(self, path: str, *, limit: int = 65536) -> str:
        """The first `limit` bytes of a file, as UTF-8 with replacements. Raises as `stat_path`."""
        self._need_access()
        perform = lambda: {"text": self._look("head", "-c", str(limit), "--", path, limit=limit)}  # noqa: E731
        request = Request("host", "read_text", {"path": path, "limit": limit})
        return str(self._sink.exchange(request, perform, memo=True).answer["text"])

    def search(self, directory: str, text: str) -> Sequence[str]:
        """Files below a directory that hold `text` (plain ASCII), links not followed.

        Raises `Indeterminate` without host access or above `_SEARCH_LIMIT_MB`, `ChannelError` where a file cannot be
        read (and so was not searched).
        """
        self._need_access()
        if not directory.startswith("/") or not text.isascii() or not text.isprintable():
            raise ChannelError(f"not to be searched for: {text[:40]!a} in {directory[:100]!a}")

        def perform() -> Json:
            size = self._look("du", "-s", "-m", "--", directory).split()[0]
            if int(size) > _SEARCH_LIMIT_MB:
                return {"too_large_mb": int(size)}
            found = self._look("timeout", "60", "grep", "-rlaF", "-e", text, "--", directory, exits=(0, 1))
            return {"files": found.splitlines()[:_SEARCH_SHOWN]}

        answer = self._sink.exchange(
            Request("host", "search", {"directory": directory, "text": text}), perform, memo=True
        ).answer
        if "files" not in answer:
            raise Indeterminate(f"{directory} holds {answer['too_large_mb']} MiB, more than is searched")
        files: list[str] = answer["files"]
        return files

    def listening(self) -> Sequence[Json]:
        """{address, port} of each listening TCP socket in the host's own network namespace, IPv4 and IPv6."""
        self._need_access()

        def perform() -> Json:
            files = ("/proc/net/tcp", "/proc/net/tcp6")
            text = self._look("head", "-q", "-c", str(_PROC_LIMIT), *files, limit=2 * _PROC_LIMIT)
            return {"sockets": listening_sockets(text)}

        sockets: list[Json] = self._sink.exchange(Request("host", "listening", {}), perform, memo=True).answer[
            "sockets"
        ]
        return sockets

    def _need_permission(self, wanted: Command) -> None:
        if wanted.changes and not self._target.allow_ban_probe:
            raise ChannelError(f"{self._target.name} does not allow {wanted.name} to be run (allow_ban_probe)")

    def _need_access(self) -> Host:
        if self._target.host is None:
            raise Indeterminate("the target names no host access (host)")
        return self._target.host

    def _look(self, *argv: str, exits: tuple[int, ...] = (0,), limit: int = 65536) -> str:
        """What a program prints of files that the inventory or the server names, run as the list's commands are."""
        host = self._need_access()
        command = Command("look", argv, root=host.sudo, exits=exits, limit=limit, seconds=_LOOK_S)
        found = self._perform(host, self._connection(host), {command.name: command})["commands"]
        return CommandOutput.of(command, found[command.name]).stdout

    def same_boot(self) -> None:
        """Raises `ChannelError` where the host was restarted since the first look."""
        host = self._need_access()
        self._perform(host, self._connection(host), {})


def _upwards(path: str) -> list[str]:
    """A path and every directory above it, leaf first. `..` is not resolved: links may lie before it."""
    paths = [path]
    while posixpath.dirname(paths[-1]) != paths[-1]:
        paths.append(posixpath.dirname(paths[-1]))
    return paths


def _entry(path: str, line: str) -> dict[str, Any]:
    try:
        kind, mode, owner, group, names = line.split("|", 4)
    except ValueError:
        raise ChannelError(f"stat answered in another format: {line[:200]!r}") from None
    # GNU stat(1) quotes names for a shell unless told otherwise.
    link = shlex.split(names)[-1] if kind == "symbolic link" else None
    kind = "regular file" if kind == "regular empty file" else kind
    return {"path": path, "type": kind, "mode": mode.zfill(4), "owner": owner, "group": group, "link": link}


def listening_sockets(text: str) -> list[dict[str, Any]]:
    """{address, port} of the lines in state LISTEN of /proc/net/tcp and tcp6.

    Format: proc(5); addresses are words of 32 bits in the host's byte order (little-endian on every machine these
    servers are packaged for but s390x), the port is big-endian.
    """
    found = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[3] != _LISTEN or ":" not in fields[1]:
            continue
        words, port = fields[1].rsplit(":", 1)
        numbers = [int(words[i : i + 8], 16) for i in range(0, len(words), 8)]
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        found.add((str(ipaddress.ip_address(packed)), int(port, 16)))
    return [{"address": address, "port": port} for address, port in sorted(found)]

"""What the commands for secrets answered: files and lines, processes and names, never values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.ports import CommandResult, HostChannel

_LISTED = re.compile(r"(?P<mode>[0-7]{1,5})\|(?P<size>[0-9]+)\|(?P<owner>[^|]*)\|(?P<path>/.*)")
_FOUND = re.compile(r"(?P<path>/.*?):(?P<line>[0-9]+):(?P<name>.*)")
_OF_PROCESS = re.compile(r"/proc/(?P<pid>[0-9]+)/(?:cmdline|environ):(?P<name>.*)", re.DOTALL)
_GONE = re.compile(r"(find|grep): .*: No such (file or directory|process)")
_ERRORS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that was searched: its permission bits, size in bytes, and (line, name) of each secret in it."""

    path: str
    mode: int
    size: int
    secrets: tuple[tuple[int, str], ...]

    def describe(self) -> str:
        """File and first line, with the name of what is there; never its value."""
        line, name = self.secrets[0]
        return f"{self.path!a} line {line} ({name[:60]!a}, mode {self.mode:04o})"


def searched(machine: HostChannel, command: str) -> list[SecretFile]:
    """Every file that a command of the list searched. `Indeterminate` where one could not be read."""
    answer = _complete(machine, command)
    listed: dict[str, tuple[int, int]] = {}
    found: dict[str, list[tuple[int, str]]] = {}
    for line in answer.lines:
        if match := _LISTED.fullmatch(line):
            listed[match["path"]] = (int(match["mode"], 8), int(match["size"]))
        elif match := _FOUND.fullmatch(line):
            found.setdefault(match["path"], []).append((int(match["line"]), match["name"].strip()))
        else:
            raise Indeterminate(f"the search for secrets answered in another format: {line[:60]!a}")
    if set(found) - set(listed):
        raise Indeterminate(f"a secret was found in a file that was not searched: {min(set(found) - set(listed))!a}")
    return [SecretFile(path, *facts, tuple(found.get(path, ()))) for path, facts in sorted(listed.items())]


def by_process(machine: HostChannel, command: str, witness: int) -> dict[int, Sequence[str]]:
    """Names seen of each process, in their order. `Indeterminate` unless the process `witness` is among them.

    grep(1) gives up on an argument that is made to be hard for it, and all that come after, so its errors count too.
    """
    found: dict[int, list[str]] = {}
    for record in _complete(machine, command).stdout.split("\0"):
        if record:
            match = _OF_PROCESS.fullmatch(record)
            if not match:
                raise Indeterminate(f"the search of processes answered in another format: {record[:60]!a}")
            found.setdefault(int(match["pid"]), []).append(match["name"])
    if witness not in found:
        raise Indeterminate(f"the server's own process {witness} was not seen, so others may be hidden too")
    return dict(found)


def _complete(machine: HostChannel, command: str) -> CommandResult:
    answer = machine.command(command)
    troubles = [line for line in answer.stderr.splitlines() if not _GONE.fullmatch(line) or "'grep'" in line]
    if troubles or len(answer.stderr) >= _ERRORS_KEPT:
        raise Indeterminate(f"not all was searched for secrets: {(troubles or ['many errors'])[0][:200]!a}")
    return answer

"""The rules that let an account run, as root and without a password, what the fixed list runs as root: sudoers(5).

Constant command lines stand as they are; where an argument goes stands a regular expression of sudo 1.9.10 and later,
anchored at both ends. No argument holds a blank, so that one cannot pass for two, and no path climbs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from proofs.channels.host.commands import Command, known

_SEGMENT = "([^/. ][^/ ]*|[.][^/. ][^/ ]*|[.][.][^/ ]+)"
_PATH = f"/({_SEGMENT}/)*{_SEGMENT}?"
_ARGUMENTS = {
    "unit": "[A-Za-z0-9][A-Za-z0-9@._:-]*",
    "jail": "[A-Za-z0-9][A-Za-z0-9._-]*",
    "package": "[a-z0-9][a-z0-9.+-]*",
    "pid": "[1-9][0-9]*",
    "profile": "[A-Za-z0-9][A-Za-z0-9._-]*",
    "path": _PATH,
    "datastream": _PATH,
    "tailoring": _PATH,
}
_LOOKS = (
    # Of files, by Machine.stat_path, read_text, search and listening.
    ("stat", f"-c %F[|]%a[|]%U[|]%G[|]%N --( {_PATH})+"),
    ("head", f"-c [0-9]+ -- {_PATH}"),
    ("head", "-q -c [0-9]+ /proc/net/tcp /proc/net/tcp6"),
    ("du", f"-s -m -- {_PATH}"),
    ("timeout", f"60 grep -rlaF -e [!-~]+ -- {_PATH}"),
)
_HEADER = """\
# What proofs run as root on this host, and nothing else. Made by tools/sudoers.py; needs sudo 1.9.10 or later.
# Put it into /etc/sudoers.d (owner root, mode 0440) and check it: visudo --check
# These rules let the account read every file of this host; none lets it change one.
"""


def sudoers(account: str) -> str:
    """The file for an account of the host. Raises `ValueError` for what is no name of an account."""
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", account):
        raise ValueError(f"no name of an account: {account[:40]!a}")
    rules = dict.fromkeys([*_rules(), *(_expression(program, text) for program, text in _LOOKS)])
    return _HEADER + "".join(f"{account} ALL=(root) NOPASSWD: {rule}\n" for rule in rules)


def table() -> str:
    """The fixed list as a table of Markdown, for docs/hosts.md."""
    rows = ["| What | Command | As root |", "| --- | --- | --- |"]
    for command in known().values():
        line = shlex.join(command.argv).replace("|", "\\|")
        rows.append(f"| {command.name} | `` {line} `` | {'yes' if command.root else ''} |")
    return "\n".join(rows) + "\n"


def _rules() -> Iterator[str]:
    for command in known().values():
        if command.root:
            yield _of(command)


def _of(command: Command) -> str:
    program, *words = command.argv
    if not command.placeholders:
        return f"{_program(program)} {_constant(words)}"
    parts = re.split(r"\{(\w+)\}", " ".join(words))
    return _expression(program, "".join(_ARGUMENTS[p] if i % 2 else _literal(p) for i, p in enumerate(parts)))


def _program(name: str) -> str:
    return f"^/usr/s?bin/{name}$"


def _constant(words: list[str]) -> str:
    """Arguments as they are. sudoers(5), Wildcards and Other special characters: what fnmatch(3) would take for a
    pattern is escaped for it, and what the file's own reader would take for punctuation for that."""
    text = re.sub(r"[\\*?\[\]]", lambda m: "\\\\" * 2 if m[0] == "\\" else f"\\{m[0]}", " ".join(words))
    # A rule without arguments would allow any.
    return re.sub(r"[,:=#]", lambda m: f"\\{m[0]}", text) or '""'


def _literal(text: str) -> str:
    """A regular expression for just this text. Brackets, for the file's reader has a use of its own for backslashes."""
    return re.sub(r"[.*+?|()\[\]{}$]", lambda m: f"[{m[0]}]", text).replace("^", r"\^")


def _expression(program: str, text: str) -> str:
    return f"{_program(program)} ^{text}$"

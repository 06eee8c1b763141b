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
    "action": "[A-Za-z0-9][A-Za-z0-9._-]*",
    "package": "[a-z0-9][a-z0-9.+-]*",
    "pid": "[1-9][0-9]*",
    "address": "[0-9A-Fa-f.:]+",
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


_BANS = """\
# Asked for with --bans: lifts a ban of fail2ban's, for the probe that has a vantage of the prover's banned. The only
# rule here that changes anything; leave it out where the inventory does not say allow_ban_probe: true.
"""


def sudoers(account: str, *, bans: bool = False) -> str:
    """The file for an account of the host; with `bans` it may lift bans of fail2ban's too.

    Raises `ValueError` for what is no name of an account.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", account):
        raise ValueError(f"no name of an account: {account[:40]!a}")
    rules = dict.fromkeys([*_rules(changes=False), *(_expression(program, text) for program, text in _LOOKS)])
    header = _HEADER.replace("none lets it change one", "none lets it write to one") if bans else _HEADER
    text = header + "".join(_rule(account, each) for each in rules)
    return text + _BANS + "".join(_rule(account, each) for each in _rules(changes=True)) if bans else text


def table() -> str:
    """The fixed list as a table of Markdown, for docs/hosts.md."""
    rows = ["| What | Command | As root |", "| --- | --- | --- |"]
    for command in known().values():
        line = shlex.join(command.argv).replace("|", "\\|")
        rows.append(f"| {command.name} | `` {line} `` | {_rights(command)} |")
    return "\n".join(rows) + "\n"


def _rights(command: Command) -> str:
    return "yes; changes something, see above" if command.changes else "yes" if command.root else ""


def _rule(account: str, expression: str) -> str:
    return f"{account} ALL=(root) NOPASSWD: {expression}\n"


def _rules(*, changes: bool) -> Iterator[str]:
    for command in known().values():
        if command.root and command.changes == changes:
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

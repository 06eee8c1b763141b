"""How a rule of iptables spells its options: the words of a line, under one name each.

iptables(8), iptables-extensions(8). iptables-save prints one spelling; a file that somebody wrote may hold others.
"""

from __future__ import annotations

from collections.abc import Iterator

_LONG = {
    "--protocol": "-p", "--proto": "-p", "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d",
    "--in-interface": "-i", "--out-interface": "-o", "--match": "-m", "--jump": "-j", "--goto": "-g",
}  # fmt: skip
_PORTS = {
    "--destination-port": "--dport",
    "--source-port": "--sport",
    "--destination-ports": "--dports",
    "--source-ports": "--sports",
}
SHORT = frozenset((*_LONG.values(), "-f"))
_TEXTS = frozenset(("--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--name", "--string"))
"""Options with one value that may look like an option."""


def options(words: list[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """(negated, option, its values), by the names that iptables-save has for them.

    `ValueError` for the other spellings that getopt_long(3) would take (`-jACCEPT`, `--jum ACCEPT`, `--jump=ACCEPT`):
    a target must not be missed.
    """
    at = 0
    while at < len(words):
        negated = words[at] == "!"
        at += negated
        option = words[at]
        option, start = _LONG.get(option) or _PORTS.get(option) or option, at + 1
        shortened = option.startswith("--") and any(name.startswith(option) for name in _LONG)
        if shortened or "=" in option or not (option in SHORT or option.startswith("--")):
            raise ValueError(option)
        at = start + 1 if option in _TEXTS else start
        while option not in _TEXTS and at < len(words) and not words[at].startswith("-") and words[at] != "!":
            at += 1
        yield negated, option, words[start:at]

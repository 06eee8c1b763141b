"""Rules as iptables-save(8) and ip6tables-save(8) print them, in the common form: tables and chains.

What they print, and more, is what iptables-restore(8) reads: files that a service loads are read here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from proofs.errors import Indeterminate
from proofs.probes.host.netfilter.iptables_rules import rule_of
from proofs.probes.host.netfilter.rules import Chain, Rule, Table

_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "", "OUTPUT": "", "POSTROUTING": ""}
_BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
"""iptables(8), "Tables": chains that are there with the table, where only these have policies."""
_POLICIES = {"ACCEPT": "accept", "DROP": "drop"}
# As iptables-restore takes a line apart: double quotes only, a backslash only within them.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_WORD = re.compile(rf'(?:{_QUOTED}|[^\s"])+')


def tables(text: str, family: int) -> list[Table]:
    """The tables that an output or a file holds: of one that comes twice the last, as loading it flushes the first.

    `Indeterminate` for a line of another form and for a text that was cut.
    """
    return _tables([text], family, keep=False)


def added(texts: Iterable[str], family: int) -> list[Table]:
    """The tables after each text was loaded by `iptables-restore --noflush`, one after the other.

    Rules are added to those of the texts before; a chain of one's own that is declared once more is emptied, a chain
    that is built in only gets a policy. `Indeterminate` as for `tables`.
    """
    return _tables(texts, family, keep=True)


def _tables(texts: Iterable[str], family: int, *, keep: bool) -> list[Table]:
    found: dict[str, Table] = {}
    for text in texts:
        table: Table | None = None
        for line in text.splitlines():
            if line.startswith("*"):
                if table is not None:
                    raise Indeterminate(f"rules of iptables-save: table {table.name!a} ends without COMMIT")
                name = line[1:].strip()
                table = found[name] if keep and name in found else _new(name, family)
                found[name] = table
            elif line.strip() == "COMMIT":
                table = None
            elif line.strip() and not line.startswith("#"):
                if table is None:
                    raise _odd(line)
                _line(line, table, family)
        if table is not None:
            raise Indeterminate(f"rules of iptables-save: table {table.name!a} ends without COMMIT")
    for table in found.values():
        _resolve(table)
    return list(found.values())


def _new(name: str, family: int) -> Table:
    chains = {chain: Chain(hook=_HOOKS[chain] or None) for chain in _BUILT_IN.get(name, ())}
    return Table(name, (family,), chains)


def _odd(line: str) -> Indeterminate:
    return Indeterminate(f"rules of iptables-save in another format: {line[:200]!a}")


def _line(line: str, table: Table, family: int) -> None:
    try:
        words = _words(line)
        if line.startswith(":"):
            _declare(words[0][1:], words[1], table)
            return
        if words[0].startswith("["):  # counters, with --counters
            words = words[1:]
        command, chain, *rest = words
        rules = table.chains[chain].rules
        if command in ("-A", "--append"):
            rules.append(rule_of(rest, family))
            return
        if command in ("-I", "--insert"):
            place = int(rest.pop(0)) if rest and rest[0].isdecimal() else 1
            rules.insert(place - 1, rule_of(rest, family))
            return
    except (ValueError, KeyError, IndexError):
        pass
    raise _odd(line)


def _declare(name: str, policy: str, table: Table) -> None:
    if name not in _BUILT_IN.get(table.name, ()):
        if policy != "-":
            raise ValueError(policy)
        table.chains[name] = Chain()
    elif policy != "-":
        table.chains[name].policy = _POLICIES[policy]


def _words(line: str) -> list[str]:
    if not re.fullmatch(rf'(?:{_QUOTED}|[^"])*', line):
        raise ValueError("a quote is not closed")
    return [
        re.sub(_QUOTED, lambda quoted: re.sub(r"\\(.)", r"\1", quoted[0][1:-1]), word) for word in _WORD.findall(line)
    ]


def _resolve(table: Table) -> None:
    """A target that is no chain of the table is none that is known: its rule may do anything."""
    for chain in table.chains.values():
        chain.rules = [
            Rule(rule.condition, "unknown")
            if rule.kind in ("jump", "goto") and rule.target not in table.chains
            else rule
            for rule in chain.rules
        ]

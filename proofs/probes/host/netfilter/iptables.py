"""Rules as iptables-save(8) and ip6tables-save(8) print them, in the common form: tables and chains."""

from __future__ import annotations

import shlex

from proofs.errors import Indeterminate
from proofs.probes.host.netfilter.iptables_rules import rule_of
from proofs.probes.host.netfilter.rules import Chain, Rule, Table

_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input"}


def tables(text: str, family: int) -> list[Table]:
    """The tables that an output holds. `Indeterminate` for a line of another form and for an output that was cut."""
    found: list[Table] = []
    table: Table | None = None
    for line in text.splitlines():
        if line.startswith("*"):
            if table is not None:
                raise Indeterminate(f"iptables-save ended table {table.name!a} without COMMIT")
            table = Table(line[1:].strip(), (family,))
            found.append(table)
        elif line.strip() == "COMMIT":
            table = None
        elif line.strip() and not line.startswith("#"):
            if table is None:
                raise Indeterminate(f"iptables-save answered in another format: {line[:200]!a}")
            _line(line, table, family)
    if table is not None:
        raise Indeterminate(f"iptables-save ended table {table.name!a} without COMMIT")
    for table in found:
        _resolve(table)
    return found


def _line(line: str, table: Table, family: int) -> None:
    try:
        words = shlex.split(line)
        if line.startswith(":"):
            name, policy = words[0][1:], words[1]
            hook = _HOOKS.get(name) if policy != "-" else None
            table.chains[name] = Chain(hook=hook, policy="accept" if policy == "ACCEPT" else "drop")
            return
        if words[0].startswith("["):  # counters, with --counters
            words = words[1:]
        append, chain, *rest = words
        if append == "-A":
            table.chains[chain].rules.append(rule_of(rest, family))
            return
    except (ValueError, KeyError, IndexError):
        pass
    raise Indeterminate(f"iptables-save answered in another format: {line[:200]!a}")


def _resolve(table: Table) -> None:
    """A target that is no chain of the table is none that is known: its rule may do anything."""
    for chain in table.chains.values():
        chain.rules = [
            Rule(rule.condition, "unknown")
            if rule.kind in ("jump", "goto") and rule.target not in table.chains
            else rule
            for rule in chain.rules
        ]

"""The ruleset as nft(8) prints it with --json, in the common form.

Format: libnftables-json(5). Chains, verdicts, verdict maps and sets here; matches in `nft_matches`. An expression that
is not known leaves a rule that may do anything. What iptables-nft made has such (`xt`): iptables-save tells those.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from proofs.errors import Indeterminate
from proofs.probes.host.netfilter.nft_matches import Sets, fleeting, key_is, match_of
from proofs.probes.host.netfilter.rules import EITHER, UNKNOWN, Chain, Condition, Every, Kind, Not, Rule, Table

FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_PLAIN: dict[str, Kind] = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return"}
_PLAIN |= {
    "continue": "continue",
    "dnat": "translate",
    "redirect": "translate",
    "masquerade": "accept",
    "snat": "accept",
}
_NO_VERDICT = frozenset(
    ("counter", "log", "mangle", "notrack", "ct helper", "ct timeout", "ct expectation", "flow", "last")
)
"""Statements that pass the packet on to the next."""
_MOMENT = frozenset(("limit", "ct count", "quota", "meter", "set"))
"""Statements that pass it on or not, as the moment likes (`set` where it holds a limit)."""


def tables(text: str, *, but: frozenset[tuple[str, str]] = frozenset()) -> list[Table]:
    """The tables for IPv4 and IPv6, but those of (family, name) in `but`. `Indeterminate` for another format."""
    try:
        objects = json.loads(text)["nftables"]
        return _tables([each for each in objects if isinstance(each, dict)], but)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, StopIteration) as error:
        raise Indeterminate(f"nft --json answered in another format ({type(error).__name__})") from None


def _tables(objects: list[dict[str, Any]], but: frozenset[tuple[str, str]]) -> list[Table]:
    found: dict[tuple[str, str], Table] = {}
    sets: dict[tuple[str, str], dict[str, Any]] = {}

    def of_kind(*kinds: str) -> Iterator[Any]:
        return (each[kind] for each in objects for kind in kinds if kind in each)

    for each in of_kind("table"):
        key = (each["family"], each["name"])
        if each["family"] in FAMILIES and key not in but and _awake(each):
            found[key], sets[key] = Table(each["name"], FAMILIES[each["family"]]), {}
    for each in of_kind("set", "map"):
        if (key := (each["family"], each["table"])) in found:
            sets[key][each["name"]] = each
    for each in of_kind("chain"):
        if (key := (each["family"], each["table"])) in found:
            chain = Chain(hook=each.get("hook"), policy=each.get("policy", "accept"))
            found[key].chains[each["name"]] = chain
    for each in of_kind("rule"):
        if (key := (each["family"], each["table"])) in found:
            found[key].chains[each["chain"]].rules += _rules(each["expr"], sets[key], found[key])
    return list(found.values())


def _rules(expressions: list[Any], sets: Sets, table: Table) -> list[Rule]:
    """The rules that one line makes: a verdict map is one for each of its entries."""
    conditions: list[Condition] = []
    for expression in expressions:
        name, body = _statement(expression)
        if name == "match":
            conditions.append(match_of(body, sets))
        elif name in _MOMENT:
            conditions.append(EITHER)
        elif name in _PLAIN:
            return [Rule(Every(tuple(conditions)), _PLAIN[name])]
        elif name in ("jump", "goto"):
            kind: Kind = "jump" if name == "jump" else "goto"
            return [Rule(Every(tuple(conditions)), kind, str(body["target"]))]
        elif name == "vmap":
            return _map(body, conditions, sets, table)
        elif name == "xt" and body.get("type") == "match":
            conditions.append(UNKNOWN)
        elif name not in _NO_VERDICT:
            return [Rule(Every(tuple(conditions)), "unknown")]
    return [Rule(Every(tuple(conditions)), "continue")]


def _statement(expression: Any) -> tuple[str, Any]:
    return (expression, {}) if isinstance(expression, str) else next(iter(expression.items()))


def _map(body: Mapping[str, Any], conditions: list[Condition], sets: Sets, table: Table) -> list[Rule]:
    data = body["data"]
    if isinstance(data, str):
        known = sets.get(data.removeprefix("@"))
        entries = known.get("elem", []) if known and not fleeting(known) else None
    else:
        entries = data.get("set")
    if entries is None:
        return [Rule(Every(tuple(conditions)), "unknown")]
    made, others = [], list(conditions)
    for key, verdict in entries:
        condition = key_is(body["key"], key, sets)
        for rule in _rules([verdict], sets, table):
            made.append(Rule(Every((*others, condition)), rule.kind, rule.target))
        # The first entry that has the key decides; a prefix within another comes with intervals only.
        others.append(Not(condition))
    return made


def _awake(table: Mapping[str, Any]) -> bool:
    """The kernel leaves a dormant table out (nft(8), "Tables"). nft 1.0.6 shows the table's name in place of its flags;
    what is left out here can only have dropped more."""
    flags = _listed(table.get("flags", []))
    return set(flags) <= {"owner", "persist"} and table["name"] not in flags


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

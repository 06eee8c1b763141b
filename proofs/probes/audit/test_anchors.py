"""Anchors: what was written down of the chain's head, elsewhere, while it grew. Only they show a chain made anew."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import Json, ParameterValue, Target
from proofs.ports import HostChannel, LedgerChannel, SqlChannel

CLOCKS_APART_S = 60
"""How far ahead the clock of whoever anchors may be; an anchor of the future would look recent for ever."""
SERVER_DIRECTORIES = ("datadir", "tmpdir", "secure_file_priv")


def test_every_anchor_lies_on_the_chain(ledger: LedgerChannel, target: Target) -> None:
    """Each anchored id is still there with the hash it had: who rewrites the chain can't rewrite the anchors."""
    declared(target)
    chain = ledger.chain()
    assert chain["anchors_unread"] is None, chain["anchors_unread"]
    anchors = chain["anchors"]
    assert anchors["compared"] + anchors["before"] > 0, "there is no anchor: nothing of the chain was written down"
    assert anchors["wrong"] == 0, (
        f"{anchors['wrong']} of {anchors['compared']} anchors do not lie on the chain: {anchors['first_wrong']}"
    )


def test_anchors_are_taken_regularly(ledger: LedgerChannel, target: Target, params: dict[str, ParameterValue]) -> None:
    """Between two anchors lies no more time than agreed: what happens in between nobody could disprove."""
    store = stored(ledger, target, params)
    assert store["backwards"] == 0, f"line {store['first_backwards']}: an anchor is older than the one before it"
    longest = store["longest_gap_s"]
    assert longest is None or longest <= number(params["max_gap_s"]), (
        f"{longest:.0f} s passed before the anchor at line {store['longest_gap_line']}, "
        f"at most {params['max_gap_s']} s are agreed"
    )


def test_newest_anchor_is_recent(ledger: LedgerChannel, target: Target, params: dict[str, ParameterValue]) -> None:
    """The anchors go on: the newest is recent, and few events are younger than it."""
    store = stored(ledger, target, params)
    age = (moment(store["read_at"]) - moment(store["last"]["time"])).total_seconds()
    assert age <= number(params["max_age_s"]), (
        f"the newest anchor is {age:.0f} s old ({store['last']['time']}), at most {params['max_age_s']} s are agreed"
    )
    assert age >= -CLOCKS_APART_S, f"the newest anchor is of the future: {store['last']['time']}"
    tail = ledger.chain()["rows_after_anchor"]
    assert tail <= number(params["max_tail_rows"]), (
        f"{tail} events are younger than the newest anchor, at most {params['max_tail_rows']} are agreed"
    )


def test_store_is_out_of_the_servers_reach(
    ledger: LedgerChannel,
    sql: SqlChannel,
    machine: HostChannel,
    target: Target,
    params: dict[str, ParameterValue],
) -> None:
    """The store is what the inventory says it is, as far as can be seen, and of a kind that is accepted."""
    kind = declared(target)
    store = ledger.anchors(window(params))
    place = store["place"]
    accepted = params["accepted_stores"]
    assert isinstance(accepted, tuple) and kind in accepted, (
        f"the anchors are kept {kind}, accepted are {', '.join(map(str, accepted))} (accepted_stores)"  # type: ignore[arg-type]
    )
    assert int(place["mode"], 8) & 0o022 == 0, f"{place['path']} may be written by others (mode {place['mode']})"
    if kind == "append-only":
        assert place["append_only"], f"{place['path']} does not have the attribute append-only (chattr +a)"
    if store["same_machine"] is None:
        raise Indeterminate(f"whether {target.database.host} is this machine cannot be told: its name is unknown")
    if not store["same_machine"] or _forwarded(store, machine, target):
        return
    assert kind != "off-host", f"{place['path']} is on the database's own host ({target.database.host} is this machine)"
    for name in SERVER_DIRECTORIES:
        directory = sql.variable(name)
        assert not directory or not within(place["path"], directory), f"{place['path']} lies in the server's {name}"


def _forwarded(store: Json, machine: HostChannel, target: Target) -> bool:
    """Whether the address of this machine leads to another one: a port forwarder stands between.

    The host tells the boot id of its kernel (random(4)); a host that lied about it would but be believed not to be this
    machine, whose files its administrator cannot reach in any case.
    """
    if target.host is None or target.host.local or store.get("boot_id") is None:
        return False
    return machine.command("boot-id").stdout.strip() != str(store["boot_id"])


def declared(target: Target) -> str:
    """The kind of store that the inventory declares."""
    if target.audit is None:
        raise Indeterminate("the inventory describes no audit (audit)")
    if target.audit.anchors is None:
        raise Indeterminate("the inventory names no anchors (audit.anchors)")
    return target.audit.anchors.store


def stored(ledger: LedgerChannel, target: Target, params: dict[str, ParameterValue]) -> Json:
    """What the store holds; a store without an anchor is a failure of every probe that needs one."""
    declared(target)
    store = ledger.anchors(window(params))
    assert store["count"] > 0, f"{store['place']['path']} holds no anchor"
    return store


def window(params: dict[str, ParameterValue]) -> int:
    """Seconds back from now in which gaps count."""
    return int(number(params["window_hours"]) * 3600)


def number(value: Any) -> float:
    """A parameter that the catalogue's schema has as a number."""
    return float(value)


def moment(text: str) -> datetime:
    """A time of the store."""
    return datetime.fromisoformat(text)


def within(path: str, directory: str) -> bool:
    """Whether a path lies in a directory, as both are spelled."""
    return PurePosixPath(path).is_relative_to(PurePosixPath(directory))

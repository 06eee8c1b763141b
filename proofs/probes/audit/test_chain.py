"""The chain: every stored hash is what its row's columns give, and every row follows the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proofs.errors import Indeterminate, NotApplicable
from proofs.model import Json, Target
from proofs.ports import LedgerChannel

CONTENT = ("content", "stored-hash", "stored-link", "foreign")
ENDS = ("tail", "head")
TOLD = 5


def test_every_hash_is_what_its_row_gives(ledger: LedgerChannel) -> None:
    """Each row's hash is computed anew, outside the database, from what is stored and nothing else.

    One that can't be is no better than one that is wrong: a hash over a clock, or over values that were not kept, shows
    nothing to anybody.
    """
    chain = walked(ledger)
    wrong = [finding for finding in chain["findings"] if finding["kind"] in CONTENT]
    assert chain["unhashed"] == 0, (
        f"{chain['unhashed']} of {chain['rows']} events have a hash that their stored columns do not give by the recipe"
        f"{': ' + told(wrong) if chain['unhashed'] < chain['rows'] else ': not one of them does'}"
    )


def test_every_event_follows_the_one_before(ledger: LedgerChannel) -> None:
    """From the genesis value to the last row, each previous hash is the hash of the row before; ids rise.

    Only where the previous hash is itself hashed does a link hold anything.
    """
    chain = walked(ledger)
    assert chain["bound"], "the recipe does not hash the previous hash: the events are not tied to each other"
    loose = [finding for finding in chain["findings"] if finding["kind"] not in ("content", *ENDS)]
    assert not (chain["unlinked"] or chain["misnumbered"] or loose), (
        f"{chain['unlinked']} of {chain['rows']} events are not linked to the one before, "
        f"{chain['misnumbered']} are not numbered after it: {told(loose)}"
    )


def test_chain_ends_where_its_head_says(ledger: LedgerChannel, target: Target) -> None:
    """The end that the database itself keeps, for whoever appends next, is the last row: nothing was cut off."""
    chain = walked(ledger)
    if target.audit is not None and target.audit.head is None:
        raise NotApplicable("the inventory names no table that holds the chain's end (audit.head)")
    ends = [finding for finding in chain["findings"] if finding["kind"] in ENDS]
    assert not ends, told(ends)


def walked(ledger: LedgerChannel) -> Json:
    """The walk along the chain; `Indeterminate` if there was nothing to walk along."""
    chain = ledger.chain()
    if chain["rows"] == 0 and not chain["findings"]:
        raise Indeterminate("the audit holds no event, so its chain shows nothing")
    return chain


def told(findings: Sequence[Any]) -> str:
    """The first findings in their own words."""
    words = "; ".join(str(finding["says"]) for finding in findings[:TOLD])
    return words + (f"; and {len(findings) - TOLD} more" if len(findings) > TOLD else "")

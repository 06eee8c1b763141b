"""The audit's hash chain, judged from rows alone: recipes, verification over a stream, anchors. Pure; no I/O."""

from proofs.ledger.anchors import Anchor, AnchorFacts, parse_anchor, survey
from proofs.ledger.chain import Checkpoint, verify
from proofs.ledger.recipe import Hasher, Wanted
from proofs.ledger.report import ChainReport, Finding
from proofs.ledger.rows import Block, in_blocks

__all__ = [
    "Anchor",
    "AnchorFacts",
    "Block",
    "ChainReport",
    "Checkpoint",
    "Finding",
    "Hasher",
    "Wanted",
    "in_blocks",
    "parse_anchor",
    "survey",
    "verify",
]

"""Rows of an audit table as they pass by: in blocks of columns, so that whole columns are compared at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

Cell = bytes | None
"""A stored value as bytes (text in UTF-8); None for NULL."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows: one entry a row in every column. `parts` are the recipe's columns, in its order."""

    ids: Sequence[int]
    previous: Sequence[Cell]
    current: Sequence[Cell]
    parts: tuple[Sequence[Cell], ...]


def in_blocks(rows: Iterable[Sequence[object]], size: int = 1000) -> Iterator[Block]:
    """Blocks of at most `size` rows out of tuples (id, previous, current, part…)."""
    source = iter(rows)
    while batch := list(islice(source, size)):
        ids, previous, current, *parts = zip(*batch, strict=True)
        yield Block(ids, previous, current, tuple(parts))

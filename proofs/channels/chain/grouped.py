"""Rows through pymysql, thousands in one value: its cost is per row that it parses, so the server puts them together.

GROUP_CONCAT is cut off silently, leaves out rows with NULL, and says nothing of the order; so each block brings the
number of its rows and its highest id, and is believed only if it holds just as many fields. A field that holds the
separator itself makes them too many: then the block is asked for once more in hexadecimal digits.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from proofs.channels.chain.plan import Plan
from proofs.channels.chain.session import GROUP_LIMIT, Ask
from proofs.errors import ChannelError
from proofs.ledger import Block

TARGET_BYTES = 1 << 20
FIRST_ROWS = 500
_CUT = 4  # at a limit, a last character that would not fit whole is left out
_SEPARATOR = b"\0"


def blocks(ask: Ask, plan: Plan, limit: int = GROUP_LIMIT) -> Iterator[Block]:
    """The table's rows in order of their ids. `limit`: bytes from which on the server may have cut a block off.

    Raises `ChannelError` for what `ask` raises, a row that does not fit a block, and answers that do not fit together.
    """
    lowest, highest = _ends(ask, plan, None if plan.first is None else plan.first - 1)
    after, span = lowest - 1, FIRST_ROWS
    while after < highest:
        block, size, span = _next(ask, plan, after, min(span, highest - after), limit)
        if block is None:
            # No row in that range: go on before the next one there is.
            after = max(after + span, _ends(ask, plan, after + span)[0] - 1)
            continue
        yield block
        after += span
        # By the bytes that this range of ids gave; never many times more at once.
        span = max(1, min(4 * span, span * TARGET_BYTES // max(1, size)))


def _ends(ask: Ask, plan: Plan, after: int | None) -> tuple[int, int]:
    try:
        ((lowest, highest),) = ask(plan.ends(after))
        return (1, 0) if lowest is None else (int(lowest), int(highest))
    except (ValueError, TypeError) as error:
        raise ChannelError("the server answered the ends of a table with something else") from error


def _next(ask: Ask, plan: Plan, after: int, span: int, limit: int) -> tuple[Block | None, int, int]:
    """The rows of the next `span` ids (fewer if they don't fit), their bytes, and how many ids they were in the end."""
    digits = False
    while True:
        count, highest, data = _answer(ask(plan.grouped(after, after + span, digits=digits)))
        if count == 0:
            return None, 0, span
        cut = len(data) >= limit - _CUT
        block = None if cut else _parse(plan, count, highest, data, digits=digits)
        if block is not None:
            if not after < block.ids[0] <= block.ids[-1] <= after + span:
                raise ChannelError(f"the server was asked for ids from {after + 1} on and sent {block.ids[0]}")
            return block, len(data), span
        if cut and span == 1:
            raise ChannelError(f"the row with id {after + 1} is longer than the {limit} bytes that are read")
        if cut:
            span //= 2
        elif digits:
            raise ChannelError(f"the server's answers about the rows after id {after} do not fit together")
        else:
            digits = True


def _answer(answer: Sequence[Sequence[Any]]) -> tuple[int, int, bytes]:
    try:
        ((count, highest, data),) = answer
        if int(count) == 0:
            return 0, 0, b""
        return int(count), int(highest), data if isinstance(data, bytes) else b""
    except (ValueError, TypeError) as error:
        raise ChannelError("the server answered a block of rows with something else") from error


def _parse(plan: Plan, count: int, highest: int, data: bytes, *, digits: bool) -> Block | None:
    """The block, or None if the data are not just `count` rows of as many fields as were asked for."""
    width = len(plan.columns) + 1
    fields: list[Any] = data.split(_SEPARATOR)
    if len(fields) != count * width:
        return None
    try:
        ids = list(map(int, fields[width - 1 :: width]))
        columns: list[list[Any]] = []
        for number, column in enumerate(plan.columns):
            values = fields[number::width]
            if column.nullable:
                values = [value[1:] if value else None for value in values]
            if digits:
                values = [value if value is None else unhexlify(value) for value in values]
            columns.append(values)
    except ValueError:
        return None
    if any(a >= b for a, b in pairwise(ids)):
        order = sorted(range(count), key=ids.__getitem__)
        ids = [ids[place] for place in order]
        columns = [[values[place] for place in order] for values in columns]
    if ids[-1] != highest:
        return None
    previous, current, *parts = (columns[place] for place in plan.places)
    return Block(ids, previous, current, tuple(parts))

"""Rows one by one through a cursor that does not hold the result: mysqlclient, or a table without a unique id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proofs.channels.chain.plan import Plan
from proofs.errors import ChannelError
from proofs.ledger import Block

STATEMENT_ROWS = 50_000
BATCH = 500


def blocks(connection: Any, plan: Plan) -> Iterator[Block]:
    """The table's rows in order of their ids, by statements of `STATEMENT_ROWS` rows where ids are unique.

    `connection` is a DB-API connection with unbuffered cursors that give bytes. Raises what its driver raises, and
    `ChannelError` for an id that is none.
    """
    after = None if plan.first is None else plan.first - 1
    while True:
        seen = 0
        cursor = connection.cursor()
        try:
            cursor.execute(plan.select(after, STATEMENT_ROWS if plan.unique else None))
            while rows := cursor.fetchmany(BATCH):
                block = _block(rows, plan.places)
                if seen == 0 and after is not None and block.ids[0] <= after:
                    raise ChannelError(f"the server was asked for ids above {after} and sent {block.ids[0]}")
                seen += len(rows)
                after = block.ids[-1]
                yield block
        finally:
            cursor.close()
        if not plan.unique or seen < STATEMENT_ROWS:
            return


def _block(rows: Any, places: tuple[int, ...]) -> Block:
    raw_ids, *columns = zip(*rows, strict=True)
    try:
        ids = list(map(int, raw_ids))
    except (TypeError, ValueError):
        raise ChannelError("an id of the audit table is not a number") from None
    previous, current, *parts = (columns[place] for place in places)
    return Block(ids, previous, current, tuple(parts))

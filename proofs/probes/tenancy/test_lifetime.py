"""Control tenant-context-dies-with-session. A restart undoes what was set at run time: this control is proven last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import CHANGE_USER, RESET_CONNECTION, LabChannel, QueryResult, SqlChannel
from proofs.probes.tenancy.scene import committing, in_words, own, refusals, script, succeeded, tally, views

MOST_CONNECTIONS = 200
"""Connections made after a restart until an id comes again; both engines count up from a small number."""
TAKEN_AT_START = 30
"""Ids others may have taken by the time a restarted server is reached: Debian's own checks log in at each start."""


def test_a_reset_session_has_no_context(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """After COM_RESET_CONNECTION, with which pools hand a session on, and after COM_CHANGE_USER nothing is shown.

    The session keeps its connection id and its login, and the context was committed: so it hangs on neither, and a
    later connection that is given the same id has none either. Taking a context again shows the rows again.
    """
    here = committing(target)
    tallies = [view.tally for view in views(sql, here)]
    for side in here.sides:
        for command in (RESET_CONNECTION, CHANGE_USER):
            bind = here.bind(side.id)
            groups = [[bind, *tallies], [command, *tallies], [bind, *tallies]]
            (bound, *before), (ended, *after), (again, *last) = script(sql, side.identity, groups, transaction=False)
            succeeded(bound, ended, again)
            _gone(before, after, refusals(params), f"{side.identity} after {command}")
            for result in last:
                own(result)


def test_a_new_connection_has_no_context(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """After a session that acted for a tenant was closed without dropping it, the same login begins with none."""
    here = committing(target)
    tallies = [view.tally for view in views(sql, here)]
    for side in here.sides:
        bound, *before = sql.script(side.identity, [here.bind(side.id), *tallies], transaction=False)
        after = sql.script(side.identity, tallies, transaction=False)
        succeeded(bound)
        _gone(before, after, refusals(params), f"a new connection of {side.identity}")


def test_a_rollback_brings_no_context_back(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """ROLLBACK, with which pools end a lease too, neither brings back a dropped context nor keeps one taken before it.

    That one is taken, or dropped, in the transaction which is rolled back.
    """
    here = committing(target)
    tallies = [view.tally for view in views(sql, here)]
    drop = here.tenancy.clear_context
    for side in here.sides:
        bind = here.bind(side.id)
        groups = [["START TRANSACTION", bind, *tallies], ["ROLLBACK", *tallies]]
        (begun, bound, *before), (ended, *after) = script(sql, side.identity, groups, transaction=False)
        succeeded(begun, bound, ended)
        _gone(
            before,
            after,
            refusals(params),
            f"{side.identity} after the transaction that took a context was rolled back",
        )
        if drop is None:
            continue
        groups = [[bind, *tallies], ["START TRANSACTION", drop, "ROLLBACK", *tallies]]
        (bound, *before), (begun, dropped, ended, *after) = script(sql, side.identity, groups, transaction=False)
        succeeded(bound, begun, dropped, ended)
        _gone(
            before,
            after,
            refusals(params),
            f"{side.identity} after the transaction that dropped its context was rolled back",
        )
    if drop is None:
        raise Indeterminate("the inventory does not say how a context is dropped (tenancy.clear_context)")


def test_a_restart_leaves_no_context(
    sql: SqlChannel, target: Target, lab: LabChannel, params: Mapping[str, ParameterValue]
) -> None:
    """After a restart, a connection of the same login that is given the id of one with a committed context has none.

    Only in the project's own labs. Elsewhere it rests on the reset session, which keeps its id.
    """
    here = committing(target)
    tallies = [view.tally for view in views(sql, here)]
    side = here.sides[0]
    lab.restart()  # so that the id is a small one, which soon comes again
    _id_beyond(sql, side.identity, TAKEN_AT_START)
    which, bound, *before = sql.script(side.identity, [_ID, here.bind(side.id), *tallies], transaction=False)
    succeeded(which, bound)
    dead = _id(which)
    lab.restart()
    for _ in range(MOST_CONNECTIONS):
        which, *after = sql.script(side.identity, [_ID, *tallies], transaction=False)
        if _id(which) == dead:
            _gone(
                before,
                after,
                refusals(params),
                f"a connection of {side.identity} with the id of one before the restart",
            )
            return
        if _id(which) > dead:
            break
    raise Indeterminate(f"the connection id {dead} was not given to {side.identity} again after the restart")


_ID = "SELECT CONNECTION_ID() AS id"


def _id_beyond(sql: SqlChannel, identity: str, least: int) -> None:
    """Connect until the server counts so far."""
    for _ in range(least):
        if _id(sql.script(identity, [_ID], transaction=False)[0]) >= least:
            return


def _id(result: QueryResult) -> int:
    succeeded(result)
    return int(result.rows[0]["id"])


def _gone(before: Sequence[QueryResult], after: Sequence[QueryResult], refused_with: frozenset[int], whom: str) -> None:
    for control, result in zip(before, after, strict=True):
        own(control)
        seen = tally(result, refused_with)
        assert not seen, f"{whom} is still shown {in_words(seen)}: {result.describe()}"

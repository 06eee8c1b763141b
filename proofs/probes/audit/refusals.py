"""Refusals that say why: for want of a right, or by a trigger."""

from __future__ import annotations

from proofs.ports import Experiment, QueryResult
from proofs.probes.audit.place import Place

NO_RIGHT = (1142, 1143)
"""ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR, on both engines."""
SIGNALLED = 1644
"""ER_SIGNAL_EXCEPTION: SIGNAL with SQLSTATE 45000, on both engines."""


def rights_or_guard(e: Experiment, place: Place, identity: str, result: QueryResult) -> None:
    """An attempt that a guard may refuse to a declared principal, and that everybody else has no right to make."""
    if identity in place.audit.principals:
        e.attack(result, refused_with=(*NO_RIGHT, SIGNALLED))
        return
    assert SIGNALLED not in result.codes, f"only a trigger refuses it, {identity} has the right: {result.describe()}"
    e.attack(result, refused_with=NO_RIGHT)

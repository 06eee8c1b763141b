"""What a probe's end means: the verdict and the one-line reason, from what pytest caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.errors import Indeterminate, NotApplicable, ProofsError
from proofs.model import Verdict
from proofs.resources import PACKAGE

MAX_REASON = 1000
_JUDGES = (PACKAGE / "probes", PACKAGE / "verdicts")


def verdict_of(call: pytest.CallInfo[None], looked: bool) -> tuple[Verdict, str]:
    """Verdict and reason of one phase of a probe.

    Only an assertion of a probe itself is a finding; one from inside a library is a broken tool. A probe that ended
    well without having looked at the target has proven nothing.
    """
    if call.excinfo is None:
        if call.when == "call" and not looked:
            return Verdict.INDETERMINATE, "the probe ended without a look at the target"
        return Verdict.SATISFIED, ""
    error = call.excinfo.value
    if isinstance(error, NotApplicable | pytest.skip.Exception):
        return Verdict.NOT_APPLICABLE, _line(str(error)) or "no reason given"
    if isinstance(error, Indeterminate | ProofsError):
        return Verdict.INDETERMINATE, _line(str(error))
    if isinstance(error, AssertionError) and call.when == "call" and _raised_by_a_judge(call):
        # pytest appends what it saw of the expression, with addresses of objects that differ from run to run.
        return Verdict.NOT_SATISFIED, _line(str(error).partition("\nassert ")[0])
    return Verdict.INDETERMINATE, _line(f"the probe broke on what it saw: {type(error).__name__}: {error}")


def _raised_by_a_judge(call: pytest.CallInfo[None]) -> bool:
    assert call.excinfo is not None  # noqa: S101 - for the type checker; the caller looked
    path = Path(str(call.excinfo.traceback[-1].path))
    return any(path.is_relative_to(place) for place in _JUDGES)


def _line(text: str) -> str:
    """One bounded, printable line: what a host said may be in it, so nothing in it reaches a terminal raw."""
    first = " ".join(text.split())
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in first)
    return shown if len(shown) <= MAX_REASON else shown[: MAX_REASON - 1] + "…"

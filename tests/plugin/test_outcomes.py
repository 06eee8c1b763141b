"""What the end of a probe means."""

from __future__ import annotations

import pytest

from proofs.errors import ChannelError, Indeterminate, NotApplicable, StorageError
from proofs.model import Verdict
from proofs.plugin.outcomes import MAX_REASON, verdict_of
from proofs.resources import PROBES
from proofs.verdicts import experiment


def phase(function, when="call"):
    return pytest.CallInfo.from_call(function, when=when)


def as_probe(source, **names):
    """A function whose code stands in a probe's file."""
    scope = dict(names)
    exec(compile(source, str(PROBES / "transport" / "test_x.py"), "exec"), scope)
    return scope["test_x"]


def test_an_assertion_of_a_probe_is_a_finding():
    call = phase(as_probe("def test_x():\n    assert 1 == 2, 'two\\nlines'"))
    assert verdict_of(call, looked=True) == (Verdict.NOT_SATISFIED, "two lines")


def test_an_assertion_of_an_experiment_is_a_finding():
    class Succeeded:
        ok, codes = True, frozenset()

        def describe(self):
            return "it went through"

    def test():
        with experiment("an attack", "mysql") as e:
            e.attack(Succeeded(), refused_with=1)

    verdict, reason = verdict_of(phase(test), looked=True)
    assert (verdict, reason) == (Verdict.NOT_SATISFIED, "an attack: the attack succeeded: it went through")


def test_an_assertion_of_a_library_is_a_broken_tool():
    def library():
        raise AssertionError("unexpected state")

    call = phase(as_probe("def test_x():\n    library()", library=library))
    verdict, reason = verdict_of(call, looked=True)
    assert verdict is Verdict.INDETERMINATE
    assert "AssertionError: unexpected state" in reason


def test_an_assertion_in_a_fixture_is_no_finding():
    call = phase(as_probe("def test_x():\n    assert False"), when="setup")
    assert verdict_of(call, looked=True)[0] is Verdict.INDETERMINATE


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (Indeterminate("not seen"), Verdict.INDETERMINATE, "not seen"),
        (ChannelError("no route"), Verdict.INDETERMINATE, "no route"),
        (StorageError("full"), Verdict.INDETERMINATE, "full"),
        (TimeoutError("late"), Verdict.INDETERMINATE, "the probe broke on what it saw: TimeoutError: late"),
        (NotApplicable("no X Protocol"), Verdict.NOT_APPLICABLE, "no X Protocol"),
        (NotApplicable(""), Verdict.NOT_APPLICABLE, "no reason given"),
    ],
)
def test_errors(error, verdict, reason):
    def test():
        raise error

    assert verdict_of(phase(test), looked=True) == (verdict, reason)


def test_a_skip_is_not_applicable():
    assert verdict_of(phase(lambda: pytest.skip("not here")), looked=False) == (Verdict.NOT_APPLICABLE, "not here")


def test_a_failure_by_pytest_is_not_an_assertion_of_the_probe():
    assert verdict_of(phase(lambda: pytest.fail("so")), looked=True)[0] is Verdict.INDETERMINATE


@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_a_probe_that_looked_at_nothing_has_proven_nothing(when):
    expected = Verdict.INDETERMINATE if when == "call" else Verdict.SATISFIED
    assert verdict_of(phase(lambda: None, when), looked=False)[0] is expected
    assert verdict_of(phase(lambda: None, when), looked=True) == (Verdict.SATISFIED, "")


@pytest.mark.parametrize("text", ["\x1b[2J\x1b]0;owned\x07", "a\x00b", "\u202egpj", "line\nbreak\r\x85", "\udcff"])
def test_reasons_are_one_printable_line(text):
    def test():
        raise Indeterminate(text)

    _, reason = verdict_of(phase(test), looked=True)
    assert reason.isprintable()
    reason.encode()


def test_reasons_are_bounded():
    def test():
        raise Indeterminate("x" * 5000)

    assert len(verdict_of(phase(test), looked=True)[1]) == MAX_REASON

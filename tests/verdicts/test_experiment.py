"""An attack proves something only beside a control experiment that came out as it must."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from proofs.errors import Indeterminate
from proofs.verdicts import experiment


@dataclass(frozen=True)
class Tried:
    ok: bool
    codes: frozenset = frozenset()

    def describe(self):
        return "it was tried"


GOOD, PLAIN = Tried(True), Tried(False)


def refused(*codes):
    return Tried(False, frozenset(codes))


def conclude(*steps, engine="mysql"):
    with experiment("an attack", engine) as e:
        for name, attempt, *expected in steps:
            if expected:
                getattr(e, name)(attempt, refused_with=expected[0])
            else:
                getattr(e, name)(attempt)


PROVEN = [
    (("control", GOOD), ("attack", refused(1045), 1045)),
    (("attack", refused(1045), 1045), ("control", GOOD)),
    (("control", GOOD), ("attack", refused(1045), (3159, 1045))),
    (("control", GOOD), ("attack", refused(3159), {"mysql": 3159, "mariadb": 1045})),
    (("control", GOOD), ("attack", refused(2013, "alert:unknown_ca"), "alert:unknown_ca")),
    (("control_refused", refused(1049), 1049), ("attack", refused(1045), 1045)),
    (("control", GOOD), ("attack", refused(1), 1), ("control", GOOD), ("attack", refused(2), 2)),
]


@pytest.mark.parametrize("steps", PROVEN)
def test_proven(steps):
    conclude(*steps)


DOUBTFUL = [
    ((), "no control experiment was made; no attack was made"),
    ((("control", GOOD),), "no attack was made"),
    ((("attack", refused(1045), 1045),), "no control experiment was made"),
    ((("control", refused(1045)), ("attack", refused(1045), 1045)), "the control experiment did not succeed"),
    ((("control", GOOD), ("attack", refused(2003), 1045)), r"another reason than expected \(1045\)"),
    ((("control", GOOD), ("attack", PLAIN, 1045)), "another reason"),
    ((("control", GOOD), ("attack", refused(1045), ())), "another reason"),
    ((("control", GOOD), ("attack", refused("local:timeout"), "alert:timeout")), "another reason"),
    ((("control_refused", GOOD, 1049), ("attack", refused(1045), 1045)), "came out otherwise"),
    ((("control_refused", refused(1045), 1049), ("attack", refused(1045), 1045)), "came out otherwise"),
    ((("control", GOOD), ("attack", refused(1), {"mariadb": 1})), "engine mysql"),
    ((("control", GOOD), ("attack", refused(1), 1), ("attack", refused(9), 2)), "another reason"),
    ((("control", GOOD), ("control", PLAIN), ("attack", refused(1), 1)), "did not succeed"),
]


@pytest.mark.parametrize(("steps", "reason"), DOUBTFUL)
def test_doubtful(steps, reason):
    with pytest.raises(Indeterminate, match=reason):
        conclude(*steps)


FOUND = [
    (("control", GOOD), ("attack", GOOD, 1045)),
    (("attack", GOOD, 1045),),
    (("control", PLAIN), ("attack", GOOD, 1045)),
    (("control", GOOD), ("attack", refused(1), 1), ("attack", GOOD, 1)),
    (("control", GOOD), ("attack", refused(9), 1), ("attack", GOOD, 1)),
]


@pytest.mark.parametrize("steps", FOUND)
def test_an_attack_that_succeeds_is_a_finding_whatever_else(steps):
    with pytest.raises(AssertionError, match="the attack succeeded: it was tried"):
        conclude(*steps)


def test_an_error_inside_is_not_covered_up():
    with pytest.raises(ZeroDivisionError), experiment("an attack", "mysql") as e:
        e.attack(GOOD, refused_with=1)
        raise ZeroDivisionError

"""Attacks beside their control experiments: a refusal proves nothing unless the rest would have worked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from proofs.errors import Indeterminate
from proofs.ports import Attempt, Code, Expected


class Trial:
    """`proofs.ports.Experiment`: collects attempts, then concludes once."""

    def __init__(self, title: str, engine: str) -> None:
        self._title = title
        self._engine = engine
        self._controls = 0
        self._attacks = 0
        self._doubts: list[str] = []
        self._findings: list[str] = []

    def control(self, attempt: Attempt) -> None:
        """An attempt that must succeed."""
        self._controls += 1
        if not attempt.ok:
            self._doubts.append(f"the control experiment did not succeed: {attempt.describe()}")

    def control_refused(self, attempt: Attempt, *, refused_with: Expected) -> None:
        """An attempt that must get past the check under test and be refused by a later one."""
        self._controls += 1
        if attempt.ok or not attempt.codes & self._codes(refused_with):
            self._doubts.append(f"the control experiment came out otherwise: {attempt.describe()}")

    def attack(self, attempt: Attempt, *, refused_with: Expected) -> None:
        """An attempt that must be refused with one of the expected codes."""
        self._attacks += 1
        expected = self._codes(refused_with)
        if attempt.ok:
            self._findings.append(f"the attack succeeded: {attempt.describe()}")
        elif not attempt.codes & expected:
            wanted = ", ".join(sorted(map(str, expected)))
            self._doubts.append(f"refused for another reason than expected ({wanted}): {attempt.describe()}")

    def conclude(self) -> None:
        """Raise AssertionError for a finding, `Indeterminate` for a doubt; return when every refusal is proven."""
        if self._findings:
            raise AssertionError(f"{self._title}: " + "; ".join(self._findings))
        if not self._controls:
            self._doubts.append("no control experiment was made")
        if not self._attacks:
            self._doubts.append("no attack was made")
        if self._doubts:
            raise Indeterminate(f"{self._title}: " + "; ".join(self._doubts))

    def _codes(self, expected: Expected) -> frozenset[Code]:
        if isinstance(expected, Mapping):
            if self._engine not in expected:
                raise Indeterminate(f"{self._title}: no expected refusal is known for engine {self._engine}")
            expected = expected[self._engine]
        if isinstance(expected, int | str):
            return frozenset((expected,))
        codes: Sequence[Code] = expected
        return frozenset(codes)


@contextmanager
def experiment(title: str, engine: str) -> Iterator[Trial]:
    """See `proofs.ports.Experiments`."""
    trial = Trial(title, engine)
    yield trial
    trial.conclude()

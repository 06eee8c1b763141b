"""A probe counts once a sabotage made it fail: exactly the named controls, none in doubt, on both engines."""

from pathlib import Path

import pytest
from sabotage_matrix import cases, prove

from proofs.catalogue.controls import load_catalogue
from proofs.resources import CONTROLS

CASES = list(cases())


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize(("sabotage", "engine", "expected"), CASES, ids=[f"{s or 'good'}-{e}" for s, e, _ in CASES])
def test_exactly_the_named_controls_notice(sabotage, engine, expected, tmp_path: Path):
    row = prove(sabotage, engine, expected, tmp_path)
    assert row.not_satisfied == expected
    assert not row.doubtful


def test_every_control_has_a_sabotage():
    broken = {(control, engine) for _, engine, controls in CASES for control in controls}
    wanted = {
        (control.id, engine) for control in load_catalogue(CONTROLS).controls.values() for engine in control.engines
    }
    assert not wanted - broken

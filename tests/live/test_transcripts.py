"""Recorded proofs of the lab's machines, judged again by today's probes: host probes are tested without a machine.

A recording is the bundle of a full proof of a good machine (`make host`, HOST=db02 for the other), copied here; one is
of db02's benchmark alone (docs/hosts.md). After a change of what a probe asks it has to be made again.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from proofs.resources import DATA

RECORDED = sorted((DATA / "fixtures" / "transcripts").glob("*.proof.tar.gz"))


def test_there_is_a_recording() -> None:
    assert RECORDED


@pytest.mark.parametrize("bundle", RECORDED, ids=lambda path: path.name.partition(".")[0])
def test_todays_probes_reach_the_recorded_verdicts(bundle) -> None:
    command = [sys.executable, "-m", "proofs.cli", "replay", str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-500:]
    assert "verdicts are the recorded ones" in done.stdout
    assert "indeterminate" not in done.stdout

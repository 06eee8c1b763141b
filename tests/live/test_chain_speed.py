"""The benchmark of the chain runs, small, on both engines, within its bound of memory; speed needs a quiet machine."""

import subprocess
import sys

import pytest
from proving import ROOT, environment


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_the_benchmark_runs_within_its_memory(engine):
    command = [sys.executable, str(ROOT / "tools" / "benchmark_chain.py"), "--rows=20000", "--rounds=1"]
    done = subprocess.run(
        [*command, f"--engine={engine}", f"--lab=speed-{engine}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    (full,) = [line for line in done.stdout.splitlines() if line.startswith("full verification, pymysql")]
    assert float(full.split()[-1]) < 64, full
    assert any(
        line.startswith("the server's own SQL") and line.split()[-1].isdigit() for line in done.stdout.splitlines()
    )

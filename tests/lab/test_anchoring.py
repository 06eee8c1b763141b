"""The lab's anchors: taken from the start on, by a process that ends with the lab; and the tool for real hosts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from proving import ROOT, environment

from proofs.lab import anchoring, lease, state
from proofs.ledger import parse_anchor


def test_a_line_is_appended_to_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "head.jsonl"
    anchoring.append(file, "one")
    anchoring.append(file, "two")
    assert file.read_text() == "one\ntwo\n"
    assert file.stat().st_mode & 0o777 == 0o600
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(OSError, match="symbolic links"):
        anchoring.append(link, "three")


@pytest.mark.live
@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_a_lab_is_anchored_while_it_is_up(engine: str, tmp_path: Path) -> None:
    with lease(f"anchored-{engine}", engine) as lab:  # type: ignore[arg-type]
        line = (lab.directory / anchoring.FILE).read_bytes()
        anchor = parse_anchor(1, line)
        assert anchor is not None
        assert anchor.id > 0
        assert abs(datetime.now(UTC) - anchor.time) < timedelta(minutes=2)
        process = json.loads((lab.directory / anchoring.PROCESS).read_text())
        assert state.process_birth(process["pid"]) == process["born"]
        inventory = yaml.safe_load((ROOT / "targets.yaml").read_text())
        inventory["targets"] = {lab.name: inventory["targets"]["lab" if engine == "mysql" else "lab-mariadb"]}
        inventory["groups"] = {}
        (tmp_path / "targets.yaml").write_text(yaml.safe_dump(inventory))
        assert anchor_tool(tmp_path, "--target", lab.name, "--once", "--file", "-").stdout.count("\n") == 1
        assert anchor_tool(tmp_path, "--target", lab.name, "--once").returncode == 0
        assert len((lab.directory / anchoring.FILE).read_text().splitlines()) == 2
    gone(process)
    refused = anchor_tool(tmp_path, "--target", lab.name, "--once")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr


@pytest.mark.live
def test_the_process_ends_with_a_server_that_was_killed() -> None:
    with lease("anchored-killed", "mysql") as lab:
        process = json.loads((lab.directory / anchoring.PROCESS).read_text())
        os.kill(lab.pid, signal.SIGKILL)
        gone(process)


def gone(process: dict[str, int], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while state.process_birth(process["pid"]) == process["born"]:
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)


def anchor_tool(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "anchor.py"), *arguments]
    return subprocess.run(
        command, cwd=place, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )

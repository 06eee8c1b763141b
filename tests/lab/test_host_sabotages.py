"""The sabotages of the lab's machines, as data. That each is noticed is seen with `make host-sabotage`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from host_matrix import rounds
from sabotage_matrix import HEADER, line

from proofs.catalogue.controls import load_catalogue
from proofs.errors import ConfigurationError
from proofs.lab import host_sabotages
from proofs.resources import CONTROLS

HOSTS = {"mysql": "db01", "mariadb": "db02"}
UNBROKEN = {"scap-benchmark-passed"}
"""A benchmark of db02 alone, in a profile of its own: it takes too long to be evaluated under each sabotage."""


def test_every_control_of_a_host_has_a_sabotage() -> None:
    controls = load_catalogue(CONTROLS).controls
    broken = {name for each in host_sabotages.load().values() for name in each.breaks}
    assert broken <= controls.keys()
    assert {name for name, each in controls.items() if each.surface == "host"} - broken == UNBROKEN


def test_the_documentation_has_the_table() -> None:
    rows = (line(each.name, [HOSTS[e] for e in each.steps], each.breaks) for each in host_sabotages.load().values())
    assert "\n".join([*HEADER, *rows]) in (Path(__file__).parents[2] / "docs" / "hosts.md").read_text()


def test_rounds_hold_every_sabotage_once_and_no_control_twice() -> None:
    known = list(host_sabotages.load().values())
    made = rounds(known)
    assert sorted(each.name for one in made for each in one) == sorted(each.name for each in known)
    for one in made:
        touched = [control for each in one for control in each.breaks | each.doubts]
        assert len(touched) == len(set(touched))
    assert len(made) < len(known) / 4


def test_every_script_is_one_of_posix_shell() -> None:
    for each in host_sabotages.load().values():
        for step in each.steps.values():
            for script in (step.shell, step.undo):
                done = subprocess.run(["sh", "-n"], input=script.encode(), capture_output=True, check=False)
                assert done.returncode == 0, (each.name, done.stderr)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {name: a, title: b, breaks: [c], shell: d}", "has no undo on mysql"),
        ("- {name: a, title: b, breaks: [c], shell: d, undo: e}\n" * 2, "is there twice"),
        ("- {name: a, title: b, breaks: [c], shell: d, undo: e, sql: f}", "x.yaml:1: .*'sql' was unexpected"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        host_sabotages.load(tmp_path)

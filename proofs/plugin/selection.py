"""Which probes run: those of the catalogue, in its order, as far as options, profile and engine select them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from proofs.plugin import fixtures
from proofs.plugin.prepare import Proof
from proofs.plugin.probes import probe_of
from proofs.resources import PROBES

if TYPE_CHECKING:
    from proofs.plugin.run import TargetRun

TARGET = pytest.StashKey[str]()


def probe_id(item: Any) -> str | None:
    """The probe id of a collected function, or None when it is something else."""
    name = getattr(item, "originalname", None) or item.name
    return probe_of(item.path, name, PROBES)


def choose(items: Sequence[pytest.Item], proof: Proof) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Kept and dropped items; kept ones know their target, probe and control, and stand in catalogue order."""
    owner = {probe: control for control in proof.catalogue.controls.values() for probe in control.probes}
    order = {probe: place for place, probe in enumerate(owner)}
    kept: list[tuple[int, int, pytest.Item]] = []
    dropped = []
    for item in items:
        probe = probe_id(item)
        control = owner.get(probe or "")
        if probe is None or control is None or (proof.only and control.id not in proof.only):
            dropped.append(item)
            continue
        name = item.callspec.params["proof_run"]  # type: ignore[attr-defined]
        item.stash[TARGET] = name
        item.stash[fixtures.PROBE] = (probe, control.id)
        kept.append((proof.targets.index(name), order[probe], item))
    return [item for *_, item in sorted(kept, key=lambda entry: entry[:2])], dropped


def in_scope(items: Sequence[pytest.Item], runs: Mapping[str, TargetRun]) -> list[pytest.Item]:
    """The items whose control is in scope for their target, each tied to its run."""
    kept = []
    for item in items:
        run = runs[item.stash[TARGET]]
        recorded = run.recorded_selection()
        probe, control = item.stash[fixtures.PROBE]
        if control in run.scope.in_scope and (recorded is None or probe in recorded):
            item.stash[fixtures.RUN] = run
            kept.append(item)
    return kept


def selected(
    items: Sequence[pytest.Item], run: TargetRun, config: pytest.Config
) -> tuple[dict[str, list[str]], str | None]:
    """Chosen probes by control, and what chose them if anything was left out."""
    chosen: dict[str, list[str]] = {}
    for item in items:
        if item.stash[fixtures.RUN] is run:
            probe, control = item.stash[fixtures.PROBE]
            chosen.setdefault(control, []).append(probe)
    controls = run.proof.catalogue.controls
    if all(set(controls[name].probes) == set(chosen.get(name, ())) for name in run.scope.in_scope):
        return chosen, None
    option = config.option
    words = [f"-k {option.keyword}"] if option.keyword else []
    words += [f"-m {option.markexpr}"] if option.markexpr else []
    words += [f"--control {name}" for name in option.control]
    return chosen, " ".join(words) or "chosen test files"

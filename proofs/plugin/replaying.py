"""A replay beside its recording: which verdicts are the same, and which are judged otherwise today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

import pytest

if TYPE_CHECKING:
    from proofs.plugin.hooks import ProofHooks


class Replay:
    """A pytest plugin that takes the replayed assessment out of the session."""

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        self._recorded = recorded
        self.assessment: Mapping[str, Any] | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep what was judged."""
        hooks: ProofHooks | None = session.config.pluginmanager.getplugin("proofs-session")
        if hooks is not None and hooks.assessments:
            self.assessment = hooks.assessments[0]

    def compare(self, out: TextIO) -> int:
        """Print each control whose verdict differs; 0 if none does, 1 otherwise."""
        if self.assessment is None:
            raise ValueError("nothing was replayed")
        before = {control["id"]: control["verdict"] for control in self._recorded["controls"]}
        after = {control["id"]: control["verdict"] for control in self.assessment["controls"]}
        # Where a recorded run ended before a probe did, its evidence may still suffice to judge it now.
        cut = {
            control["id"]
            for control in self._recorded["controls"]
            if self._recorded["run"]["status"] == "interrupted"
            and any(not probe["started"] for probe in control["probes"])
        }
        if cut:
            out.write(f"the recorded run was interrupted: {len(cut)} of its controls were cut short and not compared\n")
        changed = [name for name in {**before, **after} if name not in cut and before.get(name) != after.get(name)]
        for name in changed:
            was, now = (verdicts.get(name, "not in the profile") for verdicts in (before, after))
            out.write(f"{name}: was {was}, now {now}\n")
        if changed:
            out.write(f"{len(changed)} of {len(after.keys() - cut)} verdicts differ from the recorded ones\n")
            return 1
        out.write(f"all {len(after.keys() - cut)} verdicts are the recorded ones\n")
        return 0

"""From what probes saw to verdicts: pure functions."""

from proofs.verdicts.assessment import assess
from proofs.verdicts.controls import worst
from proofs.verdicts.experiment import Trial, experiment

__all__ = ["Trial", "assess", "experiment", "worst"]

"""The lab: real servers the project brings up for itself, good ones and sabotaged ones."""

from proofs.lab.labs import down, lease, restart, status, up
from proofs.lab.state import LabState

__all__ = ["LabState", "down", "lease", "restart", "status", "up"]

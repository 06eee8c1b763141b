"""Raw evidence: the journal it is written to, the redaction before that, and the replay from it."""

from proofs.evidence.journal import Journal, key_of
from proofs.evidence.redaction import Redactor
from proofs.evidence.replay import ReplaySink
from proofs.evidence.rundir import RunDirectory

__all__ = ["Journal", "Redactor", "ReplaySink", "RunDirectory", "key_of"]

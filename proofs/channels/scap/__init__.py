"""A security benchmark, evaluated on the host by OpenSCAP."""

from proofs.channels.scap.channel import Scap

__all__ = ["Scap"]

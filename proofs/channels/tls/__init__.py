"""The endpoint's TLS, seen from outside."""

from proofs.channels.tls.channel import Tls
from proofs.channels.tls.result import TlsAttempt

__all__ = ["Tls", "TlsAttempt"]

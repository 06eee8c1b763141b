"""Read-only looks at a host, through pytest-testinfra's backends."""

from proofs.channels.host.channel import Machine

__all__ = ["Machine"]

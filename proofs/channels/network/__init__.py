"""TCP reachability from a named vantage: a connect, and no byte is sent to the host; and logins that are to fail."""

from proofs.channels.network.channel import Connect, Network

__all__ = ["Connect", "Network"]

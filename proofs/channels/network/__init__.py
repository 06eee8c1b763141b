"""TCP reachability from a named vantage: a connect and nothing else; no byte is sent to the host."""

from proofs.channels.network.channel import Connect, Network

__all__ = ["Connect", "Network"]

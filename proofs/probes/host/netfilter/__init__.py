"""What the kernel's packet filter lets in, by its rules: nftables and iptables read into one form, and walked."""

from proofs.probes.host.netfilter.ruleset import Ruleset, read
from proofs.probes.host.netfilter.spans import Spans
from proofs.probes.host.netfilter.walk import Opening, strangers

__all__ = ["Opening", "Ruleset", "Spans", "read", "strangers"]

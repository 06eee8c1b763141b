"""What the kernel lets in."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    Command("nftables-ruleset", ("nft", "--json", "list", "ruleset"), root=True, limit=1 << 20),
    Command("sockets", ("ss", "-H", "-l", "-n", "-t", "-u", "-p"), root=True, limit=1 << 17),
)

"""What the kernel lets in, and what does so again at the next boot."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    Command("nftables-ruleset", ("nft", "--json", "list", "ruleset"), root=True, limit=1 << 20),
    # nft prints what iptables-nft made without the content of its matches; these print it.
    Command("iptables-rules", ("iptables-save",), root=True, limit=1 << 19),
    Command("ip6tables-rules", ("ip6tables-save",), root=True, limit=1 << 19),
    # cat(1) exits with 1 where there is no such file.
    Command("ufw-configuration", ("cat", "/etc/ufw/ufw.conf"), exits=(0, 1)),
    Command("ufw-defaults", ("cat", "/etc/default/ufw"), exits=(0, 1)),
    Command("nftables-configuration", ("cat", "/etc/nftables.conf"), root=True, exits=(0, 1)),
    Command("iptables-at-boot", ("cat", "/etc/iptables/rules.v4"), root=True, exits=(0, 1), limit=1 << 19),
    Command("ip6tables-at-boot", ("cat", "/etc/iptables/rules.v6"), root=True, exits=(0, 1), limit=1 << 19),
    Command("ipv6-addresses", ("cat", "/proc/net/if_inet6"), exits=(0, 1)),
    Command("sockets", ("ss", "-H", "-l", "-n", "-t", "-u", "-p"), root=True, limit=1 << 17),
)

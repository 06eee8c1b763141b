"""What the kernel lets in, and what does so again at the next boot."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command


def _file(name: str, path: str, *, root: bool = True) -> Command:
    """A file as it is; cat(1) exits with 1 where there is none."""
    return Command(name, ("cat", path), root=root, exits=(0, 1), limit=1 << 18)


def _loaded_apart(name: str, path: str, load: str, show: str) -> Command:
    """What the kernel makes of a file of rules: unshare(1), nft(8), iptables-restore(8).

    A network namespace of its own starts without rules, and none of the host's packets pass it: nothing of the host's
    rules changes, whatever the file flushes or adds. It ends with its only process. Alone, since only a probe that
    has seen the service load this file asks for it; exit statuses 1 to 4 are what these programs have for a failure.
    """
    both = f"{load} {path} >/dev/null && {show}"
    return Command(name, ("unshare", "--net", "--", "sh", "-c", both), True, (0, 1, 2, 3, 4), 1 << 20, alone=True)


_NFT = ("nft -f", "nft --json list ruleset")

COMMANDS = (
    Command("nftables-ruleset", ("nft", "--json", "list", "ruleset"), root=True, limit=1 << 20),
    # nft prints what iptables-nft made without the content of its matches; these print it.
    Command("iptables-rules", ("iptables-save",), root=True, limit=1 << 19),
    Command("ip6tables-rules", ("ip6tables-save",), root=True, limit=1 << 19),
    _file("ufw-configuration", "/etc/ufw/ufw.conf", root=False),
    _file("ufw-defaults", "/etc/default/ufw", root=False),
    *(
        _file(f"ufw-{part}{six}-rules", f"/etc/ufw/{part}{six}.rules")
        for six in ("", "6")
        for part in ("before", "after", "user")
    ),
    # The scripts that it runs if they are executable. ufw-framework(8).
    Command(
        "ufw-scripts",
        (
            "find",
            "-L",
            "/etc/ufw",
            "-maxdepth",
            "1",
            "-type",
            "f",
            "-perm",
            "/111",
            "(",
            "-name",
            "before.init",
            "-o",
            "-name",
            "after.init",
            ")",
        ),
        root=True,
        exits=(0, 1),
    ),
    # systemctl(1): of this unit alone, where no secret is.
    Command(
        "nftables-start",
        (
            *("systemctl", "show", "--no-pager", "--property=ExecStartPre,ExecStart,ExecStartPost"),
            "nftables.service",
        ),
    ),
    _file("nftables-configuration", "/etc/nftables.conf"),
    _file("nftables-sysconfig", "/etc/sysconfig/nftables.conf"),
    _loaded_apart("nftables-at-boot", "/etc/nftables.conf", *_NFT),
    _loaded_apart("nftables-sysconfig-at-boot", "/etc/sysconfig/nftables.conf", *_NFT),
    _file("iptables-at-boot", "/etc/iptables/rules.v4"),
    _file("ip6tables-at-boot", "/etc/iptables/rules.v6"),
    _loaded_apart("iptables-loaded", "/etc/iptables/rules.v4", "iptables-restore", "iptables-save"),
    _loaded_apart("ip6tables-loaded", "/etc/iptables/rules.v6", "ip6tables-restore", "ip6tables-save"),
    # What loads them: iptables-persistent's; they go with the package, the files and the enabled service stay.
    Command(
        "persistent-plugins",
        ("find", "-L", "/usr/share/netfilter-persistent/plugins.d", "-name", "*ip*tables", "-perm", "/111"),
        exits=(0, 1),
    ),
    Command("ipv6-addresses", ("cat", "/proc/net/if_inet6"), exits=(0, 1)),
    Command("sockets", ("ss", "-H", "-l", "-n", "-t", "-u", "-p"), root=True, limit=1 << 17),
)

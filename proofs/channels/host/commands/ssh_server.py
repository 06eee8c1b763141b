"""sshd as its configuration makes it: sshd(8), -T (extended test mode) and -C (as a connection would find it)."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    Command("sshd-effective", ("sshd", "-T"), root=True),
    # With -C, Match blocks are applied; the address is of those for documentation (RFC 5737).
    Command(
        "sshd-effective-root",
        ("sshd", "-T", "-C", "user=root,host=stranger.example,addr=192.0.2.1"),
        root=True,
    ),
)

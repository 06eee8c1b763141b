"""The server's process, its account and the limits it runs under."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

COMMANDS = (
    Command("process-status", ("cat", "/proc/{pid}/status"), limit=16384),
    Command("process-limits", ("cat", "/proc/{pid}/limits"), root=True, limit=16384),
    Command("process-executable", ("readlink", "/proc/{pid}/exe"), root=True, limit=8192),
    # Names of the libraries alone: the addresses they are mapped at are nobody's business.
    Command(
        "process-crypto", ("grep", "-oE", "/[^ ]*/(fips|libcrypto)[^ ]*", "/proc/{pid}/maps"), root=True, exits=(0, 1)
    ),
    # A path is no secret: openssl-env(7).
    Command(
        "process-openssl",
        ("grep", "--text", "--null-data", "--only-matching", "^OPENSSL_CONF=.*", "/proc/{pid}/environ"),
        root=True,
        exits=(0, 1),
    ),
    Command("openssl-directory", ("openssl", "version", "-d"), limit=4096),
    # cat(1) exits with 1 where there is no such file: a kernel without FIPS mode, a system without crypto policies.
    Command("kernel-fips", ("cat", "/proc/sys/crypto/fips_enabled"), exits=(0, 1), limit=64),
    Command("crypto-policy", ("cat", "/etc/crypto-policies/state/current"), exits=(0, 1), limit=4096),
    Command("accounts", ("getent", "passwd"), limit=1 << 20),
    Command("core-pattern", ("cat", "/proc/sys/kernel/core_pattern"), limit=4096),
    Command("suid-dumpable", ("cat", "/proc/sys/fs/suid_dumpable"), limit=64),
    Command("unit-exposure", ("systemd-analyze", "security", "--no-pager", "{unit}"), limit=1 << 17, seconds=60),
)

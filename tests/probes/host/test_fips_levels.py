"""Control fips-module-active at each of its levels."""

from __future__ import annotations

import pytest
from probes.looks import Attempt, Machine, Sql, Tls, experiments, refused, target

from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate, NotApplicable
from proofs.probes.host import test_fips as probes

NONE = CommandOutput(1, "", "cat: /proc/sys/crypto/fips_enabled: No such file or directory\n")
MAPS = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3\n/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so\n"
SOUND = {
    "sockets": 'tcp LISTEN 0 151 *:3306 *:* users:(("mysqld",pid=412,fd=21))\n',
    "kernel-fips": "1\n",
    "crypto-policy": NONE,
    "process-crypto": MAPS,
}
NO_ALERT = refused("alert:handshake_failure")
KERNEL, PROVIDER, SUITES, GROUPS = (value for name, value in vars(probes).items() if name.startswith("test_"))


def prove(probe, level="provider", mode="ON", suites=(), groups=(), **changes):
    """`suites` and `groups` are those let in beside the approved one."""
    good = {"TLS_AES_256_GCM_SHA384", "secp256r1", *suites, *groups}

    def offer(what, endpoint):
        return Attempt() if what in good else NO_ALERT

    values = {
        "machine": Machine(commands=SOUND | {name.replace("_", "-"): answer for name, answer in changes.items()}),
        "sql": Sql(variables={"port": "3306"} | ({"ssl_fips_mode": mode} if mode else {})),
        "tls": Tls(suites=offer, groups=offer),
        "target": target(),
        "params": {"level": level},
        "experiment": experiments(),
    }
    probe(**{name: values[name] for name in probe.__code__.co_varnames[: probe.__code__.co_argcount]})


def test_a_host_in_fips_mode():
    prove(KERNEL, "kernel")
    prove(KERNEL, "kernel", crypto_policy="FIPS:OSPP\n")
    for level in ("kernel", "provider"):
        for probe in (PROVIDER, SUITES, GROUPS):
            prove(probe, level)
    prove(PROVIDER, mode=None)


@pytest.mark.parametrize(
    ("probe", "changes", "says"),
    [
        (KERNEL, {"level": "kernel", "kernel_fips": NONE}, "has no FIPS mode"),
        (KERNEL, {"level": "kernel", "kernel_fips": "0\n"}, "flag is 0"),
        (KERNEL, {"level": "kernel", "crypto_policy": "DEFAULT\n"}, "'DEFAULT', not FIPS"),
        (PROVIDER, {"process_crypto": MAPS.splitlines()[0]}, "no FIPS provider is loaded"),
        (PROVIDER, {"mode": "OFF"}, "ssl_fips_mode is 'OFF'"),
        (SUITES, {"suites": ("TLS_CHACHA20_POLY1305_SHA256",)}, "succeeded"),
        (GROUPS, {"groups": ("x25519",)}, "succeeded"),
        (GROUPS, {"groups": ("x448",)}, "succeeded"),
    ],
)
def test_findings(probe, changes, says):
    with pytest.raises(AssertionError, match=says):
        prove(probe, **changes)


def test_what_a_level_does_not_ask_for_is_said_plainly():
    with pytest.raises(NotApplicable, match="level provider does not ask for it; this kernel has no FIPS mode"):
        prove(KERNEL, kernel_fips=NONE)
    for probe in (KERNEL, PROVIDER, SUITES, GROUPS):
        with pytest.raises(NotApplicable, match="off-stated"):
            prove(probe, "off-stated")
        with pytest.raises(Indeterminate, match="parameter level"):
            prove(probe, "none")


def test_what_is_no_evidence():
    with pytest.raises(Indeterminate):
        prove(KERNEL, "kernel", kernel_fips="\x1b[1m")
    with pytest.raises(Indeterminate):
        prove(PROVIDER, process_crypto=CommandOutput(1, "", ""))
    with pytest.raises(ChannelError):
        prove(PROVIDER, process_crypto=ChannelError("needs root"))

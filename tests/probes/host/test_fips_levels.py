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
    "process-openssl": "OPENSSL_CONF=/etc/ssl/openssl-fips.cnf\0",
    "openssl-directory": 'OPENSSLDIR: "/usr/lib/ssl"\n',
}
NO_ALERT = refused("alert:handshake_failure")
CONF = """\
# comment
openssl_conf = init
.include /etc/ssl/module.cnf
[init]
providers = providers # of ours
alg_section = algorithms
[providers]
fips = fips_sect
base = base_sect
[base_sect]
activate = 1
[algorithms]
default_properties = fips=yes
"""
FILES = {"/etc/ssl/openssl-fips.cnf": CONF, "/etc/ssl/module.cnf": "[ fips_sect ]\nactivate = 1\n"}
KERNEL, PROVIDER, ASKED, SUITES, GROUPS = (value for name, value in vars(probes).items() if name.startswith("test_"))


def prove(probe, level="provider", mode="ON", suites=(), groups=(), files=FILES, **changes):
    """`suites` and `groups` are those let in beside the approved one."""
    good = {"TLS_AES_256_GCM_SHA384", "secp256r1", *suites, *groups}

    def offer(what, endpoint):
        return Attempt() if what in good else NO_ALERT

    values = {
        "machine": Machine(
            commands=SOUND | {name.replace("_", "-"): answer for name, answer in changes.items()}, files=files
        ),
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


def conf(*changes, path="/etc/ssl/openssl-fips.cnf"):
    text = CONF
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return FILES | {path: text}


BESIDE = ("base = base_sect", "default = base_sect")
UNSAID = ("default_properties = fips=yes", "")


@pytest.mark.parametrize(
    "files",
    [
        FILES,
        conf(UNSAID),
        conf(BESIDE),
        conf(("fips=yes", "provider=x, fips = yes")),
        conf(UNSAID) | {"/etc/ssl/module.cnf": ""},  # base alone computes nothing
    ],
)
def test_only_the_fips_provider_is_asked(files):
    prove(ASKED, mode=None, files=files, kernel_fips=NONE)
    by_default = {"/usr/lib/ssl/openssl.cnf": files["/etc/ssl/openssl-fips.cnf"], **files}
    prove(ASKED, mode=None, files=by_default, kernel_fips=NONE, process_openssl=CommandOutput(1, "", ""))
    prove(ASKED, mode="ON", files={}, kernel_fips=NONE)
    prove(ASKED, mode=None, files={})


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (conf(BESIDE, UNSAID), "activates 'default' and does not say fips=yes"),
        (conf(BESIDE, ("fips=yes", "fips=no")), "activates 'default'"),
        (conf(BESIDE, UNSAID, ("activate = 1", "activate = 0")), "activates 'default'"),  # OpenSSL 3.0 does
        (conf(BESIDE, UNSAID, ("activate = 1", "activate = 1\nidentity = legacy")), "activates 'legacy'"),
        (conf(UNSAID, ("providers = providers", "")), "activates no provider"),
        (conf(("openssl_conf = init", "")), "configures nothing"),
    ],
)
def test_another_provider_is_asked(files, says):
    with pytest.raises(AssertionError, match=says):
        prove(ASKED, mode=None, files=files, kernel_fips=NONE)


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        (conf(("module.cnf", "openssl-fips.cnf")), {}),
        (conf(("/etc/ssl/module.cnf", "module.cnf")), {}),
        (conf(("= init", "= $which")), {}),
        (FILES, {"process_openssl": CommandOutput(1, "", ""), "openssl_directory": "none\n"}),
    ],
)
def test_which_provider_is_asked_was_not_seen(files, commands):
    with pytest.raises(Indeterminate):
        prove(ASKED, mode=None, files=files, kernel_fips=NONE, **commands)

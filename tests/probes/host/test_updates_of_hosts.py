"""Control security-updates-applied, by what apt 3.0, dpkg 1.22 and uname were seen to say."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probes.looks import Machine

from proofs.catalogue.controls import load_catalogue
from proofs.errors import ChannelError, Indeterminate
from proofs.probes.host import test_updates as updates
from proofs.probes.host.debian import version_key
from proofs.resources import CONTROLS

PARAMS = {
    name: p.default for name, p in load_catalogue(CONTROLS).controls["security-updates-applied"].parameters.items()
}
NOW = 1_795_421_208
UNIT = "LoadState=loaded\nActiveState=active\nSubState=waiting\nUnitFileState=enabled\n"
GOOD = {
    "os-release": "ID=debian\n",
    "clock": f"{NOW}.123456789\n",
    "apt-archives": "/l/a_InRelease:Label: Debian\n/l/a_InRelease:Suite: stable\n/l/a_InRelease:Version: 13.7\n"
    "/l/b_InRelease:Label: Debian-Security\n/l/b_InRelease:Suite: stable-security\n/l/b_InRelease:Version: 13\n"
    "/l/b_InRelease:Date: Sat, 21 Nov 2026 00:53:03 UTC\n",
    "apt-pending": "Reading package lists...\nCalculating upgrade...\n"
    "Inst base-files [13.8] (13.8+deb13u2 Debian:13.7/stable [amd64])\n"
    "Conf base-files (13.8+deb13u2 Debian:13.7/stable [amd64])\n",
    "apt-periodic": 'APT::Periodic "";\nAPT::Periodic::Update-Package-Lists "1";\n'
    'APT::Periodic::Unattended-Upgrade "1";\n',
    "unit": {"apt-daily.timer": UNIT, "apt-daily-upgrade.timer": UNIT},
    "kernel": "Linux 6.12.117+deb13-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1 (2026-11-12) x86_64\n",
    "kernel-packages": "ii  linux-image-6.12.9+deb13-cloud-amd64 6.12.9-1 amd64 Linux\n"
    "ii  linux-image-6.12.117+deb13-cloud-amd64 6.12.117-1 amd64 Linux\n"
    "un  linux-image-6.12.200+deb13-cloud-amd64 <none> <none> (no description available)\n"
    "ii  linux-image-6.12.200+deb13-rt-amd64 6.12.200-1 amd64 Linux\n"
    "ii  linux-image-cloud-amd64 6.12.117-1 amd64 Linux\n",
}
UBUNTU = {
    "os-release": "ID=ubuntu\nID_LIKE=debian\n",
    "apt-archives": "/l/b_InRelease:Label: Ubuntu\n/l/b_InRelease:Suite: noble-security\n"
    "/l/b_InRelease:Version: 24.04\n/l/b_InRelease:Date: Fri, 20 Nov 2026 10:11:12 +0000\n",
    "kernel": "Linux 6.8.0-45-generic #45-Ubuntu SMP PREEMPT_DYNAMIC Fri Aug 30 12:02:04 UTC 2024 x86_64\n",
    "kernel-packages": "ii  linux-image-6.8.0-45-generic 6.8.0-45.45 amd64 Linux\n"
    "ii  linux-image-generic 6.8.0-45.45 amd64 Linux\n",
}


def look(**changes):
    machine = Machine(commands=GOOD | changes)
    updates.test_lists_are_fresh(machine, PARAMS)
    updates.test_no_security_update_is_pending(machine, PARAMS)
    updates.test_updates_install_themselves(machine, PARAMS)
    updates.test_newest_kernel_runs(machine)


def test_a_host_that_is_up_to_date():
    look()
    look(**UBUNTU)


PENDING = "Inst liblzma5 [5.4.1-1] (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64]) []\n"
BOTH = "Inst libgcrypt20 [1.10] (1.11 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])\n"
NEW = "Inst linux-image-6.12.118 (6.12.118-1 Debian-Security:13/stable-security [amd64])\n"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"apt-archives": GOOD["apt-archives"].replace("21 Nov", "01 Nov")},
            "of 'Debian-Security:13/.*' are",
        ),
        ({"apt-archives": GOOD["apt-archives"].replace("21 Nov", "29 Nov")}, "of the future"),
        ({"apt-pending": PENDING}, "1 security updates are not installed: 'liblzma5 5.4.1-1\\+deb12u2'"),
        ({"apt-pending": BOTH}, "1 security updates"),
        ({"apt-pending": NEW}, "1 security updates"),
        ({"apt-periodic": 'APT::Periodic::Update-Package-Lists "1";\n'}, "Unattended-Upgrade is '0'"),
        ({"apt-periodic": GOOD["apt-periodic"].replace('Lists "1"', 'Lists "0"')}, "Update-Package-Lists is '0'"),
        ({"apt-periodic": GOOD["apt-periodic"] + 'APT::Periodic::Enable "0";\n'}, "Enable is '0'"),
        ({"apt-periodic": GOOD["apt-periodic"].replace('Upgrade "1"', 'Upgrade "365"')}, "is '365', expected at most"),
        ({"unit": GOOD["unit"] | {"apt-daily.timer": UNIT.replace("enabled", "disabled")}}, "not started at boot"),
        ({"unit": GOOD["unit"] | {"apt-daily-upgrade.timer": UNIT.replace("=active", "=inactive")}}, "is inactive"),
        ({"kernel": GOOD["kernel"].replace("6.12.117", "6.12.9")}, "'6.12.117.*' is installed, '6.12.9.*' runs"),
        ({"kernel": GOOD["kernel"].replace("Debian 6.12.117-1", "Debian 6.12.117-0")}, "'6.12.117-0' runs"),
        (UBUNTU | {"kernel": UBUNTU["kernel"].replace("-45-", "-9-")}, "'6.8.0-45-generic' is installed"),
    ],
)
def test_what_is_wrong(changes, says):
    with pytest.raises(AssertionError, match=says):
        look(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"os-release": "ID=fedora\n"}, "with apt only"),
        ({"apt-archives": GOOD["apt-archives"].replace("Sat, 21", "yesterday, 99")}, "tell no date"),
        ({"apt-archives": GOOD["apt-archives"].replace("Date:", "Day:")}, "tell no date"),
        ({"apt-pending": "The following packages have been kept back:\n  a b\n"}, "keeps back .*: '  a b'"),
        ({"kernel-packages": GOOD["kernel-packages"].replace(" 6.12.9-1", " 1x:2")}, "of the version '1x:2'"),
        ({"apt-archives": ""}, "none of apt's sources"),
        ({"apt-archives": GOOD["apt-archives"].replace("Debian-Security", "Debian")}, "none of apt's sources"),
        ({"apt-pending": "Inst a b c\n"}, "another format"),
        ({"kernel": "FreeBSD\n"}, "another format"),
        ({"kernel-packages": ""}, "no installed package holds a kernel"),
        ({"kernel-packages": "ii  linux-image-6.12.9-rt-amd64 1 amd64 Linux\n"}, "no installed package holds a kernel"),
    ],
)
def test_what_shows_nothing(changes, says):
    with pytest.raises(Indeterminate, match=says):
        look(**changes)


def test_a_command_that_is_missing_shows_nothing():
    with pytest.raises(ChannelError):
        look(**{"apt-pending": ChannelError("the host has no command apt-get")})


VERSIONS = st.from_regex(r"(?:[0-9]:)?[0-9][0-9a-z.+~]{0,6}(?:-[0-9a-z.+~]{1,4})?", fullmatch=True)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is the judge")
@given(pairs=st.lists(st.tuples(VERSIONS, VERSIONS), min_size=5, max_size=5))
def test_versions_are_ordered_as_dpkg_orders_them(pairs):
    for one, other in pairs:
        less = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0
        assert (version_key(one) < version_key(other)) == less, (one, other)

"""Control security-updates-applied, by what apt 3.0, dpkg 1.22 and uname were seen to say."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probes.looks import Machine, Sql

from proofs.catalogue.controls import load_catalogue
from proofs.errors import ChannelError, Indeterminate
from proofs.probes.host import test_in_force as in_force
from proofs.probes.host import test_updates as updates
from proofs.probes.host.debian import version_key
from proofs.resources import CONTROLS

PARAMS = {
    name: p.default for name, p in load_catalogue(CONTROLS).controls["security-updates-applied"].parameters.items()
}
NOW = 1_795_421_208
UNIT = "LoadState=loaded\nActiveState=active\nSubState=waiting\nUnitFileState=enabled\nResult=success\n"
DEBIAN = 'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'
SECURITY = (
    "/l/b_InRelease:Origin: Debian\n/l/b_InRelease:Label: Debian-Security\n/l/b_InRelease:Suite: stable-security\n"
    "/l/b_InRelease:Codename: trixie-security\n/l/b_InRelease:Version: 13\n"
    "/l/b_InRelease:Date: Sat, 21 Nov 2026 00:53:03 UTC\n"
)
STABLE = (
    "/l/a_InRelease:Origin: Debian\n/l/a_InRelease:Label: Debian\n/l/a_InRelease:Suite: stable\n"
    "/l/a_InRelease:Codename: trixie\n/l/a_InRelease:Version: 13.7\n"
)
SID = STABLE.replace("/a_", "/s_").replace(": stable", ": unstable").replace(": trixie", ": sid")
VENDOR = "/l/v_Release:Origin: MySQL\n/l/v_Release:Label: MySQL\n/l/v_Release:Suite: {suite}\n"
LISTED = (
    "Listing...\nbase-files/stable 13.8+deb13u2 amd64\n"
    "base-files/now 13.8 amd64 [installed,upgradable to: 13.8+deb13u2]\n"
    "libc6/stable,now 2.41-12 amd64 [installed]\nlibc6:i386/stable,now 2.41-12 i386 [installed]\n"
    "liblzma5/stable-security,now 5.8.1-1 amd64 [installed,automatic]\nliblzma5/stable 5.8.0-1 amd64\n"
    "unattended-upgrades/stable,now 2.12 all [installed]\n"
    "mariadb-server-core/unstable 1:11.8.9-4 amd64\n"
    "mariadb-server-core/stable,now 1:11.8.9-0+deb13u1 amd64 [installed]\n"
)
OF_A_LOST_ARCHIVE = LISTED.replace("core/stable,now", "core/now").replace(
    "core/unstable 1:11.8.9-4", "core/stable 1:10.11"
)
ORIGINS = (
    'Unattended-Upgrade "";\nUnattended-Upgrade::Origins-Pattern "";\n'
    'Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename},label=Debian-Security";\n'
    'Unattended-Upgrade::Origins-Pattern:: "o=Debian,n=${distro_codename}-security,l=Debian-Security";\n'
)
SERVER = "ii  mariadb-server-core 1:11.8.9-0+deb13u1 amd64 MariaDB\n"
GOOD = {
    "os-release": DEBIAN,
    "clock": f"{NOW}.123456789\n",
    "apt-archives": STABLE + SECURITY,
    "apt-versions": LISTED,
    "apt-periodic": 'APT::Periodic "";\nAPT::Periodic::Update-Package-Lists "1";\n'
    'APT::Periodic::Unattended-Upgrade "1";\n',
    "unattended-upgrade": ORIGINS,
    "unit": {f"apt-daily{which}.{kind}": UNIT for which in ("", "-upgrade") for kind in ("timer", "service")},
    "dpkg-owners": "mariadb-server-core: /usr/sbin/mariadbd\n",
    "dpkg-list": SERVER,
    "sockets": 'tcp LISTEN 0 80 *:3306 *:* users:(("mariadbd",pid=412,fd=21))\n',
    "process-files": "/usr/sbin/mariadbd\n/usr/sbin/mariadbd\n/usr/lib/x86_64-linux-gnu/libc.so.6\n",
    "kernel": "Linux 6.12.117+deb13-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1 (2026-11-12) x86_64\n",
    "kernel-packages": "ii  linux-image-6.12.9+deb13-cloud-amd64 6.12.9-1 amd64 Linux\n"
    "ii  linux-image-6.12.117+deb13-cloud-amd64 6.12.117-1 amd64 Linux\n"
    "un  linux-image-6.12.200+deb13-cloud-amd64 <none> <none> (no description available)\n"
    "ii  linux-image-6.12.200+deb13-rt-amd64 6.12.200-1 amd64 Linux\n"
    "ii  linux-image-cloud-amd64 6.12.117-1 amd64 Linux\n",
}
UBUNTU = {
    "os-release": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n',
    "apt-archives": "/l/b_InRelease:Origin: Ubuntu\n/l/b_InRelease:Label: Ubuntu\n"
    "/l/b_InRelease:Suite: noble-security\n"
    "/l/b_InRelease:Codename: noble\n/l/b_InRelease:Version: 24.04\n"
    "/l/b_InRelease:Date: Fri, 20 Nov 2026 10:11:12 +0000\n",
    "apt-versions": LISTED.replace("stable-security", "noble-security"),
    "unattended-upgrade": 'Unattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-security";\n',
    "kernel": "Linux 6.8.0-45-generic #45-Ubuntu SMP PREEMPT_DYNAMIC Fri Aug 30 12:02:04 UTC 2024 x86_64\n",
    "kernel-packages": "ii  linux-image-6.8.0-45-generic 6.8.0-45.45 amd64 Linux\n"
    "ii  linux-image-generic 6.8.0-45.45 amd64 Linux\n",
}
VENDORS = {
    "apt-archives": STABLE + SECURITY + VENDOR.format(suite="trixie"),
    "apt-versions": LISTED.replace("core/stable,now", "core/trixie,now"),
}


def look(**changes):
    machine = Machine(commands=GOOD | changes)
    updates.test_lists_are_fresh(machine, PARAMS)
    updates.test_no_security_update_is_pending(machine, PARAMS)
    updates.test_the_servers_archive_holds_nothing_newer(machine, PARAMS)
    updates.test_updates_install_themselves(machine, PARAMS)
    in_force.test_newest_kernel_runs(machine)
    in_force.test_the_server_runs_what_is_installed(machine, Sql(variables={"port": "3306"}))


def test_a_host_that_is_up_to_date():
    look()
    look(**UBUNTU)
    look(**VENDORS)


def test_a_system_without_releases():
    """Debian's sid: no number, and an archive of another name than os-release's."""
    sid = STABLE.replace("Suite: stable", "Suite: unstable").replace("Codename: trixie", "Codename: sid")
    machine = Machine(
        commands=GOOD
        | {
            "os-release": "ID=debian\nVERSION_CODENAME=forky\n",
            "apt-archives": sid.replace(
                "/l/a_InRelease:Version: 13.7\n", "/l/a_InRelease:Date: Sat, 21 Nov 2026 00:53:03 UTC\n"
            ),
            "apt-versions": LISTED.replace("stable", "unstable"),
        }
    )
    params = PARAMS | {"security_archives": ("Debian:unstable",)}
    updates.test_lists_are_fresh(machine, params)
    with pytest.raises(AssertionError, match=r"1 security updates .* 'base-files"):
        updates.test_no_security_update_is_pending(machine, params)
    with pytest.raises(AssertionError, match="installs nothing from 'Debian:unstable'"):
        updates.test_updates_install_themselves(machine, params)


def pending(*lines):
    return {"apt-versions": LISTED + "".join(f"{line}\n" for line in lines)}


def without(text):
    return {"apt-versions": LISTED.replace(text, "")}


def unit(name, old, new):
    return {"unit": GOOD["unit"] | {name: UNIT.replace(old, new)}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"apt-archives": GOOD["apt-archives"].replace("21 Nov", "01 Nov")},
            "of 'Debian-Security:13/.*' are",
        ),
        ({"apt-archives": GOOD["apt-archives"].replace("21 Nov", "29 Nov")}, "of the future"),
        (pending("libc6/stable-security 2.41-12+deb13u1 amd64"), "1 security .*: 'libc6 2.41-12\\+deb13u1'"),
        (pending("libc6/stable,stable-security 2.41-13 i386 [upgradable from: 2.41-12]"), "1 security updates"),
        (pending("liblzma5/stable-security 5.9 amd64", "liblzma5/stable-security 5.10 amd64"), "'liblzma5 5.10'"),
        (
            {"process-files": "/usr/sbin/mariadbd\n" + "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n" * 2},
            "1 files .*'/usr/.*libssl.so.3'",
        ),
        (
            VENDORS | {"apt-versions": VENDORS["apt-versions"] + "mariadb-server-core/trixie 1:11.8.10 amd64\n"},
            "own archive holds mariadb-server-core 1:11.8.10, 1:11.8.9",
        ),
        (
            {
                "apt-archives": STABLE + SECURITY + SID,
                "apt-versions": LISTED.replace("core/stable,now 1:11.8.9-0+deb13u1", "core/now 1:11.8.8-1"),
            },
            "own archive holds mariadb-server-core 1:11.8.9-4, 1:11.8.8-1",
        ),
        (without("unattended-upgrades/stable,now 2.12 all [installed]\n"), "is not installed"),
        ({"unattended-upgrade": ORIGINS.replace("Security", "Updates")}, "installs nothing from 'Debian-Security:13/"),
        ({"unattended-upgrade": ORIGINS.replace("=Debian,", "=debian,")}, "installs nothing from"),
        ({"unattended-upgrade": ORIGINS.replace("=Debian,", "=Debian,x=y,")}, "installs nothing from"),
        (unit("apt-daily.service", "=loaded", "=masked"), "apt-daily.timer starts: 'masked'"),
        (unit("apt-daily-upgrade.service", "=success", "=exit-code"), "the last run of apt-daily-upgrade.service"),
        ({"apt-periodic": 'APT::Periodic::Update-Package-Lists "1";\n'}, "Unattended-Upgrade is '0'"),
        ({"apt-periodic": GOOD["apt-periodic"].replace('Lists "1"', 'Lists "0"')}, "Update-Package-Lists is '0'"),
        ({"apt-periodic": GOOD["apt-periodic"] + 'APT::Periodic::Enable "0";\n'}, "Enable is '0'"),
        ({"apt-periodic": GOOD["apt-periodic"].replace('Upgrade "1"', 'Upgrade "365"')}, "is '365', expected at most"),
        (unit("apt-daily.timer", "enabled", "disabled"), "not started at boot"),
        (unit("apt-daily-upgrade.timer", "=active", "=inactive"), "is inactive"),
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
        ({"apt-archives": (STABLE + SECURITY).replace("trixie-", "bookworm-")}, "another release's than trixie"),
        ({"os-release": 'ID=debian\nVERSION_ID="13"\n'}, "does not name the release"),
        (
            {"unattended-upgrade": ORIGINS.replace("=Debian,", "=Debian,site=a.example,")},
            "depends on more than was seen",
        ),
        ({"kernel-packages": GOOD["kernel-packages"].replace("linux-image-cloud-", "x-")}, "brings the next kernel"),
        ({"apt-versions": LISTED.replace("stable-security,", "")}, "lists hold no packages"),
        ({"apt-versions": OF_A_LOST_ARCHIVE}, "no archive of apt's holds mariadb-server-core"),
        (
            without("mariadb-server-core/stable,now 1:11.8.9-0+deb13u1 amd64 [installed]\n"),
            "does not show the server's",
        ),
        (
            {
                "apt-versions": LISTED.replace("core/stable,", "core/").replace(
                    "mariadb-server-core/unstable 1:11.8.9-4", "x/y 1"
                )
            },
            "no archive of apt's holds mariadb-server-core",
        ),
        (
            {
                "apt-archives": STABLE + SECURITY + VENDOR.format(suite="stable"),
                **pending("mariadb-server-core/stable 1:11.8.10 amd64"),
            },
            "two of different origin are called 'stable'",
        ),
        ({"kernel-packages": GOOD["kernel-packages"].replace(" 6.12.9-1", " 1x:2")}, "of the version '1x:2'"),
        ({"apt-archives": ""}, "none of apt's sources"),
        ({"apt-archives": GOOD["apt-archives"].replace("Debian-Security", "Debian")}, "none of apt's sources"),
        ({"process-files": ""}, "not even its program"),
        ({"apt-versions": "Inst a b c\n"}, "another format"),
        ({"apt-versions": "a/now 1x:2 amd64 [installed]\n"}, "another format"),
        ({"apt-versions": "Listing...\n"}, "no installed package"),
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
        look(**{"apt-versions": ChannelError("the host has no command apt")})


VERSIONS = st.from_regex(r"(?:[0-9]:)?[0-9][0-9a-z.+~]{0,6}(?:-[0-9a-z.+~]{1,4})?", fullmatch=True)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is the judge")
@given(pairs=st.lists(st.tuples(VERSIONS, VERSIONS), min_size=5, max_size=5))
def test_versions_are_ordered_as_dpkg_orders_them(pairs):
    for one, other in pairs:
        less = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0
        assert (version_key(one) < version_key(other)) == less, (one, other)

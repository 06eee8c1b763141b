"""Control security-updates-applied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel
from proofs.probes.host.debian import version_key
from proofs.probes.host.units import runs_now_and_at_boot
from proofs.probes.transport.settings import number, texts

_DAY_S = 86400
_PENDING = re.compile(r"Inst (?P<package>\S+) (?:\[[^]]*\] )?\((?P<version>\S+) (?P<archives>.*) \[[^]]*\]\)(?: .*)?")
"""As `apt-get --simulate` prints what it would install; an archive is `Label:Version/Suite` or `Label:Suite`."""
_IMAGE = re.compile(r"[a-z]i +linux-image-(?P<release>[0-9][^\s:]*)(?::\S+)? +(?P<version>[0-9]\S*) .*")
"""A line of `dpkg-query --list` for a kernel that is installed."""
_RUNNING = re.compile(r"Linux (?P<release>[0-9]\S*) (?P<build>.*) \S+")
_PACKAGED = re.compile(r"Debian (?P<version>[0-9]\S*)")


def test_lists_are_fresh(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """apt's last update that succeeded is no older than agreed: of updates published since, the host knows nothing.

    The stamps of apt's daily run (apt.systemd.daily) and of Ubuntu's update-notifier. Lists fetched by hand leave none.
    """
    _apt(machine)
    stamps = machine.command("apt-updated").lines
    if not stamps or not all(stamp.isdecimal() for stamp in stamps):
        raise Indeterminate("no stamp tells when apt's lists were last updated (/var/lib/apt/periodic)")
    age = int(machine.command("clock").stdout.partition(".")[0]) - max(map(int, stamps))
    most = number(params, "max_days") * _DAY_S
    assert age <= most, f"apt's lists are {age / _DAY_S:.1f} days old, at most {most // _DAY_S} are agreed"
    assert age >= -_DAY_S, f"apt's lists were updated in the future, by {-age / _DAY_S:.1f} days"


def test_no_security_update_is_pending(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """apt would install nothing from an archive of security updates, of packages held back neither.

    Without such an archive among its sources nothing would ever be pending, so then nothing is shown.
    """
    _apt(machine)
    security = texts(params, "security_archives")
    known = _archives(machine)
    if not any(_matches(archive, security) for archive in known):
        raise Indeterminate(
            f"none of apt's sources is one of security updates: {', '.join(known)[:300]!a} (security_archives)"
        )
    pending = []
    for line in machine.command("apt-pending").lines:
        found = _PENDING.fullmatch(line.rstrip())
        if found is None and line.startswith("Inst "):
            raise Indeterminate(f"apt-get answered in another format: {line[:200]!a}")
        if found and any(_matches(archive, security) for archive in found["archives"].split(", ")):
            pending.append(f"{found['package']} {found['version']}")
    shown = ", ".join(pending[:10])
    assert not pending, f"{len(pending)} security updates are not installed: {shown[:400]!a}"


def test_updates_install_themselves(machine: HostChannel) -> None:
    """apt's daily runs update the lists and install upgrades: apt.systemd.daily, unattended-upgrade(8)."""
    _apt(machine)
    lines = machine.command("apt-periodic").lines
    settings = dict(re.findall(r'^APT::Periodic::([A-Za-z-]+) "(.*)";$', "\n".join(lines), re.MULTILINE))
    for name in ("Update-Package-Lists", "Unattended-Upgrade"):
        value = settings.get(name, "0")
        assert value not in ("", "0"), f"APT::Periodic::{name} is {value!a}: apt does not do it by itself"
    for unit in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        runs_now_and_at_boot(machine, unit)


def test_newest_kernel_runs(machine: HostChannel) -> None:
    """The running kernel is the newest of those installed: an update is in force once the host was restarted.

    Kernels of the same flavour are compared. uname(2): Debian's build says the package's version, which a rebuild under
    the same name changes; other systems' builds don't, and there the name alone is compared.
    """
    _apt(machine)
    said = machine.command("kernel").stdout.strip()
    running = _RUNNING.fullmatch(said)
    if running is None:
        raise Indeterminate(f"uname answered in another format: {said[:200]!a}")
    release = running["release"]
    installed = [found for line in machine.command("kernel-packages").lines if (found := _IMAGE.fullmatch(line))]
    alike = [found for found in installed if _flavour(found["release"]) == _flavour(release)]
    if not alike:
        raise Indeterminate(f"no installed package holds a kernel like the running {release[:100]!a}")
    newest = max(alike, key=lambda found: (version_key(found["version"]), version_key(found["release"])))
    assert newest["release"] == release, f"kernel {newest['release']!a} is installed, {release!a} runs"
    if build := _PACKAGED.search(running["build"]):
        assert build["version"] == newest["version"], (
            f"kernel {release!a} is installed in version {newest['version']!a}, {build['version']!a} runs"
        )


def _apt(machine: HostChannel) -> None:
    if not re.search(r"^ID(?:_LIKE)?=\"?(?:[a-z]+ )*(debian|ubuntu)\b", machine.command("os-release").stdout, re.M):
        raise Indeterminate("updates are known of systems with apt only")


def _archives(machine: HostChannel) -> Sequence[str]:
    """The archives apt has lists of, as `apt-get --simulate` names them."""
    files: dict[str, dict[str, str]] = {}
    for line in machine.command("apt-archives").lines:
        file, _, header = line.partition(":")
        name, _, value = header.partition(": ")
        files.setdefault(file, {}).setdefault(name, value.strip())
    return sorted(
        {
            f"{each['Label']}:{each['Version'] + '/' if 'Version' in each else ''}{each['Suite']}"
            for each in files.values()
            if {"Label", "Suite"} <= each.keys()
        }
    )


def _matches(archive: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(archive, pattern) for pattern in patterns)


def _flavour(release: str) -> str:
    """`cloud-amd64` of `6.12.48+deb13-cloud-amd64`, `generic` of `6.8.0-45-generic`."""
    return re.sub(r"^[0-9][^-]*(?:-[0-9]+)?-", "", release)

"""Control security-updates-applied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from itertools import takewhile

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel
from proofs.probes.host.debian import version_key
from proofs.probes.host.packages import by_dpkg, listed
from proofs.probes.host.units import runs_now_and_at_boot
from proofs.probes.transport.settings import number, texts

_DAY_S = 86400
_PENDING = re.compile(r"Inst (?P<package>\S+) (?:\[[^]]*\] )?\((?P<version>\S+) (?P<archives>.*) \[[^]]*\]\)(?: .*)?")
"""As `apt-get --simulate` prints what it would install; an archive is `Label:Version/Suite` or `Label:Suite`."""
_KEPT = "The following packages have been kept back:"
_IMAGE = re.compile(r"linux-image-(?P<release>[0-9].*)")
_VERSION = re.compile(r"(?:[0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]{0,99}")
_RUNNING = re.compile(r"Linux (?P<release>[0-9]\S*) (?P<build>.*) \S+")
_PACKAGED = re.compile(r"Debian (?P<version>[0-9]\S*)")


def test_lists_are_fresh(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """The archives' own signed date in apt's lists of security updates is no older than agreed.

    Of updates published since, the host knows nothing. Stamps of apt's runs are no evidence: `apt-get update` ends well
    where an archive could not be reached and the old lists were kept.
    """
    now = int(machine.command("clock").stdout.partition(".")[0])
    most = number(params, "max_days")
    for name, dates in _security(machine, params).items():
        try:
            age = (now - max(parsedate_to_datetime(date).timestamp() for date in dates)) / _DAY_S
        except (ValueError, OverflowError):
            raise Indeterminate(f"the lists of {name[:100]!a} tell no date: {dates[0][:60]!a}") from None
        assert age <= most, f"apt's lists of {name[:100]!a} are {age:.1f} days old, at most {most} are agreed"
        assert age >= -1, f"apt's lists of {name[:100]!a} are of the future, by {-age:.1f} days"


def test_no_security_update_is_pending(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """apt would install nothing from an archive of security updates, of packages held back neither.

    Without such an archive among its sources nothing would ever be pending, so then nothing is shown.
    """
    _security(machine, params)
    pending = []
    lines = [line.rstrip() for line in machine.command("apt-pending").lines]
    if _KEPT in lines:
        names = " ".join(takewhile(lambda line: line.startswith(" "), lines[lines.index(_KEPT) + 1 :]))
        raise Indeterminate(f"apt keeps back what it can't install, and does not say from where: {names[:200]!a}")
    for line in lines:
        found = _PENDING.fullmatch(line)
        if found is None and line.startswith("Inst "):
            raise Indeterminate(f"apt-get answered in another format: {line[:200]!a}")
        if found and any(_of_security(archive, params) for archive in found["archives"].split(", ")):
            pending.append(f"{found['package']} {found['version']}")
    shown = ", ".join(pending[:10])
    assert not pending, f"{len(pending)} security updates are not installed: {shown[:400]!a}"


def test_updates_install_themselves(machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """apt's daily runs update the lists and install upgrades, and often: apt.systemd.daily, unattended-upgrade(8)."""
    _apt(machine)
    lines = machine.command("apt-periodic").lines
    settings = dict(re.findall(r'^APT::Periodic::([A-Za-z-]+) "(.*)";$', "\n".join(lines), re.MULTILINE))
    enabled, most = settings.get("Enable", "1"), number(params, "max_days")
    assert enabled != "0", "APT::Periodic::Enable is '0': apt does nothing by itself"
    for name in ("Update-Package-Lists", "Unattended-Upgrade"):
        value = settings.get(name, "0")
        assert value not in ("", "0"), f"APT::Periodic::{name} is {value!a}: apt does not do it by itself"
        days = re.fullmatch(r"([0-9]+)d?", value)
        assert not days or int(days[1]) <= most, f"APT::Periodic::{name} is {value!a}, expected at most {most} days"
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
    packages = listed(machine.command("kernel-packages").lines)
    installed = [(found["release"], version) for name, version in packages if (found := _IMAGE.fullmatch(name))]
    alike = [each for each in installed if _flavour(each[0]) == _flavour(release)]
    if not alike:
        raise Indeterminate(f"no installed package holds a kernel like the running {release[:100]!a}")
    if odd := [text for each in alike for text in each if not _VERSION.fullmatch(text)]:
        raise Indeterminate(f"dpkg shows a kernel of the version {odd[0][:100]!a}")
    newest, version = max(alike, key=lambda each: (version_key(each[1]), version_key(each[0])))
    assert newest == release, f"kernel {newest!a} is installed, {release!a} runs"
    if build := _PACKAGED.search(running["build"]):
        assert build["version"] == version, (
            f"kernel {release!a} is installed in version {version!a}, {build['version']!a} runs"
        )


def _apt(machine: HostChannel) -> None:
    if not by_dpkg(machine):
        raise Indeterminate("updates are known of systems with apt only")


def _security(machine: HostChannel, params: Mapping[str, ParameterValue]) -> Mapping[str, Sequence[str]]:
    """Archives of security updates that apt has lists of, as `apt-get --simulate` names them, and the dates of these.

    `Indeterminate` without any: then nothing would ever be pending.
    """
    _apt(machine)
    files: dict[str, dict[str, str]] = {}
    for line in machine.command("apt-archives").lines:
        file, _, header = line.partition(":")
        name, _, value = header.partition(": ")
        files.setdefault(file, {}).setdefault(name, value.strip())
    found: dict[str, list[str]] = {}
    for each in files.values():
        version = f"{each['Version']}/" if "Version" in each else ""
        found.setdefault(f"{each.get('Label')}:{version}{each.get('Suite')}", []).append(each.get("Date", ""))
    security = {name: dates for name, dates in found.items() if _of_security(name, params)}
    if not security:
        raise Indeterminate(
            f"none of apt's sources is one of security updates: {', '.join(sorted(found))[:300]!a} (security_archives)"
        )
    return security


def _of_security(archive: str, params: Mapping[str, ParameterValue]) -> bool:
    return any(fnmatchcase(archive, pattern) for pattern in texts(params, "security_archives"))


def _flavour(release: str) -> str:
    """`cloud-amd64` of `6.12.48+deb13-cloud-amd64`, `generic` of `6.8.0-45-generic`."""
    return re.sub(r"^[0-9][^-]*(?:-[0-9]+)?-", "", release)

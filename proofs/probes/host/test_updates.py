"""Control security-updates-applied: what is published is installed, and by itself. Debian and what is like it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from proofs.errors import Indeterminate
from proofs.model import ParameterValue
from proofs.ports import HostChannel
from proofs.probes.host.apt import archives, need_apt, packages, security
from proofs.probes.host.packages import installed
from proofs.probes.host.unattended import uncovered
from proofs.probes.host.units import properties, runs_now_and_at_boot
from proofs.probes.transport.settings import number

Params = Mapping[str, ParameterValue]
_DAY_S = 86400
_UPGRADER = "unattended-upgrades"


def test_lists_are_fresh(machine: HostChannel, params: Params) -> None:
    """The archives' own signed date in apt's lists of security updates is no older than agreed.

    Of updates published since, the host knows nothing. Stamps of apt's runs are no evidence: `apt-get update` ends well
    where an archive could not be reached and the old lists were kept.
    """
    now = int(machine.command("clock").stdout.partition(".")[0])
    most = number(params, "max_days")
    newest: dict[str, float] = {}
    for archive in security(machine, params):
        date = archive.headers.get("Date", "")
        try:
            at = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError):
            raise Indeterminate(f"the lists of {archive.name[:100]!a} tell no date: {date[:60]!a}") from None
        newest[archive.name] = max(at, newest.get(archive.name, at))
    for name, at in newest.items():
        age = (now - at) / _DAY_S
        assert age <= most, f"apt's lists of {name[:100]!a} are {age:.1f} days old, at most {most} are agreed"
        assert age >= -1, f"apt's lists of {name[:100]!a} are of the future, by {-age:.1f} days"


def test_no_security_update_is_pending(machine: HostChannel, params: Params) -> None:
    """No archive of security updates holds a newer version of an installed package.

    What apt itself would install is no evidence: a hold, a pin (apt_preferences(5)) or APT::Default-Release keeps an
    update away, and then none is pending by its word.
    """
    suites = {archive.suite for archive in security(machine, params)}
    known = packages(machine)
    if not any(each.suites & suites or any(held & suites for _, held in each.others) for each in known):
        raise Indeterminate(
            f"apt knows of no version in {', '.join(sorted(suites))[:100]!a}: its lists hold no packages"
        )
    pending = [f"{each.name} {newer}" for each in known if (newer := each.newer(suites))]
    shown = ", ".join(pending[:10])
    assert not pending, f"{len(pending)} security updates are not installed: {shown[:400]!a}"


def test_the_servers_archive_holds_nothing_newer(machine: HostChannel, params: Params) -> None:
    """A server that does not come from the system's archives is up to date by the archive it does come from.

    The vendors' own archives have no suite of security updates: each newer version there may be one. A server from the
    archives that security updates are published for (of the same origin and release) is the other probes' matter.
    """
    releases = {archive.release for archive in security(machine, params)}
    known = archives(machine)
    covered = {archive.suite for archive in known if archive.release in releases}
    foreign = {archive.suite for archive in known if archive.release not in releases}
    by_name = {each.name: each for each in packages(machine)}
    for package in (each for each in installed(machine) if each.programs):
        found = by_name.get(package.name)
        if found is None:
            raise Indeterminate(f"apt does not show the server's package {package.name}")
        held = found.suites or found.newer_in
        if not held:
            raise Indeterminate(f"no archive of apt's holds {package.name}: no update of the server would ever be seen")
        newer = found.newer(held & (foreign - covered))
        assert newer is None, f"the server's own archive holds {package.name} {newer}, {found.installed} is installed"
        if newer := found.newer(held & foreign & covered):
            raise Indeterminate(
                f"an archive holds {package.name} {newer}, and two of different origin are called "
                f"{', '.join(sorted(held & foreign & covered))[:100]!a}"
            )


def test_updates_install_themselves(machine: HostChannel, params: Params) -> None:
    """apt's daily runs update the lists and install upgrades, and often: apt.systemd.daily, unattended-upgrade(8).

    What installs them is there, installs from each archive of security updates, and its last run did not fail.
    """
    need_apt(machine)
    lines = machine.command("apt-periodic").lines
    settings = dict(re.findall(r'^APT::Periodic::([A-Za-z-]+) "(.*)";$', "\n".join(lines), re.MULTILINE))
    enabled, most = settings.get("Enable", "1"), number(params, "max_days")
    assert enabled != "0", "APT::Periodic::Enable is '0': apt does nothing by itself"
    for name in ("Update-Package-Lists", "Unattended-Upgrade"):
        value = settings.get(name, "0")
        assert value not in ("", "0"), f"APT::Periodic::{name} is {value!a}: apt does not do it by itself"
        days = re.fullmatch(r"([0-9]+)d?", value)
        assert not days or int(days[1]) <= most, f"APT::Periodic::{name} is {value!a}, expected at most {most} days"
    for unit in ("apt-daily", "apt-daily-upgrade"):
        runs_now_and_at_boot(machine, f"{unit}.timer")
        service = properties(machine, f"{unit}.service")
        assert service["LoadState"] == "loaded", f"{unit}.service, which {unit}.timer starts: {service['LoadState']!a}"
        assert service.get("Result") == "success", (
            f"the last run of {unit}.service ended with {service.get('Result')!a}"
        )
    assert _UPGRADER in {each.name for each in packages(machine)}, (
        f"the package {_UPGRADER} is not installed: APT::Periodic::Unattended-Upgrade does nothing"
    )
    left = uncovered(machine, security(machine, params))
    assert not left, (
        f"{_UPGRADER} installs nothing from {', '.join(left)[:200]!a} (Unattended-Upgrade::Origins-Pattern)"
    )

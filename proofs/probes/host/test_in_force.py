"""Control security-updates-applied: what is installed is what runs."""

from __future__ import annotations

import re

from proofs.errors import Indeterminate
from proofs.ports import HostChannel, SqlChannel
from proofs.probes.host.apt import VERSION, need_apt
from proofs.probes.host.debian import version_key
from proofs.probes.host.packages import listed
from proofs.probes.host.server import server_pid

_IMAGE = re.compile(r"linux-image-(?P<release>[0-9].*)")
_BRINGS = re.compile(r"linux-image-(?!unsigned-)[a-z].*")
_RUNNING = re.compile(r"Linux (?P<release>[0-9]\S*) (?P<build>.*) \S+")
_REPLACED = " (deleted)"
_PACKAGED = re.compile(r"Debian (?P<version>[0-9]\S*)")


def test_newest_kernel_runs(machine: HostChannel) -> None:
    """The running kernel is the newest of those installed: an update is in force once the host was restarted.

    A package without a number in its name must be there: by that alone the next kernel comes, for a package of a kernel
    is never updated to another. Kernels of the same flavour are compared. uname(2): Debian's build says the package's
    version, which a rebuild under the same name changes; other systems' builds don't, and there the name alone is
    compared.
    """
    need_apt(machine)
    said = machine.command("kernel").stdout.strip()
    running = _RUNNING.fullmatch(said)
    if running is None:
        raise Indeterminate(f"uname answered in another format: {said[:200]!a}")
    release = running["release"]
    packages = list(listed(machine.command("kernel-packages").lines))
    installed = [(found["release"], version) for name, version in packages if (found := _IMAGE.fullmatch(name))]
    alike = [each for each in installed if _flavour(each[0]) == _flavour(release)]
    if not alike:
        raise Indeterminate(f"no installed package holds a kernel like the running {release[:100]!a}")
    if odd := [text for each in alike for text in each if not VERSION.fullmatch(text)]:
        raise Indeterminate(f"dpkg shows a kernel of the version {odd[0][:100]!a}")
    if not any(_BRINGS.fullmatch(name) for name, _ in packages):
        raise Indeterminate("no installed package brings the next kernel (linux-image-amd64, linux-image-generic, …)")
    newest, version = max(alike, key=lambda each: (version_key(each[1]), version_key(each[0])))
    assert newest == release, f"kernel {newest!a} is installed, {release!a} runs"
    if build := _PACKAGED.search(running["build"]):
        assert build["version"] == version, (
            f"kernel {release!a} is installed in version {version!a}, {build['version']!a} runs"
        )


def test_the_server_runs_what_is_installed(machine: HostChannel, sql: SqlChannel) -> None:
    """No file of a library that the server's process works with was replaced since it was started.

    proc(5), /proc/pid/maps: ` (deleted)` behind the name. An updated libssl protects the server once it was restarted;
    other programs' processes are not looked at.
    """
    names = set(machine.command("process-files", pid=str(server_pid(machine, sql))).lines)
    if not names:
        raise Indeterminate("no file was seen that the server works with, not even its program")
    replaced = sorted(name.removesuffix(_REPLACED) for name in names if name.endswith(_REPLACED))
    shown = ", ".join(replaced[:5])
    assert not replaced, f"the server works with {len(replaced)} files that were replaced since: {shown[:300]!a}"


def _flavour(release: str) -> str:
    """`cloud-amd64` of `6.12.48+deb13-cloud-amd64`, `generic` of `6.8.0-45-generic`."""
    return re.sub(r"^[0-9][^-]*(?:-[0-9]+)?-", "", release)

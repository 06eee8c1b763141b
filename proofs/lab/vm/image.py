"""A host's disk: built once with mmdebstrap(1) from the distribution's archive, kept in the cache by its recipe."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proofs.errors import ConfigurationError
from proofs.lab.archive import Source, distribution_sources, machine_sources, os_release
from proofs.lab.engines import cache_room
from proofs.lab.locks import locked
from proofs.lab.vm.recipe import Recipe

BUILD_LIMIT_S = 900
DISK = "8G"
_FORMAT = 1
"""Counted up when what is done below changes what comes of a recipe."""
# An ordinary user makes no device nodes, not even in a namespace; the initial RAM disk mounts a /dev of the kernel's.
_DISK = """cd "$1"
mkdir root
tar --extract --file=root.tar --directory=root --same-owner --xattrs --xattrs-include='*' $3
rm root.tar
mke2fs -q -t ext4 -L root -m 1 -d root disk.ext4 "$2"
cp root/boot/vmlinuz-* vmlinuz
cp root/boot/initrd.img-* initrd.img
rm -rf root
"""


@dataclass(frozen=True, slots=True)
class Image:
    """A built host: its disk (never written to; labs get an overlay) and what QEMU boots it with."""

    disk: Path
    kernel: Path
    initrd: Path


def find(recipe: Recipe, say: Callable[[str], None]) -> Image:
    """The image of a recipe, built when missing (about two minutes). Raises `ConfigurationError`."""
    room = cache_room("hosts")
    room.chmod(0o700)
    home = room / f"{recipe.name}-{recipe.digest}-{_FORMAT}"
    with locked(room / f"{recipe.name}.lock"):
        if not home.is_dir():
            for abandoned in room.glob(f".{recipe.name}-*"):
                _remove(abandoned)
            say(f"building {recipe.name} from Debian packages (about two minutes, once)")
            building = Path(tempfile.mkdtemp(prefix=f".{recipe.name}-", dir=room))
            try:
                _build(recipe, building)
                building.rename(home)
            finally:
                _remove(building)
            for older in room.glob(f"{recipe.name}-*"):
                if older != home and older.is_dir():
                    shutil.rmtree(older)
    return Image(home / "disk.ext4", home / "vmlinuz", home / "initrd.img")


def sources(recipe: Recipe, known: list[Source]) -> list[Source]:
    """The recipe's suites, from where this machine has its own packages."""
    own = distribution_sources(known, os_release())
    archive = next((s for s in own if "-" not in s.suite), None)
    security = next((s for s in own if s.suite.endswith("-security")), None)
    found = []
    for suite in recipe.suites:
        where = security if suite.endswith("-security") and security else archive
        if where is None:
            raise ConfigurationError("apt knows no archive of this distribution; a host of the lab needs Debian's")
        found.append(Source(where.uri, suite, ("main",), where.signed_by))
    return found


def _as_root() -> list[str]:
    """What makes an ordinary user the owner of a root's files: a user namespace with subordinate ids (subuid(5))."""
    return [] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--map-auto", "--mount"]


def _remove(path: Path) -> None:
    """A directory of a build, as far as it can be: what hinders must not hide why the build failed.

    What an ordinary user's build left belongs to subordinate ids.
    """
    shutil.rmtree(path, ignore_errors=True)
    if path.exists() and os.geteuid() != 0:
        subprocess.run([*_as_root(), "rm", "-rf", "--", str(path)], check=False, capture_output=True, timeout=120)


def _build(recipe: Recipe, into: Path) -> None:
    tools = ("mmdebstrap", "mke2fs", "qemu-img", *(() if os.geteuid() == 0 else ("newuidmap",)))
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        raise ConfigurationError(
            f"{missing[0]}: not found; a host needs mmdebstrap, e2fsprogs, qemu-utils and QEMU, and uidmap without root"
        )
    (into / "files.tar").write_bytes(recipe.archive())
    hooks = [f"tar-in {shlex.quote(str(into / 'files.tar'))} /"]
    for number, script in enumerate(recipe.setups):
        path = into / f"setup-{number}.sh"
        path.write_bytes(script)
        hooks.append(f"upload {shlex.quote(str(path))} /setup.sh")
        hooks.append(f'chroot "$1" sh /setup.sh {shlex.quote(recipe.name)} && rm "$1/setup.sh"')
    (into / "apt.tar").write_bytes(recipe.archive("etc/apt/"))
    arguments = [
        "mmdebstrap",
        "--variant=minbase",
        "--format=tar",
        "--skip=cleanup/apt/lists",  # how current the host is can only be told from them
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=APT::Install-Recommends "false"',
        f"--setup-hook=tar-in {shlex.quote(str(into / 'apt.tar'))} /",  # which suite a package comes from
        f"--include={','.join(recipe.packages)}",
        *(f"--customize-hook={hook}" for hook in hooks),
        recipe.suites[0],
        str(into / "root.tar"),
        *(source.line() for source in sources(recipe, machine_sources())),
    ]
    log = into / "build.log"
    try:
        with log.open("wb") as stream:
            nodes = "" if os.geteuid() == 0 else "--exclude=./dev/*"
            for command in (arguments, [*_as_root(), "sh", "-ec", _DISK, "sh", str(into), DISK, nodes]):
                subprocess.run(
                    command, check=True, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, timeout=BUILD_LIMIT_S
                )
    except (subprocess.SubprocessError, OSError) as error:
        words = [w for w in log.read_text(errors="replace").splitlines() if w.strip()] if log.exists() else []
        kept = into.parent / f"{recipe.name}.build.log"
        if log.exists():
            shutil.copyfile(log, kept)
        errors = [word for word in words if word.startswith(("E:", "sh:", "/setup"))] or words or [str(error)]
        raise ConfigurationError(f"building {recipe.name} failed: {errors[-1]!a} (see {kept})") from error

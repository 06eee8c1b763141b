"""Which data stream is made for a system: the naming of SCAP Security Guide's packages (`ssg-debian13-ds.xml`)."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence

from proofs.channels.host.commands.scap import CONTENT
from proofs.errors import Indeterminate

_PRODUCTS = {"centos": "cs", "sles": "sle", "amzn": "al", "opensuse-leap": "opensuse"}
"""Where the guide's product is not called by the system's ID of os-release(5)."""
_WITH_MINOR = ("ubuntu",)
_NAME = re.compile(r"ssg-[a-z0-9]{1,40}-ds\.xml")


def datastream_for(os_release: str, files: Sequence[str]) -> str:
    """The path of the data stream for a host, of those it has.

    Content for another release evaluates to nothing but `notapplicable`, so none is taken in its place:
    `Indeterminate`, naming what was looked for.
    """
    release = _read(os_release)
    system, version = release.get("ID", ""), release.get("VERSION_ID", "")
    names = sorted({name for name in map(posixpath.basename, files) if _NAME.fullmatch(name)})
    number = version.replace(".", "") if system in _WITH_MINOR else version.partition(".")[0]
    wanted = f"ssg-{_PRODUCTS.get(system, system)}{number}-ds.xml"
    if version and wanted in names:
        return f"{CONTENT}/{wanted}"
    said = f"{system or 'a system without ID'} {version or 'without VERSION_ID'}"
    has = f"only {', '.join(names)[:200]}" if names else "none at all"
    raise Indeterminate(
        f"no SCAP content for {said[:80]!a} in {CONTENT}: {has}; install it, or name one (host.scap.datastream)"
    )


def _read(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name in ("ID", "VERSION_ID"):
            try:
                found[name] = "".join(shlex.split(value))
            except ValueError:
                raise Indeterminate(f"/etc/os-release holds {line[:80]!a}, which is no assignment") from None
    return found

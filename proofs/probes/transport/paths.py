"""A file on the host and every directory that decides what its path means, symbolic links followed."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from proofs.errors import Indeterminate
from proofs.model import Json
from proofs.ports import HostChannel

MOST_LINKS = 8
LINK = "symbolic link"


def place(machine: HostChannel, path: str) -> tuple[Json, Sequence[Json]]:
    """The file itself and the directories that lead to it, its own first.

    Links are followed one by one from the root down (Debian's /var/run is one), and the directories that hold a link
    are among the answer too: whoever may write there decides where it leads. `Indeterminate` for too many links, and
    for a path on which something is neither a directory nor a link.
    """
    passed: dict[str, Json] = {}
    for _ in range(MOST_LINKS):
        entries = machine.stat_path(path)
        links = [each for each in entries if each["type"] == LINK]
        if not links:
            found, *directories = entries
            odd = [each["path"] for each in directories if each["type"] != "directory"]
            if odd:
                raise Indeterminate(f"{odd[0]!a} is no directory, so {path!a} was not looked at")
            seen = {each["path"] for each in directories}
            return found, [*directories, *(each for name, each in passed.items() if name not in seen)]
        first = links[-1]
        name = str(first["path"])
        above = entries[entries.index(first) + 1 :]
        passed.update((str(each["path"]), each) for each in above)
        if not first["link"]:
            raise Indeterminate(f"where the symbolic link {name!a} leads was not seen")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), str(first["link"])) + path[len(name) :])
    raise Indeterminate(f"more than {MOST_LINKS} symbolic links on the way to {path!a}")

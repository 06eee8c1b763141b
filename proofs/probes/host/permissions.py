"""Who may read and change files: owner and mode of a file and of the directories that lead to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from proofs.errors import Indeterminate
from proofs.model import Json, ParameterValue

STICKY = 0o1000
GROUP_WRITES = 0o020


def octal(params: Mapping[str, ParameterValue], name: str) -> int:
    """A parameter that is a mode, octal digits in quotes."""
    try:
        return int(str(params[name]), 8)
    except ValueError:
        raise Indeterminate(f"parameter {name} is {params[name]!r}, expected an octal mode in quotes") from None


def judge_mode(entry: Json, most: int, writers: Collection[str] = ()) -> None:
    """Fails for permission bits beyond `most`, but those that let one of the groups `writers` write."""
    mode = int(entry["mode"], 8) & 0o777
    stray = mode & ~most
    if entry.get("group") in writers:
        stray &= ~GROUP_WRITES
    assert not stray, f"{entry['path']} has mode {entry['mode']}, expected at most {most:04o}"


def judge_group(entry: Json, trusted: Collection[str]) -> None:
    """Fails where a group that is not trusted may do more than everybody."""
    mode = int(entry["mode"], 8)
    more = (mode >> 3 & 7) & ~(mode & 7)
    said = f"{entry['path']}, mode {entry['mode']}, is open to the group {entry['group']!a}"
    assert not more or entry["group"] in trusted, f"{said}, expected {' or '.join(sorted(trusted))}"


def judge_directories(
    directories: Iterable[Json],
    most: int,
    trusted: Collection[str],
    what: str = "the key",
    writers: Collection[str] = (),
) -> None:
    """Fails where somebody else than `trusted` users and `writers`, which are groups, may change what a path means.

    Below a sticky directory such as /tmp only the entry's own owner and root can (rename(2), EPERM); the first
    directory, that of the file itself, is held to `most` sticky or not.
    """
    for depth, each in enumerate(directories):
        assert each["owner"] in trusted, f"{each['path']}, above {what}, belongs to {each['owner']!a}"
        if depth == 0 or not int(each["mode"], 8) & STICKY:
            judge_mode(each, most, writers)

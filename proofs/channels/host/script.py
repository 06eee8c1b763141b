"""One POSIX shell script for many commands, and the frames it answers in.

A command's exit status, output and errors come back as lines `NAME s STATUS`, `NAME o BASE64`, `NAME e BASE64`, so that
nothing a command prints can be taken for another's. Each is bounded by timeout(1) and head(1); no temporary file.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from proofs.errors import ChannelError

ERRORS_LIMIT = 4096
NEEDS_ROOT = -1
"""The status of a command for root that was not run: the login is not root, and the target allows no sudo."""
SUDO_REFUSED = -2

_PROLOGUE = r"""
export LC_ALL=C TZ=UTC PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset POSIXLY_CORRECT
exec </dev/null 5>&1
look() {
  n=$1 t=$2 l=$3; shift 3
  {
    e=$(
      {
        o=$({ timeout -k 2 "$t" "$@" 2>&3; printf '%s s %s\n' "$n" "$?" >&4; } | head -c "$l" | base64 | tr -d '\n')
        printf '%s o %s\n' "$n" "$o" >&5
      } 3>&1 | head -c LIMIT | base64 | tr -d '\n'
    )
    printf '%s e %s\n' "$n" "$e" >&5
  } 4>&1
}
if [ "$(id -u)" = 0 ]; then root=; elif [ SUDO = 1 ]; then root='sudo -n --'; else root=no; fi
root_look() {
  if [ "$root" = no ]; then printf '%s s NEEDED\n%s o \n%s e \n' "$1" "$1" "$1"; return; fi
  n=$1 t=$2 l=$3; shift 3
  look "$n" "$t" "$l" $root "$@"
}
"""


def script(commands: Iterable[tuple[str, bool, int, int, tuple[str, ...]]], *, sudo: bool) -> str:
    """The script for commands, each (name, as root, seconds, limit in bytes, argv)."""
    prologue = _PROLOGUE.replace("LIMIT", str(ERRORS_LIMIT + 1)).replace("NEEDED", str(NEEDS_ROOT))
    lines = [prologue.replace("SUDO", "1" if sudo else "0").strip()]
    for name, root, seconds, limit, argv in commands:
        words = [name, str(seconds), str(limit + 1), *argv]
        lines.append(f"{'root_look' if root else 'look'} {' '.join(shlex.quote(word) for word in words)}")
    return "\n".join(lines) + "\n"


def answers(text: str, limits: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """{name: {status, stdout, stderr, truncated}} of what the script printed, for the commands of `limits`.

    Raises `ChannelError` for any other line, a frame that comes twice, and a command without all its frames.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in limits}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        kind, _, value = rest.partition(" ")
        if name not in found or kind not in ("s", "o", "e") or kind in found[name]:
            raise ChannelError(f"the host's shell answered with something else: {line[:120]!a}")
        found[name][kind] = value
    return {name: _answer(name, frames, limits[name]) for name, frames in found.items()}


def _answer(name: str, frames: Mapping[str, str], limit: int) -> dict[str, Any]:
    if len(frames) != 3:
        raise ChannelError(f"the host's answer ended before that of {name}")
    try:
        status = int(frames["s"])
        out, errors = (base64.b64decode(frames[kind], validate=True) for kind in ("o", "e"))
    except (ValueError, binascii.Error):
        raise ChannelError(f"the host's answer for {name} is not in the form it was asked for") from None
    stderr = errors[:ERRORS_LIMIT].decode("utf-8", "replace")
    # sudo(8) says itself why it runs nothing; its exit status, 1, could be the command's own.
    if status == 1 and not out and stderr.startswith("sudo: "):
        status = 127 if "command not found" in stderr else SUDO_REFUSED
    return {
        "status": status,
        "stdout": out[:limit].decode("utf-8", "replace"),
        "stderr": stderr,
        "truncated": len(out) > limit,
    }

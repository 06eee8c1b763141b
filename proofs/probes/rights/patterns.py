r"""Names in grants: wildcards and escapes in the names of schemas, hosts of accounts, and which row wins.

MySQL Reference Manual, "GRANT Statement" (`_` and `%` in database names, `\` escapes them) and "Access Control, Stage
2" (rows of `mysql.db` are sorted, the most specific first, and the first that fits is the only one that counts). The
order is as measured on MySQL 9.7.4 and MariaDB 10.11.19. MySQL's doesn't tell `a%` from `a_`: the row granted first
wins, until a restart, when the one that sorts first does. MariaDB's is finer among patterns with `%` than stands here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from proofs.model import Engine
from proofs.probes.hosts import covers
from proofs.probes.rights.facts import Key

_WILD = re.compile(r"\\.|.", re.DOTALL)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    signs = {"%": ".*", "_": "."}
    parts = _WILD.findall(pattern)
    return re.compile("".join(signs.get(p, re.escape(p[1:] if len(p) == 2 else p)) for p in parts), re.DOTALL)


def fits(pattern: str, schema: str) -> bool:
    """The schema of a grant names this schema."""
    return _compiled(pattern).fullmatch(schema) is not None


def has_wildcard(pattern: str, signs: str = "%_") -> bool:
    """One of the signs stands in the pattern and is not escaped."""
    return bool(set(signs) & set(_WILD.findall(pattern)))


def specificity(pattern: str, engine: Engine) -> tuple[int, int]:
    """Larger is more specific: no wildcard, then MySQL by the characters before the first; MariaDB `_` before `%`."""
    if not pattern:
        return (0, 0)
    signs = _WILD.findall(pattern)
    if not has_wildcard(pattern):
        return (2, 0)
    if engine == "mariadb":
        return (1, int("%" not in signs))
    position = 0
    for sign in signs:
        if sign in ("%", "_"):
            break
        position += len(sign)
    return (1, position + 1)


def speaks_of(holder: Key, account: Key) -> bool:
    """A row of a lower grant table applies to sessions of this account.

    The row's user is the account's or empty; its host is compared with the *client's*, so a row of `app@%` speaks of
    `app@10.0.0.5` as well. Where the account's own host is a pattern, every pattern of a row may be meant.
    """
    (user, host), (name, place) = holder, account
    if user not in ("", name):
        return False
    if host.lower() == place.lower():
        return True
    if not host or any(sign in host for sign in "%_/"):
        return any(sign in place for sign in "%_/") or covers(host, place)
    return any(sign in place for sign in "%_/") and covers(place, host)

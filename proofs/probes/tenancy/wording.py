"""What can be said of texts alone: names in a template, user variables in a body, ids like others; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from proofs.errors import Indeterminate
from proofs.probes.sqltext import literal

PLACEHOLDER = re.compile(r"\{(\w+)\}")
UNQUOTED = re.compile(
    r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\"|`[^`]*`|--[ \t][^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL
)
VARIABLE = re.compile(r"(?<!@)@([A-Za-z0-9_.$]+)")
QUOTED_VARIABLE = re.compile(r"(?<!@)@([`'\"])(.+?)\1")


def placeholders(template: str) -> frozenset[str]:
    """The names in a template."""
    return frozenset(PLACEHOLDER.findall(template))


def user_variables(body: str) -> frozenset[str]:
    """Names of the user variables in a routine's or a view's text; not those in comments, literals and `@@…`.

    A user name in a DEFINER clause looks like one and is returned too: setting one more variable harms nobody.
    """
    # A quoted variable (@`a b`) would vanish with the quoted names, so these are looked for in the whole text.
    quoted = {found[2] for found in QUOTED_VARIABLE.finditer(body)}
    return frozenset(quoted | set(VARIABLE.findall(UNQUOTED.sub(" ", body))))


def spellings(tenant: str) -> tuple[str, ...]:
    """An id as literals of every type that a variable might hold it in: text, the digits of a UUID, its bytes."""
    digits = tenant.replace("-", "")
    if re.fullmatch(r"[0-9a-fA-F]{32}", digits):
        return tuple(map(literal, (tenant, digits.upper(), {"$hex": digits.lower()})))
    return (literal(int(tenant)),) if tenant.isdigit() else (literal(tenant),)


def unknown_like(tenant: str, known: Iterable[str]) -> str:
    """An id of the same form as `tenant` that is none of `known`: digits turned, letters within their alphabet.

    A number becomes one far from any that were ever given out, for small ones are likely to be taken.
    """
    if tenant.isdigit():
        return str(2**31 - 19)
    taken = set(known)
    for shift in range(3, 13):
        turned = "".join(_turned(sign, shift) for sign in tenant)
        if turned not in taken:
            return turned
    raise Indeterminate(f"no id of the form of {tenant!a} is known to be unknown")


def _turned(sign: str, shift: int) -> str:
    for alphabet in ("0123456789", "abcdef", "ABCDEF"):
        if sign in alphabet:
            return alphabet[(alphabet.index(sign) + shift) % len(alphabet)]
    return sign

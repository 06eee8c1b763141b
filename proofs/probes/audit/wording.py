"""What the text of a stored program says, read without running it: never a proof that it is good, often that it is not.

A lexer of a few rules: string literals and comments are told apart from code, so that neither hides or fakes a word.
Comments that a server runs as code (`/*! …`, `/*M! …`: both manuals, "Comments") stay in.
"""

from __future__ import annotations

import re

TOKENS = re.compile(
    r"""(?P<string>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<comment>--(?=[\s]|$)[^\n]*|\#[^\n]*|/\*(?!M?!).*?\*/)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
USER_VARIABLE = re.compile(r"(?<![@\w$])@(?!@)[\w$.`]+")
SYSTEM_VARIABLE = re.compile(r"@@(?:(?:session|local)\s*\.\s*)?(\w+)", re.IGNORECASE)
HARMLESS_VARIABLES = ("time_zone", "global")
"""Read and put back by a program that writes the time in UTC; `@@global.x` no session can set for itself."""
HANDLER = re.compile(
    r"\bDECLARE\s+(CONTINUE|EXIT|UNDO)\s+HANDLER\s+FOR\s+(.*?)(?=\bDECLARE\b|$)", re.IGNORECASE | re.DOTALL
)
RAISES = re.compile(r"\b(?:RE)?SIGNAL\b", re.IGNORECASE)
WRITES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|REPLACE|TRUNCATE|DROP|ALTER|RENAME|LOAD|PREPARE|IMMEDIATE|GRANT)\b", re.IGNORECASE
)


def code_of(body: str) -> str:
    """The text without string literals and comments, names without their backticks."""
    parts = []
    for match in TOKENS.finditer(body):
        if match["other"] is not None:
            parts.append(match["other"])
        elif match["name"] is not None:
            parts.append(match["name"][1:-1])
        else:
            parts.append("''" if match["string"] is not None else " ")
    return "".join(parts)


def session_words(body: str) -> list[str]:
    """Variables in a stored program that its session can set, and so switch it off or lie to it."""
    code = code_of(body)
    found = set(USER_VARIABLE.findall(code))
    found |= {match[0] for match in SYSTEM_VARIABLE.finditer(code) if match[1].lower() not in HARMLESS_VARIABLES}
    return sorted(found)


def swallowing_handlers(body: str) -> list[str]:
    """Handlers of a stored program after which an error is no longer one: the condition, without those for NOT FOUND.

    What an EXIT handler says must raise an error again; after a CONTINUE handler the program goes on.
    """
    found = []
    for match in HANDLER.finditer(code_of(body)):
        kind, rest = match[1].upper(), " ".join(match[2].split())
        said = rest.split(";")[0]
        if re.search(r"\bBEGIN\b", said, re.IGNORECASE):
            said = re.split(r"\bEND\b", rest, maxsplit=1, flags=re.IGNORECASE)[0]
        if rest.upper().startswith("NOT FOUND") or (kind != "CONTINUE" and RAISES.search(said)):
            continue
        found.append(f"{kind} HANDLER FOR {rest[:60]}")
    return found


def mentions(body: str, names: tuple[str, ...]) -> list[str]:
    """Which of these names stand in the code or, where a statement is put together from text, in its strings."""
    code = body if re.search(r"\b(PREPARE|IMMEDIATE)\b", code_of(body), re.IGNORECASE) else code_of(body)
    return [name for name in names if re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", code, re.IGNORECASE)]


def writes(body: str) -> bool:
    """The code holds a word that writes."""
    return WRITES.search(code_of(body)) is not None

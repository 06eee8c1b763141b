"""What SHOW GRANTS tells, for targets whose grant tables are out of reach: every identity shows its own.

MySQL Reference Manual, "SHOW GRANTS Statement"; MariaDB Knowledge Base, "SHOW GRANTS". Names come quoted with backticks
(MySQL, and MariaDB's schemas) or single quotes, a quote in a name doubled, and may hold anything, line breaks included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from proofs.errors import Indeterminate
from proofs.model import Engine
from proofs.ports import SqlChannel
from proofs.probes.rights.facts import Facts, Grant, Key, Proxy, Scope
from proofs.probes.rights.vocabulary import ON_SCHEMAS

_TOKEN = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\"|[\w$]+|[(),.@*]|\s+|.", re.DOTALL)
_WORD = re.compile(r"[\w$]+")


@dataclass
class Shown:
    """What the lines said of one account or role."""

    grants: list[Grant] = field(default_factory=list)
    roles: list[Key] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    revoked: dict[str, frozenset[str]] = field(default_factory=dict)


def read_shown(sql: SqlChannel, engine: Engine, identities: Iterable[str]) -> Facts:
    """The facts about these identities alone, from SHOW GRANTS on their own sessions; not `complete`.

    Nobody may ask what a role holds, not even who has it; SHOW GRANTS … USING the role tells what the two hold
    together, which stands for the role here. `Indeterminate` where an answer is refused or not understood.
    """
    accounts: list[Key] = []
    grants: list[Grant] = []
    members: dict[Key, tuple[Key, ...]] = {}
    proxies: list[Proxy] = []
    revoked: dict[Key, dict[str, frozenset[str]]] = {}
    for identity in identities:
        name = str(sql.rows("SELECT CURRENT_USER() AS account", identity=identity)[0]["account"])
        user, _, host = name.rpartition("@")
        own = _ask(sql, identity, "SHOW GRANTS", (user, host))
        accounts.append((user, host))
        grants += own.grants
        proxies += own.proxies
        revoked[user, host] = own.revoked
        for role in own.roles:
            # What two identities hold with a role may differ: each has a role of its own here, of the same name.
            both = _ask(sql, identity, f"SHOW GRANTS FOR CURRENT_USER() USING {_spelled(role)}", (user, host))
            alias = role if role not in accounts else (role[0], f"{role[1]} for {user}@{host}")
            accounts.append(alias)
            members[user, host] = (*members.get((user, host), ()), alias)
            grants += [Grant(alias, grant.scope, grant.privileges) for grant in both.grants]
            revoked[alias] = both.revoked
    literal = engine == "mysql" and sql.variable("partial_revokes") in ("ON", "1")
    fold = sql.variable("lower_case_table_names") not in ("0", None)
    return Facts(
        engine, tuple(accounts), tuple(grants), members, (), tuple(proxies), revoked, literal, fold, complete=False
    )


def _ask(sql: SqlChannel, identity: str, statement: str, holder: Key) -> Shown:
    return parse((next(iter(row.values())) for row in sql.rows(statement, identity=identity)), holder)


def parse(lines: Iterable[object], holder: Key) -> Shown:
    """The lines of SHOW GRANTS for `holder`. MariaDB adds those of roles; each grant carries its own grantee."""
    shown = Shown()
    for line in lines:
        words = [token for token in _TOKEN.findall(str(line)) if not token.isspace()]
        if not words or words[0].upper() not in ("GRANT", "REVOKE", "SET"):
            raise Indeterminate(f"SHOW GRANTS said what is not understood: {str(line)[:120]!a}")
        if words[0].upper() == "SET":  # SET DEFAULT ROLE: every role granted counts, default or not
            continue
        _Line(words, holder, str(line)).into(shown)
    return shown


class _Line:
    """One GRANT or REVOKE, word by word."""

    def __init__(self, words: list[str], holder: Key, text: str) -> None:
        self._words = words
        self._at = 1
        self._holder = holder
        self._text = text

    def into(self, shown: Shown) -> None:
        revoke = self._words[0].upper() == "REVOKE"
        if self._is("PROXY"):
            proxied = self._after_on_proxy()
            shown.proxies.append(Proxy(self._grantee(), proxied))
            return
        if self._at_name():
            shown.roles += self._roles()
            return
        listed = list(self._privileges())
        kind = next((each for each in ("TABLE", "PROCEDURE", "FUNCTION", "PACKAGE") if self._is(each)), "")
        if kind == "PACKAGE" and self._is("BODY"):
            kind = "PACKAGE BODY"
        schema, name = self._object()
        holder = self._grantee(("FROM",) if revoke else ("TO",))
        option = [("GRANT OPTION", "")] if self._says("WITH", "GRANT", "OPTION") else []
        if revoke:
            shown.revoked[schema] = shown.revoked.get(schema, frozenset()) | {each for each, _ in listed}
            return
        for privilege, column in (*listed, *option):
            scope = _scope(kind, schema, name, column)
            names = ON_SCHEMAS if privilege in ("ALL", "ALL PRIVILEGES") else (privilege,)
            if names != ("USAGE",):
                shown.grants.append(Grant(holder, scope, frozenset(names)))

    def _privileges(self) -> Iterator[tuple[str, str]]:
        words: list[str] = []
        columns: list[str] = []
        while True:
            word = self._next()
            if word == "(":
                columns = list(self._until_closed())
            elif word == "," or (word.upper() == "ON" and words):
                name = " ".join(words).upper()
                yield from ((name, column) for column in columns or [""])
                words, columns = [], []
                if word != ",":
                    return
            elif _WORD.fullmatch(word):
                words.append(word)
            else:
                raise self._strange()

    def _until_closed(self) -> Iterator[str]:
        while (word := self._next()) != ")":
            if word != ",":
                yield unquoted(word)

    def _object(self) -> tuple[str, str]:
        first = self._next()
        if self._peek() != ".":
            raise self._strange()
        self._next()
        second = self._next()
        return ("" if first == "*" else unquoted(first)), ("" if second == "*" else unquoted(second))

    def _after_on_proxy(self) -> Key:
        if not self._is("ON"):
            raise self._strange()
        return self._account()

    def _roles(self) -> list[Key]:
        found = [self._account()]
        while self._peek() == ",":
            self._next()
            found.append(self._account())
        return found

    def _grantee(self, words: tuple[str, ...] = ("TO",)) -> Key:
        if not any(self._is(word) for word in words):
            raise self._strange()
        return self._account()

    def _account(self) -> Key:
        user = unquoted(self._next())
        if self._peek() != "@":
            return user, ""
        self._next()
        return user, unquoted(self._next())

    def _at_name(self) -> bool:
        """The next word is a quoted name, or one word before TO: a role, not a privilege."""
        word = self._peek()
        following = self._words[self._at + 1].upper() if self._at + 1 < len(self._words) else ""
        return word[:1] in "`'\"" or following in ("TO", "@")

    def _says(self, *words: str) -> bool:
        upper = [word.upper() for word in self._words[self._at :]]
        return any(tuple(upper[at : at + len(words)]) == words for at in range(len(upper)))

    def _is(self, word: str) -> bool:
        if self._peek().upper() != word:
            return False
        self._at += 1
        return True

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _next(self) -> str:
        word = self._peek()
        if not word:
            raise self._strange()
        self._at += 1
        return word

    def _strange(self) -> Indeterminate:
        return Indeterminate(f"SHOW GRANTS said what is not understood: {self._text[:120]!a}")


def unquoted(word: str) -> str:
    """A name without its quotes; a doubled quote inside is one."""
    quote = word[:1]
    if quote not in ("`", "'", '"') or len(word) < 2:
        return word
    inner = word[1:-1].replace(quote * 2, quote)
    return inner if quote == "`" else re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)


def _scope(kind: str, schema: str, name: str, column: str) -> Scope:
    if kind not in ("", "TABLE"):
        return Scope("routine", schema, name, kind=kind)
    if column:
        return Scope("column", schema, name, column)
    if name:
        return Scope("table", schema, name)
    return Scope("schema", schema) if schema else Scope("server")


def _spelled(role: Key) -> str:
    return "@".join("`" + part.replace("`", "``") + "`" for part in role)

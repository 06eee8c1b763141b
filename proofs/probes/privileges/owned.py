"""Stored objects with their bodies: what each definer's code names, so that its rights can be held against it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.readers import complete_reader
from proofs.probes.rights.facts import Grant, Key

SYSTEM = ("mysql", "sys", "performance_schema", "information_schema")
"""Schemas whose objects are the vendor's."""
OBJECTS = {
    "routine": """SELECT ROUTINE_SCHEMA AS db, ROUTINE_NAME AS name, ROUTINE_TYPE AS kind, '' AS tab,
 SECURITY_TYPE AS security, DEFINER AS definer, ROUTINE_DEFINITION AS body FROM information_schema.ROUTINES""",
    "view": """SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name, 'VIEW' AS kind, '' AS tab,
 SECURITY_TYPE AS security, DEFINER AS definer, VIEW_DEFINITION AS body FROM information_schema.VIEWS""",
    "trigger": """SELECT TRIGGER_SCHEMA AS db, TRIGGER_NAME AS name, 'TRIGGER' AS kind, EVENT_OBJECT_TABLE AS tab,
 'DEFINER' AS security, DEFINER AS definer, ACTION_STATEMENT AS body FROM information_schema.TRIGGERS""",
    "event": """SELECT EVENT_SCHEMA AS db, EVENT_NAME AS name, 'EVENT' AS kind, '' AS tab,
 'DEFINER' AS security, DEFINER AS definer, EVENT_DEFINITION AS body FROM information_schema.EVENTS""",
}
VERBS = {
    "SELECT": "", "INSERT": r"\b(insert|replace)\b", "UPDATE": r"\bupdate\b", "DELETE": r"\b(delete|replace)\b",
    "LOCK TABLES": r"\block\b",
}  # fmt: skip
"""What must stand in the code of a body that makes use of a privilege on a table (SELECT: the table's name alone)."""


NO_CODE = re.compile(r"'(?:[^'\\]|''|\\.)*'|/\*.*?\*/|(?:--\s|#)[^\n]*", re.DOTALL)
"""Literals and comments of a body."""


@dataclass(frozen=True, slots=True)
class Owned:
    """One stored object; `table` is a trigger's, `body` (without literals) None where the server didn't show it."""

    kind: str
    schema: str
    name: str
    table: str
    definer: Key
    invoker: bool
    body: str | None

    def __str__(self) -> str:
        """`procedure securedb.app_transfer`, escaped."""
        return f"{self.kind.lower()} {ascii(self.schema)[1:-1]}.{ascii(self.name)[1:-1]}"

    def names(self, name: str) -> bool:
        """The name stands in the body as a word. `Indeterminate` where the body doesn't show."""
        if self.body is None:
            raise Indeterminate(f"the server does not show the body of {self}")
        return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", self.body, re.IGNORECASE) is not None

    def uses(self, grant: Grant, privilege: str) -> bool:
        """The object can make use of a privilege of a grant on a table or routine, as far as its text tells.

        The text is not parsed: a name and a verb that stand in it for another reason count as use, so a right that is
        found to be unused is.
        """
        scope = grant.scope
        if scope.level == "routine":
            mine = self.kind == scope.kind and self.name.lower() == scope.name.lower()
            return privilege == "EXECUTE" and (mine or self.names(scope.name))
        on_it = self.table == scope.name and self.schema == scope.schema
        if privilege == "TRIGGER":
            return self.kind == "TRIGGER" and on_it
        if privilege not in VERBS:
            return False
        row = self.kind == "TRIGGER" and on_it and privilege in ("SELECT", "UPDATE")
        return row or (
            self.names(scope.name) and re.search(VERBS[privilege], self.body or "", re.IGNORECASE) is not None
        )


def owned(sql: SqlChannel, target: Target) -> list[Owned]:
    """Every routine, view, trigger and event outside the system schemas; `Indeterminate` if there is none."""
    reader = complete_reader(sql, target)
    found = []
    for statement in OBJECTS.values():
        for row in sql.rows(statement, identity=reader):
            user, _, host = str(row["definer"]).rpartition("@")
            body = None if row["body"] in (None, "") else NO_CODE.sub("''", str(row["body"]))
            invoker = str(row["security"]).upper() == "INVOKER"
            each = Owned(
                str(row["kind"]).upper(), str(row["db"]), str(row["name"]), str(row["tab"]), (user, host), invoker, body
            )
            if each.schema.lower() not in SYSTEM:
                found.append(each)
    if not found:
        raise Indeterminate("no stored object was seen outside the system schemas, so no definer could be judged")
    return found

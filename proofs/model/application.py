"""What an inventory says of the application: its interface, its tenants, its audit, its encrypted records.

Field names are the keys of `targets.yaml` (schemas/targets.schema.json describes them). Tables, views and routines are
names within the target's `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that applications may use: identities they log in as, routines to call, views to read."""

    identities: tuple[str, ...]
    routines: tuple[str, ...]
    views: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant to prove with: its id as `set_context` takes it, and an identity that is entitled to it alone."""

    id: str
    identity: str


@dataclass(frozen=True, slots=True)
class TenantWrite:
    """One call that writes: `{tenant}` and the names of `values` in `call` become quoted literals.

    Each of `values` is a query, run by the tenant's identity in its own context; the first column of its first row.
    """

    name: str
    call: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tenancy:
    """How rows belong to tenants and sessions act for one.

    `column` is in every base table that belongs to tenants; `state` are the tables that hold contexts and
    entitlements; `queries` are run under both tenants.
    """

    column: str
    set_context: str
    tenants: Mapping[str, Tenant]
    clear_context: str | None = None
    state: tuple[str, ...] = ()
    writes: tuple[TenantWrite, ...] = ()
    queries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipePart:
    """One part of what is hashed: a column's value in the form `form`, or literal `text`.

    `form`: `text` as the server sends it in UTF-8 with time zone +00:00, `bytes`, or `hex`/`HEX` digits; `null` stands
    for NULL.
    """

    column: str | None = None
    text: str | None = None
    form: Literal["text", "bytes", "hex", "HEX"] = "text"
    null: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the stored hash of an event is computed; `encoding` is how it is stored."""

    parts: tuple[RecipePart, ...]
    algorithm: Literal["sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "HEX", "base64", "bytes"] = "hex"


@dataclass(frozen=True, slots=True)
class Anchors:
    """Where the head of the chain is written down: a file on the prover's machine, and what kind of store it is."""

    file: str
    store: Literal["off-host", "append-only", "outside-data-directory"]


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The table that holds the chain's end in its one row: columns with the last event's id and hash."""

    table: str
    id: str
    hash: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit: its table and columns, its hash recipe, what it covers, and who may break the glass.

    `columns`: id, previous, current; actor, tenant, table, action, key, before, after, time → column. `guarded` are
    other tables the chain rests on, `head` the one that holds its end. `append` are the routines that write
    events, `triggers` trigger or such routine → SHA-256 of its definition. `principals` are identities known to be able
    to alter the audit.
    """

    table: str
    reader: str
    columns: Mapping[str, str]
    genesis: str
    recipe: Recipe
    tables: tuple[str, ...]
    guarded: tuple[str, ...] = ()
    head: AuditHead | None = None
    append: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    triggers: Mapping[str, str] = field(default_factory=dict)
    anchors: Anchors | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """Where encrypted personal data is kept, column by column, and how the application writes it.

    `plaintext` are columns that may hold clear text; `view` shows the application its records under the same column
    names; `write` is the call, `{…}` in it the fields of a sealed record; `wrapped_key_pq` is where a second wrap is
    kept, if any; `key_service` says how to reach the keys.
    """

    table: str
    tenant: str
    key: str
    ciphertext: str
    iv: str
    aad: str
    wrapped_key: str
    key_name: str
    view: str
    write: str
    wrapped_key_pq: str | None = None
    plaintext: tuple[str, ...] = ()
    key_service: Mapping[str, object] = field(default_factory=dict)

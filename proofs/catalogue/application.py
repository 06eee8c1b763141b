"""The sections of an inventory entry about the application, and the same sections as a bundle records them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from proofs.catalogue.problems import Key
from proofs.model import (
    Anchors,
    Application,
    Audit,
    AuditHead,
    Recipe,
    RecipePart,
    Records,
    Tenancy,
    Tenant,
    TenantWrite,
)

SECTIONS = ("application", "tenancy", "audit", "records")


def sections_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of an entry that was checked against the schema; None for those it does not have."""
    makers = {"application": _application, "tenancy": _tenancy, "audit": _audit, "records": _records}
    return {name: make(entry[name]) if entry.get(name) is not None else None for name, make in makers.items()}


def identities_named(entry: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """Where in the sections an identity is named, and which."""
    for index, name in enumerate(entry.get("application", {}).get("identities", ())):
        yield ("application", "identities", index), name
    for tenant, values in entry.get("tenancy", {}).get("tenants", {}).items():
        yield ("tenancy", "tenants", tenant, "identity"), values["identity"]
    audit = entry.get("audit", {})
    if audit:
        yield ("audit", "reader"), audit["reader"]
    for index, name in enumerate(audit.get("principals", ())):
        yield ("audit", "principals", index), name


def recorded_sections(target: Any) -> dict[str, Any]:
    """The sections as JSON-able data. Of the key service only its provider and key are told, not how it is reached."""
    recorded = {name: asdict(section) if (section := getattr(target, name)) else None for name in SECTIONS}
    if recorded["records"] is not None:
        service = recorded["records"]["key_service"]
        recorded["records"]["key_service"] = {key: service[key] for key in ("provider", "key_name") if key in service}
    return recorded


def _application(entry: Mapping[str, Any]) -> Application:
    return Application(**{name: tuple(value) for name, value in entry.items()})


def _tenancy(entry: Mapping[str, Any]) -> Tenancy:
    return Tenancy(
        **{
            **entry,
            "tenants": {name: Tenant(**tenant) for name, tenant in entry["tenants"].items()},
            "state": tuple(entry.get("state", ())),
            "writes": tuple(TenantWrite(**write) for write in entry.get("writes", ())),
            "queries": tuple(entry.get("queries", ())),
        }
    )


def _audit(entry: Mapping[str, Any]) -> Audit:
    recipe = entry["recipe"]
    anchors, head = entry.get("anchors"), entry.get("head")
    lists = ("tables", "guarded", "append", "principals")
    return Audit(
        **{
            **entry,
            **{name: tuple(entry.get(name, ())) for name in lists},
            "recipe": Recipe(**{**recipe, "parts": tuple(RecipePart(**part) for part in recipe["parts"])}),
            "anchors": Anchors(**anchors) if anchors else None,
            "head": AuditHead(**head) if head else None,
        }
    )


def _records(entry: Mapping[str, Any]) -> Records:
    return Records(**{**entry, "plaintext": tuple(entry.get("plaintext", ()))})

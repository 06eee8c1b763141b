"""A proof leaves the data as it was: every table's checksum is the same before and after, on sabotaged labs too."""

import json
import tarfile

import pytest
from proving import bundles, lab_inventory, prove
from sessions import ask, connect

from proofs.catalogue.controls import load_catalogue
from proofs.lab import lease
from proofs.resources import CONTROLS

pytestmark = pytest.mark.live

SURFACES = ("privileges", "tenancy", "audit", "data_protection")
SESSION_STATE = ("tenant_contexts",)
"""Rows of sessions, which come and go with whoever logs in."""
NAMES = {"mysql": "harmless-mysql", "mariadb": "ma-harmless"}

# What each of these lets through is what the probes then really did, and rolled back.
SABOTAGED = [
    "audit-update-granted",
    "audit-guard-emptied",
    "audit-head-guard-gone",
    "audit-insert-granted",
    "audit-append-callable",
    "audit-delete-trigger-gone",
    "audit-cascade",
    "audit-end-unlocked",
    "audit-error-swallowed",
    "audit-not-transactional",
]


def checksums(lab):
    """Table → CHECKSUM TABLE, of every base table of the application's schema but the sessions' own."""
    session = connect(lab, "operator")
    try:
        tables = [
            name
            for (name,) in ask(
                session,
                "SELECT TABLE_NAME FROM information_schema.TABLES"
                " WHERE TABLE_SCHEMA = 'securedb' AND TABLE_TYPE = 'BASE TABLE'",
            )
            if name not in SESSION_STATE
        ]
        found = {name: ask(session, f"CHECKSUM TABLE securedb.`{name}`")[0][1] for name in tables}
        rows = {name: ask(session, f"SELECT COUNT(*) FROM securedb.`{name}`")[0][0] for name in tables}
    finally:
        session.close()
    assert {"audit_events", "audit_head", "users", "accounts", "tenants", "tenant_entitlements"} <= set(found)
    assert all(rows.values()), rows
    return found


def unchanged(engine, place, sabotage=None, controls=()):
    """Prove a lab and compare; gives the verdicts by control."""
    name = NAMES[engine]
    lab_inventory(place, name)
    with lease(name, engine, sabotage=sabotage) as lab:
        before = checksums(lab)
        ran = prove(place, f"--target={name}", *(f"--control={each}" for each in controls), timeout=300)
        assert ran.code in (0, 1), ran.said
        after = checksums(lab)
    assert after == before
    (bundle,) = bundles(place)
    with tarfile.open(bundle) as archive:
        member = archive.extractfile("assessment.json")
        return {each["id"]: each["verdict"] for each in json.load(member)["controls"]}


@pytest.mark.parametrize("engine", NAMES)
def test_proving_the_application_changes_nothing(engine, tmp_path):
    chosen = [each.id for each in load_catalogue(CONTROLS).controls.values() if each.surface in SURFACES]
    verdicts = unchanged(engine, tmp_path, controls=chosen)
    assert "satisfied" in {verdicts[each] for each in chosen}


@pytest.mark.slow
@pytest.mark.parametrize("engine", NAMES)
def test_a_whole_proof_changes_nothing(engine, tmp_path):
    assert "satisfied" in unchanged(engine, tmp_path).values()


@pytest.mark.slow
@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("sabotage", SABOTAGED)
def test_attacks_that_succeed_change_nothing(sabotage, engine, tmp_path):
    chosen = [each.id for each in load_catalogue(CONTROLS).controls.values() if each.surface in SURFACES]
    assert "not-satisfied" in unchanged(engine, tmp_path, sabotage, chosen).values()

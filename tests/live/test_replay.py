"""A bundle stands in for its target: same verdicts with the server down, others when judged more strictly."""

from __future__ import annotations

from pathlib import Path

import pytest
from proving import bundles, lab_inventory, only_bundle, proofs, prove

from proofs.lab import status

CONTROLS = (
    "secure-transport-required",
    "tls-1-3-only",
    "server-cert-valid-and-fresh",
    "client-verifies-server-identity",
    "sql-mode-strict",
    "local-infile-disabled",
    "supported-patched-version",
    "per-account-connection-limit",
)

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=["rp-mysql", "ma-replay"])
def proven(request, tmp_path_factory):
    """A folder with the bundle of a partial proof, of a lab that is gone by now."""
    place = tmp_path_factory.mktemp(request.param)
    lab_inventory(place, request.param)
    chosen = [f"--control={name}" for name in CONTROLS]
    # Not what the inventory says: a replay that forgot it would reach another verdict.
    chosen.append("--set=per-account-connection-limit.max_sessions=1")
    ran = prove(place, f"--target={request.param}", *chosen)
    assert ran.code in (0, 1), ran.said
    assert request.param not in {state.name for state in status()}
    return place


def test_same_verdicts_with_the_server_down(proven, tmp_path):
    (bundle,) = bundles(proven)
    ran = proofs(tmp_path, "replay", bundle)
    assert ran.code == 0, ran.said
    assert "verdicts are the recorded ones" in ran.out
    assert not list(tmp_path.iterdir())


def test_a_stricter_parameter_flips_its_verdict_and_no_other(proven, tmp_path):
    with only_bundle(proven) as bundle:
        controls = {control["id"]: control for control in bundle.assessment["controls"]}
        before = controls["sql-mode-strict"]
        path = bundle.path
    if before["verdict"] != "satisfied":
        pytest.fail(f"the good lab does not satisfy sql-mode-strict: {before['reason']}")
    ran = proofs(tmp_path, "replay", path, "--set", "sql-mode-strict.required_modes=[PIPES_AS_CONCAT, ANSI_QUOTES]")
    assert ran.code == 1, ran.said
    assert "sql-mode-strict: was satisfied, now not-satisfied" in ran.out
    assert "1 of " in ran.out


def test_another_catalogue_judges_old_evidence(proven, tmp_path):
    with only_bundle(proven) as bundle:
        text = bundle.member("inputs/controls.yaml").decode()
        path = bundle.path
    import yaml  # noqa: PLC0415

    catalogue = yaml.safe_load(text)
    control = next(one for one in catalogue["controls"] if one["id"] == "sql-mode-strict")
    control["parameters"]["required_modes"]["default"] = ["PIPES_AS_CONCAT"]
    for profile in catalogue["profiles"].values() if isinstance(catalogue["profiles"], dict) else catalogue["profiles"]:
        (profile.get("parameters") or {}).pop("sql-mode-strict", None)
    (tmp_path / "stricter.yaml").write_text(yaml.safe_dump(catalogue, sort_keys=False))
    ran = proofs(tmp_path, "replay", path, "--controls", "stricter.yaml")
    assert ran.code == 1, ran.said
    assert "sql-mode-strict: was satisfied, now not-satisfied" in ran.out


def test_a_tampered_bundle_is_not_replayed(proven, tmp_path):
    (path,) = bundles(proven)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.proof.tar.gz").write_bytes(data)
    ran = proofs(tmp_path, "replay", "bad.proof.tar.gz")
    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said


def test_exchanges_are_attributed_and_numbered(proven):
    with only_bundle(proven) as bundle:
        assert [line["seq"] for line in bundle.journal] == list(range(1, len(bundle.journal) + 1))
        assert all(line["probe"] for line in bundle.journal)


def test_partial_run_says_so_everywhere(proven, tmp_path: Path):
    with only_bundle(proven) as bundle:
        assert bundle.run["run"]["partial"]
        assert bundle.assessment["run"]["selection"].startswith("--control secure-transport-required")
        assert bundle.assessment["counts"]["not-assessed"] > 0
        assert b"partial" in bundle.member("VERIFY.md").lower()
        path = bundle.path
    assert "PARTIAL" in proofs(tmp_path, "verify", path).out

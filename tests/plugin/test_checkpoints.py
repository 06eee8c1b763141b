"""Checkpoints: a later proof begins where an earlier one ended, if that one is whole and by a key that is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from proving import bundles, lab_inventory, only_bundle, proofs, prove

from proofs.bundle.read import open_verified
from proofs.lab import lease

CHAIN = "--control=audit-chain-recomputable,audit-chain-linked"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--since-bundle=x"], "found no --since-key"),
        (["--checkpoint=abc"], "expected ID:HASH"),
        (["--checkpoint=5:"], "expected ID:HASH"),
        (["--since-bundle=x", "--since-key=gone.pub"], "gone.pub"),
    ],
)
def test_wrong_options_are_one_line(tmp_path: Path, options: list[str], why: str) -> None:
    lab_inventory(tmp_path, "never-up")
    ran = prove(tmp_path, "--target=never-up", *options)
    assert ran.code == 4
    assert why in ran.said
    assert "Traceback" not in ran.said


@pytest.mark.live
@pytest.mark.parametrize("name", ["checkpoint-lab", "ma-checkpoint"])
def test_a_proof_goes_on_where_the_last_one_ended(tmp_path: Path, name: str) -> None:
    engine = "mariadb" if name.startswith("ma-") else "mysql"
    lab_inventory(tmp_path, name, lab=engine)
    assert proofs(tmp_path, "keygen", "k.key").code == 0
    with lease(name, engine):  # type: ignore[arg-type]
        first = prove(tmp_path, f"--target={name}", CHAIN, "--signing-key=k.key")
        assert first.code == 0, first.said
        (bundle,) = bundles(tmp_path)
        done = only_bundle(tmp_path)
        whole = next(line["answer"] for line in done.journal if line["op"] == "chain")
        assert whole["since"] is None
        assert whole["rows"] > 10
        bundle = bundle.rename(tmp_path / "first.proof.tar.gz")
        again = prove(
            tmp_path, f"--target={name}", CHAIN, f"--since-bundle={bundle}", "--since-key=k.pub", "--reports=second"
        )
        assert again.code == 0, again.said
        later = next((tmp_path / "second").glob("*.proof.tar.gz"))
        with open_verified(later, None) as opened:
            answer = next(line["answer"] for line in opened.journal if line["op"] == "chain")
        assert answer["since"] == {"id": whole["last_id"], "hash": whole["head"], "origin": f"bundle {bundle.name}"}
        assert answer["rows"] == 1
        assert f"since id {whole['last_id']} of bundle first.proof.tar.gz" in again.said
        assert proofs(tmp_path, "replay", later).code == 0
        forged = prove(tmp_path, f"--target={name}", CHAIN, "--checkpoint=10:" + "f" * 64, "--reports=third")
        assert forged.code == 1
        assert "id 10, verified before, has another hash now" in forged.said
        assert proofs(tmp_path, "keygen", "other.key").code == 0
        other = prove(tmp_path, f"--target={name}", CHAIN, f"--since-bundle={bundle}", "--since-key=other.pub")
        assert (other.code, "Traceback" in other.said) == (4, False)

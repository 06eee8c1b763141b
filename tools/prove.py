"""`make prove`: prove a target, then verify the bundle that came of it with both verifiers."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="lab")
    options = parser.parse_args()
    reports = ROOT / "reports"
    mine = f"{options.target}-[0-9]*.proof.tar.gz"
    before = set(reports.glob(mine))
    began = time.monotonic()
    status = subprocess.run(
        [sys.executable, "-m", "pytest", f"--target={options.target}", "--no-header"], cwd=ROOT, check=False
    ).returncode
    took = time.monotonic() - began
    bundles = sorted(set(reports.glob(mine)) - before)
    for bundle in bundles:
        shown = bundle.relative_to(ROOT)
        print(f"\n$ proofs verify {shown}", flush=True)
        subprocess.run([sys.executable, "-m", "proofs.cli", "verify", bundle], check=True)
        print(f"\n$ python proofs/verifier.py {shown}", flush=True)
        subprocess.run([sys.executable, ROOT / "proofs" / "verifier.py", bundle], check=True)
    print(f"\nproven in {took:.1f} s" if not status else f"\nnot proven (exit {status}), after {took:.1f} s")
    return status if bundles or status else 1


if __name__ == "__main__":
    raise SystemExit(main())

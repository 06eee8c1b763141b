"""How long a proof of the lab takes, and as how many TLS handshakes of the same run: medians, in one process tree.

Absolute times depend on the machine; the ratios to a handshake of the same run are what can be compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from statistics import median

from proofs.lab import lease


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="lab", choices=("lab", "lab-mariadb"))
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    engine = "mysql" if options.target == "lab" else "mariadb"
    samples: dict[str, list[float]] = {}
    with lease(options.target, engine), tempfile.TemporaryDirectory() as scratch:
        for number in range(options.runs):
            for name, seconds in measure(options.target, Path(scratch) / str(number)).items():
                samples.setdefault(name, []).append(seconds)
    handshake = median(samples["one handshake"])
    print(f"{'median of ' + str(options.runs):<34} {'seconds':>8} {'handshakes':>11}")
    for name, values in samples.items():
        print(f"{name:<34} {median(values):>8.3f} {median(values) / handshake:>11.0f}")
    return 0


def measure(target: str, reports: Path) -> dict[str, float]:
    """One proof, and what its own evidence says of where the time went."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", f"--target={target}", f"--reports={reports}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    with tarfile.open(next(reports.glob("*.proof.tar.gz"))) as archive:
        member = archive.extractfile("journal.jsonl")
        lines = [json.loads(line) for line in member][1:] if member else []
    spent: dict[str, float] = {}
    for line in lines:
        key = f"{line['channel']} {line['op']}"
        spent[key] = spent.get(key, 0.0) + line["duration_ms"] / 1000
    accepted = [
        line["duration_ms"] / 1000
        for line in lines
        if (line["channel"], line["op"]) == ("tls", "handshake") and line["answer"].get("ok")
    ]
    return {
        "one handshake": median(accepted),
        "whole command, lab up already": wall,
        "all exchanges": sum(spent.values()),
        "of these: tls scan": spent["tls scan"],
        "of these: logins": spent["sql login"],
    }


if __name__ == "__main__":
    raise SystemExit(main())

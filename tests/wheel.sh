#!/usr/bin/env bash
# `pip install .` in an empty environment gives the same from any directory: probes, schemas, catalogue and lab travel.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$root/requirements/run.txt"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$root"
mkdir "$scratch/elsewhere"
cd "$scratch/elsewhere"
"$scratch/venv/bin/proofs" controls | grep -q tls-1-3-only
"$scratch/venv/bin/pytest" --pyargs proofs.probes --target=lab
"$scratch/venv/bin/proofs" verify reports/*.proof.tar.gz

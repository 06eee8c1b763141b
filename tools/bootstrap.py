"""Make a virtual environment and install the project into it from pinned, hashed requirements.

Standard library only: it runs before anything is installed. Says in one line what is missing on this machine.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(venv: Path, requirements: Path) -> int:
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"ERROR: found Python {found}, expected 3.11 or newer; try: make PYTHON=python3.11", file=sys.stderr)
        return 4
    if importlib.util.find_spec("ensurepip") is None:
        print("ERROR: Python's venv module is incomplete; install it: apt-get install python3-venv", file=sys.stderr)
        return 4
    print(f"installing what {requirements} pins into {venv} …", flush=True)
    if not (venv / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    steps = (
        [*pip, "--require-hashes", "-r", requirements],
        # The build back end is among the hashed requirements, so nothing unpinned is fetched for the build.
        [*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT],
    )
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            print(f"ERROR: {requirements} could not be installed (see above)", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))

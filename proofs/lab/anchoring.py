"""The head of a chain, written down where the database server cannot reach it: once, or every minute.

The reader logs in as the target's auditor, over TLS, with the server verified. A line is one JSON object; the file is
only ever appended to, and on the disk before the anchor counts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from proofs.errors import Indeterminate, ProofsError
from proofs.lab import server, state
from proofs.model import Engine, Target

INTERVAL_S = 60.0
FILE = Path("anchors") / "head.jsonl"
PROCESS = Path("anchors") / "process.json"
LOG = Path("anchors") / "log"
INVENTORY_NAMES: dict[Engine, str] = {"mysql": "lab", "mariadb": "lab-mariadb"}


def take(target: Target, *, age: timedelta = timedelta()) -> str:
    """Read the head of the target's chain: a line for the store. `age` dates it back (for a lab whose anchors stopped).

    Raises `ChannelError` or `Indeterminate`.
    """
    # Imported late: between two anchors this process is nearly nothing.
    from proofs.catalogue.secretstore import SecretStore  # noqa: PLC0415
    from proofs.channels.chain.source import opened  # noqa: PLC0415
    from proofs.channels.ledger import read_head  # noqa: PLC0415
    from proofs.channels.sql.connect import Connector  # noqa: PLC0415

    if target.audit is None:
        raise Indeterminate(f"the inventory describes no audit of {target.name} (audit)")
    with opened(target, Connector(target, SecretStore()), target.audit.reader, use_fast=False) as source:
        head = read_head(target, source)
    time_of = (datetime.now(UTC) - age).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"id": head.id, "hash": head.hash.decode("ascii"), "time": time_of})


def append(file: Path, line: str) -> None:
    """One line at the end of a private file, whole and on the disk."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lab_target(directory: Path, engine: Engine) -> Target:
    """A lab as the project's own inventory describes it."""
    from proofs.catalogue.controls import load_catalogue  # noqa: PLC0415
    from proofs.catalogue.inventory import load_inventory  # noqa: PLC0415
    from proofs.resources import CONTROLS, TARGETS  # noqa: PLC0415

    inventory = load_inventory(TARGETS)
    return inventory.resolve(INVENTORY_NAMES[engine], {"lab": str(directory)}, load_catalogue(CONTROLS))


def anchor_lab(directory: Path, engine: Engine, *, age: timedelta = timedelta()) -> None:
    """One anchor of a lab. A lab that can't be anchored is up all the same: that is what its proof will say."""
    try:
        append(directory / FILE, take(lab_target(directory, engine), age=age))
    except (ProofsError, Indeterminate, OSError) as error:
        with (directory / LOG).open("a", encoding="utf-8") as log:
            log.write(f"{state.timestamp()} {error}\n")


def start(lab: state.LabState) -> None:
    """Begin to anchor a lab every minute, in a process of its own that ends with the lab, whoever started it."""
    process = server.companion("proofs.lab.anchoring", lab.name, lab.pid)
    server.adopt(process)
    born = state.process_birth(process.pid)
    (lab.directory / PROCESS).write_text(json.dumps({"pid": process.pid, "born": born}), encoding="ascii")


def stop(directory: Path) -> None:
    """End the process that anchors the lab in this directory, if there is one."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        process = json.loads((directory / PROCESS).read_text(encoding="ascii"))
        server.kill(int(process["pid"]), int(process["born"]))


def run(name: str, pid: int) -> None:
    """Anchor the lab `name` every minute for as long as its server process `pid` lives."""
    lab = state.read(name)
    if lab is None or lab.pid != pid:
        return
    due = time.monotonic() + INTERVAL_S
    while lab.alive and (lab.directory / FILE).exists():
        if time.monotonic() >= due:
            due += INTERVAL_S
            anchor_lab(lab.directory, lab.engine)
        time.sleep(0.5)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))

"""How fast an audit's chain is verified: rows a second, next to what it could be at best, in the same run.

Builds an audit table in a lab of its own and measures, each in a process of its own and over TLS: the full
verification and the same stream merely fetched, with each driver; the check loop over rows in memory (the floor); and
the server's own recomputation in SQL, which trusts the server it is to prove. The best of the rounds is shown, and the
median of the ratios to the floor of the same round. Absolute figures depend on the machine, and the ratios on whether
client and server have a core each: so the processor time of both is shown too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from statistics import median
from typing import Any

import pymysql

from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.inventory import load_inventory
from proofs.catalogue.secretstore import SecretStore
from proofs.channels.chain.plan import Plan
from proofs.channels.chain.session import make_plan
from proofs.channels.chain.source import Source, opened
from proofs.channels.sql.connect import Connector
from proofs.lab import lease
from proofs.ledger import Hasher, Wanted, in_blocks, verify
from proofs.model import Audit, Target
from proofs.resources import CONTROLS, TARGETS

IN_MEMORY = 200_000
CHUNK = 100_000
TIMEOUT_S = 600.0

EVENT = """CONCAT('{"id": ', n + 1, ', "at": "2026-01-01T00:00:00.000000Z", "actor": "app@127.0.0.1", "table": ',
  '"accounts", "action": "UPDATE", "key": "', LPAD(n + 1, 12, '0'),
  '", "before": {"balance": ', n, '}, "after": {"balance": ', n + 1, '}}')"""
CHAIN = f"""INSERT INTO securedb.audit_events (id, payload, prev_hash, curr_hash)
WITH RECURSIVE events (n, payload, prev, curr) AS (
  SELECT %s, CAST('' AS CHAR(400)), CAST(%s AS CHAR(64)), CAST(%s AS CHAR(64))
  UNION ALL
  SELECT n + 1, {EVENT}, curr, SHA2(CONCAT(curr, {EVENT}), 256) FROM events WHERE n < %s)
SELECT n, payload, prev, curr FROM events WHERE n > %s"""  # noqa: S608
IN_SERVER = """SELECT COUNT(*) FROM securedb.audit_events AS b JOIN securedb.audit_events AS a ON b.id = a.id + 1
WHERE b.prev_hash <> a.curr_hash
  OR CAST(b.curr_hash AS BINARY) <> CAST(SHA2(CONCAT(b.prev_hash, b.payload), 256) AS BINARY)"""
TRIGGERS = ("audit_events_append", "audit_events_keep", "audit_events_stay", "audit_head_forward", "audit_head_stay")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", default="mysql", choices=("mysql", "mariadb"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lab", default="bench-chain", help=argparse.SUPPRESS)
    parser.add_argument("--child", nargs=2, metavar=("MODE", "DIRECTORY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(*options.child, options.engine)))
        return 0
    with lease(options.lab, options.engine) as lab:
        began = time.perf_counter()
        size = build(lab.directory, options.rows)
        print(
            f"{lab.engine} {lab.version}: {options.rows:,} events, {size} bytes each, "
            f"built in {time.perf_counter() - began:.1f} s"
        )
        print(f"{'':<34} {'rows/s':>10} {'seconds':>8} {'x floor':>8} {'CPU s':>7} {'server':>7} {'peak MiB':>9}")
        best: dict[str, dict[str, Any]] = {}
        ratios: dict[str, list[float]] = {mode: [] for mode in MODES}
        for _ in range(options.rounds):
            for mode in MODES:
                result = measure(mode, lab.directory, options.engine)
                if mode == "floor":
                    floor_rate = rate_of(result)
                if "why" not in result:
                    ratios[mode].append(floor_rate / rate_of(result))
                if mode not in best or result.get("seconds", 0) < best[mode].get("seconds", 0):
                    best[mode] = result
        for mode, title in MODES.items():
            show(title, best[mode], ratios[mode])
        return 0


MODES = {
    "floor": "check loop in memory (the floor)",
    "verifier": "the verifier in memory",
    "fast-full": "full verification, mysqlclient",
    "pymysql-full": "full verification, pymysql",
    "fast-fetch": "fetched only, mysqlclient",
    "pymysql-fetch": "fetched only, pymysql",
    "server": "the server's own SQL",
}


def rate_of(result: dict[str, Any]) -> float:
    return float(result["rows"] / result["seconds"])


def show(title: str, result: dict[str, Any], ratios: list[float]) -> None:
    if "why" in result:
        print(f"{title:<34} {result['why']}")
        return
    print(
        f"{title:<34} {rate_of(result):>10,.0f} {result['seconds']:>8.2f} {median(ratios):>8.2f} {result['cpu']:>7.2f} "
        f"{result['server_cpu']:>7.2f} {result['peak_mib']:>9.0f}"
    )


def measure(mode: str, directory: Path, engine: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--engine", engine, "--child", mode, str(directory)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode != 0:
        return {"why": (done.stderr.strip().splitlines() or ["it failed"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def build(directory: Path, rows: int) -> int:
    """The chain, made by the server itself: every event's hash from the one before. Gives the bytes of an event."""
    connection = pymysql.connect(
        unix_socket=str(directory / "run" / "mysqld.sock"),
        user="root",
        password=(directory / "secrets" / "operator").read_text(),
        ssl_disabled=True,
        autocommit=True,
        read_timeout=TIMEOUT_S,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        maria = "MariaDB" in cursor.fetchone()[0]
        limit = "max_recursive_iterations" if maria else "cte_max_recursion_depth"
        log = "innodb_log_file_size" if maria else "innodb_redo_log_capacity"
        for statement in (
            f"SET SESSION {limit} = {10 * CHUNK}",
            f"SET GLOBAL {log} = 1073741824",
            *(f"DROP TRIGGER securedb.{name}" for name in TRIGGERS),
            "DELETE FROM securedb.audit_events",
            "ALTER TABLE securedb.audit_events DROP INDEX one_successor",
        ):
            cursor.execute(statement)
        last, previous, current = 0, "", "0" * 64
        while last < rows:
            upto = min(rows, last + CHUNK)
            cursor.execute(CHAIN, (last, previous, current, upto, last))
            cursor.execute("SELECT prev_hash, curr_hash FROM securedb.audit_events WHERE id = %s", (upto,))
            previous, current = cursor.fetchone()
            last = upto
        cursor.execute("ALTER TABLE securedb.audit_events ADD UNIQUE KEY one_successor (prev_hash)")
        cursor.execute("UPDATE securedb.audit_head SET id = %s, hash = %s", (rows, current))
        cursor.execute("SELECT LENGTH(payload) + 136 FROM securedb.audit_events WHERE id = %s", (rows,))
        return int(cursor.fetchone()[0])


def child(mode: str, directory: str, engine: str) -> dict[str, Any]:
    target = load_inventory(TARGETS).resolve(
        "lab" if engine == "mysql" else "lab-mariadb", {"lab": directory}, load_catalogue(CONTROLS)
    )
    audit = target.audit
    if audit is None:
        raise SystemExit("the inventory has no audit")
    hasher = Hasher(audit.recipe)
    connector = Connector(target, SecretStore())
    kind, _, what = mode.partition("-")
    with opened(target, connector, audit.reader, use_fast=kind == "fast") as source:
        if kind == "fast" and source.note is not None:
            return {"why": source.note}
        plan = plan_of(target, audit, hasher, source)
        if kind in ("floor", "verifier"):
            rows = in_memory(source, plan)
            best = min(floor(rows) if kind == "floor" else verifier(rows, hasher, audit) for _ in range(3))
            return {"rows": len(rows), "seconds": best, "cpu": best, "server_cpu": 0, "peak_mib": peak()}
        pid = int(json.loads((Path(directory) / "state.json").read_text())["pid"])
        began, server, own = time.perf_counter(), cpu_of(pid), time.process_time()
        if kind == "server":
            if str(source.ask(IN_SERVER)[0][0]) != "0":
                raise SystemExit("the chain is broken")
            count = int(source.ask("SELECT COUNT(*) FROM securedb.audit_events")[0][0])
        elif what == "fetch":
            count = sum(len(block.ids) for block in source.read(plan))
        else:
            genesis = audit.genesis.encode()
            report = verify(lambda: source.read(plan), hasher, previous=audit.columns["previous"], genesis=genesis)
            if not report.intact:
                raise SystemExit(str(report.findings))
            count = report.rows
        return {
            "rows": count,
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time() - own,
            "server_cpu": cpu_of(pid) - server,
            "peak_mib": peak(),
        }


def plan_of(target: Target, audit: Audit, hasher: Hasher, source: Source) -> Plan:
    names = audit.columns
    columns = (Wanted(names["previous"], True), Wanted(names["current"], True), *hasher.columns)
    return make_plan(
        source.ask, schema=str(target.schema), table=audit.table, id_column=names["id"], columns=columns, first=None
    )


def in_memory(source: Source, plan: Plan) -> list[tuple[Any, ...]]:
    blocks = source.read(plan)
    rows = chain.from_iterable(zip(b.ids, b.previous, b.current, *b.parts, strict=True) for b in blocks)
    return list(islice(rows, IN_MEMORY))


def floor(rows: list[tuple[Any, ...]]) -> float:
    """What verifying costs at least in this language, a row at a time: a link compared, a hash made and compared."""
    began = time.perf_counter()
    last = b"0" * 64
    for _, previous, current, part, payload in rows:
        if previous != last or sha256(part + payload).hexdigest().encode() != current:
            raise SystemExit("the chain is broken")
        last = current
    return time.perf_counter() - began


def verifier(rows: list[tuple[Any, ...]], hasher: Hasher, audit: Audit) -> float:
    began = time.perf_counter()
    name, genesis = audit.columns["previous"], audit.genesis.encode()
    if not verify(lambda: in_blocks(rows, 2000), hasher, previous=name, genesis=genesis).intact:
        raise SystemExit("the chain is broken")
    return time.perf_counter() - began


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak() -> float:
    """This process's highest resident memory in MiB (proc(5), VmHWM)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())

"""Seal, open and wrap again records as `proofs.records` does, and make keys for labs. What is secret comes by stdin.

    python tools/records.py seal --target db01 --tenant ID --record ID < plaintext > sealed.json
    python tools/records.py open --target db01 --tenant ID --record ID < sealed.json > plaintext
    python tools/records.py rewrap --target db01 --tenant ID --record ID --to new-service.yaml < sealed.json
    python tools/records.py new-key FILE
    python tools/records.py new-hybrid-key NAME FILE

The key service is the target's `records.key_service`; `--key-service FILE` (with `--table`) takes it from a YAML file
with the same keys instead. A sealed record is one JSON object, bytes in hexadecimal digits.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from proofs.catalogue.controls import load_catalogue
from proofs.catalogue.inventory import load_inventory
from proofs.catalogue.key_service import load_key_service
from proofs.catalogue.secretstore import SecretStore
from proofs.errors import ConfigurationError, ProbeOutcome, ProofsError
from proofs.lab import state
from proofs.records import hybrid
from proofs.records.keys import KeyService, UnwrapRefused
from proofs.records.seal import OpenRefused, Place, SealedRecord, open_record, rewrap, seal
from proofs.records.services import open_key_service
from proofs.resources import CONTROLS

BYTES = ("ciphertext", "iv", "aad", "wrapped_key", "wrapped_key_pq")
LIMIT = 1 << 20
REFUSED = 1


def main() -> int:
    options = _parser().parse_args()
    try:
        return int(options.run(options))
    except (OpenRefused, UnwrapRefused) as error:
        print(f"records: refused: {error}", file=sys.stderr)
        return REFUSED
    except (ProofsError, ProbeOutcome, OSError, ValueError) as error:
        print(f"records: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 3)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for name, run in (("seal", _seal), ("open", _open), ("rewrap", _rewrap)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        where = command.add_mutually_exclusive_group(required=True)
        where.add_argument("--target", help="a target of the inventory; the lab's must be up")
        where.add_argument("--key-service", type=Path, metavar="FILE", help="YAML with the keys of records.key_service")
        command.add_argument("--inventory", type=Path, default=Path("targets.yaml"))
        command.add_argument("--table", help="the table of records; the target's when left out")
        command.add_argument("--tenant", required=True, metavar="ID")
        command.add_argument("--record", required=True, metavar="ID")
        if name == "seal":
            command.add_argument("--second", type=Path, metavar="FILE", help="a hybrid key: the data key wrapped twice")
        if name == "rewrap":
            command.add_argument("--to", type=Path, metavar="FILE", required=True, help="the new key service, as YAML")
    command = commands.add_parser("new-key")
    command.add_argument("file", type=Path)
    command.set_defaults(run=_new_key)
    command = commands.add_parser("new-hybrid-key")
    command.add_argument("name")
    command.add_argument("file", type=Path, help="for both halves; FILE.pub gets the public ones")
    command.set_defaults(run=_new_hybrid_key)
    return parser


def _seal(options: argparse.Namespace) -> int:
    service, place = _at(options)
    second = hybrid.HybridWrap(hybrid.load(options.second)) if options.second else None
    _write_sealed(seal(_stdin(), place, service, second))
    return 0


def _open(options: argparse.Namespace) -> int:
    service, place = _at(options)
    plaintext = open_record(_read_sealed(), place, service)
    sys.stdout.buffer.write(plaintext)
    return 0


def _rewrap(options: argparse.Namespace) -> int:
    service, place = _at(options)
    _write_sealed(rewrap(_read_sealed(), place, service, _service(load_key_service(options.to))))
    return 0


def _new_key(options: argparse.Namespace) -> int:
    _write_new(options.file, os.urandom(32).hex() + "\n", 0o600)
    return 0


def _new_hybrid_key(options: argparse.Namespace) -> int:
    key = hybrid.generate(options.name)
    _write_new(options.file, key.to_json(), 0o600)
    _write_new(options.file.with_name(options.file.name + ".pub"), key.public().to_json(), 0o644)
    return 0


def _at(options: argparse.Namespace) -> tuple[KeyService, Place]:
    if options.target is None:
        if options.table is None:
            raise ConfigurationError("--key-service: found no --table beside it, expected the table's name; add it")
        return _service(load_key_service(options.key_service)), Place(options.tenant, options.table, options.record)
    inventory = load_inventory(options.inventory)
    values = {"lab": str(state.directory(options.target))} if "lab" in inventory.entry(options.target) else {}
    records = inventory.resolve(options.target, values, load_catalogue(CONTROLS)).records
    if records is None or not records.key_service:
        raise ConfigurationError(
            f"{options.inventory}: {options.target} has no records.key_service; add it or give --key-service"
        )
    return _service(records.key_service), Place(options.tenant, options.table or records.table, options.record)


def _service(settings: Mapping[str, Any]) -> KeyService:
    secrets = SecretStore()
    return open_key_service(settings, (lambda: secrets.resolve(settings["pin"])) if "pin" in settings else None)


def _stdin() -> bytes:
    data = sys.stdin.buffer.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise ConfigurationError(f"standard input: found more than {LIMIT} bytes; a record is smaller")
    return data


def _read_sealed() -> SealedRecord:
    try:
        values = json.loads(_stdin())
        for name in BYTES:
            values[name] = None if name == "wrapped_key_pq" and values[name] is None else bytes.fromhex(values[name])
        return SealedRecord(**values)
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError("standard input: expected a record as `seal` writes it") from None


def _write_sealed(sealed: SealedRecord) -> None:
    values = {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(sealed).items()}
    print(json.dumps(values, indent=1))


def _write_new(path: Path, text: str, mode: int) -> None:
    """A new file; one that is there already is never overwritten: what it wraps could not be opened any more."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    raise SystemExit(main())

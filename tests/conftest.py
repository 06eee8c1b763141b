"""Fixtures of more than one room: key material for servers that misbehave, and an inventory that points at one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from proofs.lab import pki

# A busy machine is no reason to fail.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@dataclass(frozen=True)
class Material:
    """Files of a CA, a server it certified, clients, and a server of a rogue CA."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("pki")
    now = pki.now()
    good, rogue = pki.Authority("Weather CA", now), pki.Authority("Weather CA", now)
    leaves = {
        "server": good.issue("db.lab.internal", usages=[pki.SERVER_AUTH], names=["db.lab.internal"]),
        "rogue-server": rogue.issue("db.lab.internal", usages=[pki.SERVER_AUTH], names=["db.lab.internal"]),
        "inspector": good.issue("inspector", usages=[pki.CLIENT_AUTH]),
        "app": good.issue("app", usages=[pki.CLIENT_AUTH]),
        "rogue-ca": rogue.issue("inspector", usages=[pki.CLIENT_AUTH]),
    }
    for name, leaf in leaves.items():
        (folder / f"{name}.pem").write_bytes(leaf.certificate_pem)
        (folder / f"{name}.key").write_bytes(leaf.key_pem)
        (folder / f"{name}.key").chmod(0o600)
    (folder / "ca.pem").write_bytes(good.pem)
    (folder / "crl.pem").write_bytes(good.revocations([]))
    (folder / "password").write_text("correct horse battery\n")
    (folder / "password").chmod(0o600)
    return Material(folder)


@pytest.fixture
def wild(tmp_path: Path, material: Material) -> Callable[..., Path]:
    """Makes an inventory with one target `wild` at a loopback port, and short time limits; gives its path."""

    def make(port: int, **more: Any) -> Path:
        identities = {
            name: {
                "user": name,
                "host": "127.0.0.1",
                "password": {"file": str(material["password"])},
                "certificate": str(material[f"{name}.pem"]),
                "key": str(material[f"{name}.key"]),
            }
            for name in ("inspector", "app")
        }
        target = {
            "title": "A wild server",
            "engine": "mysql",
            "profile": "zero-trust-mysql",
            "database": {
                "host": "127.0.0.1",
                "port": port,
                "server_name": "db.lab.internal",
                "ca": str(material["ca.pem"]),
                "crl": str(material["crl.pem"]),
            },
            "identities": identities,
            "certificates": {
                "rogue-ca": {"certificate": str(material["rogue-ca.pem"]), "key": str(material["rogue-ca.key"])}
            },
            "connect_timeout_s": 0.4,
            "statement_timeout_s": 0.6,
            "run_timeout_s": 60,
        }
        for name, value in more.items():
            if isinstance(value, dict) and isinstance(target.get(name), dict):
                target[name] |= value
            else:
                target[name] = value
        path = tmp_path / "targets.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "targets": {"wild": target}}))
        return path

    return make

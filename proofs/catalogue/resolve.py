"""One interpolated inventory entry → `Target`: every path found, every port read, every name known."""

from __future__ import annotations

import ipaddress
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from proofs.catalogue.application import SECTIONS, identities_named, sections_of
from proofs.catalogue.host import host_of
from proofs.catalogue.key_service import settings_of
from proofs.catalogue.parameters import overrides
from proofs.catalogue.problems import Key, Problems, meant, spell_value
from proofs.model import (
    Catalogue,
    ClientConfiguration,
    Database,
    Identity,
    KeyPair,
    SecretRef,
    Target,
    Vantage,
)

_PORT_DIGITS = 8


class Resolver:
    """Builds one target, noting problems (wrong) and warnings (unwise) as it goes."""

    def __init__(
        self, name: str, entry: Mapping[str, Any], base: Path, catalogue: Catalogue, problems: Problems
    ) -> None:
        self._name = name
        self._entry = entry
        self._base = base
        self._catalogue = catalogue
        self._problems = problems
        self._key: Key = ("targets", name)
        self.warnings: list[tuple[Key, str]] = []

    def target(self) -> Target:
        """The target. Its contents are only meaningful if no problem was noted."""
        entry = self._entry
        profile = entry["profile"]
        if profile not in self._catalogue.profiles:
            self._problems.add(
                (*self._key, "profile"),
                spell_value(profile),
                "a profile of the catalogue",
                meant(profile, self._catalogue.profiles),
            )
        timeouts: dict[str, Any] = {name: float(entry[name]) for name in entry if name.endswith("_timeout_s")}
        return Target(
            name=self._name,
            title=entry.get("title", self._name),
            engine=entry["engine"],
            profile=profile,
            database=self._database(entry["database"], (*self._key, "database")),
            identities=self._identities(entry["identities"], (*self._key, "identities")),
            certificates=self._certificates(entry.get("certificates", {}), (*self._key, "certificates")),
            vantages=self._vantages(entry.get("vantages", {}), (*self._key, "vantages")),
            clients=self._clients(entry.get("clients", []), (*self._key, "clients")),
            host=host_of(entry["host"], self._path) if "host" in entry else None,
            schema=entry.get("schema"),
            **self._sections(),
            names=dict(entry.get("names", {})),
            parameters=overrides(
                entry.get("parameters", {}), self._catalogue.controls, (*self._key, "parameters"), self._problems
            ),
            allow_canary_writes=entry.get("allow_canary_writes", False),
            allow_lockout_probe=entry.get("allow_lockout_probe", False),
            allow_ban_probe=entry.get("allow_ban_probe", False),
            ban_vantage=self._ban_vantage(),
            lab=entry.get("lab"),
            **timeouts,
        )

    def _sections(self) -> dict[str, Any]:
        """The sections about the application, every identity in them known and every path absolute."""
        entry = {name: self._entry[name] for name in SECTIONS if name in self._entry}
        for key, name in identities_named(entry):
            known = self._entry["identities"]
            if name not in known:
                where, expected = (*self._key, *key), "an identity of this target"
                self._problems.add(where, spell_value(name), expected, meant(name, known))
        if "schema" not in self._entry and entry:
            self._problems.add((*self._key, next(iter(entry))), "no key schema", "schema beside it", "add schema")
        sections = sections_of(entry)
        if sections["audit"] is not None and sections["audit"].anchors is not None:
            anchors = sections["audit"].anchors
            # Not looked at here: a store that is missing is a finding about the target, not a mistake of the inventory.
            sections["audit"] = replace(sections["audit"], anchors=replace(anchors, file=str(self._path(anchors.file))))
        if sections["records"] is not None:
            key = (*self._key, "records", "key_service", "pin")
            # Not looked at here either: what does not concern the records is proven without their keys.
            service = settings_of(
                sections["records"].key_service,
                lambda text: str(self._path(text)),
                lambda ref: self._password(ref, key),
            )
            sections["records"] = replace(sections["records"], key_service=service)
        return sections

    def _database(self, entry: Mapping[str, Any], key: Key) -> Database:
        admin, x = entry.get("admin"), entry.get("x")
        crl, socket = entry.get("crl"), entry.get("socket")
        return Database(
            host=entry["host"],
            port=self._port(entry["port"], (*key, "port")),
            server_name=entry.get("server_name", entry["host"]),
            ca=self._pem(entry["ca"], (*key, "ca")),
            crl=self._pem(crl, (*key, "crl")) if crl is not None else None,
            socket=str(self._path(socket)) if socket is not None else None,
            admin_host=admin.get("host", entry["host"]) if admin else None,
            admin_port=self._port(admin["port"], (*key, "admin", "port")) if admin else None,
            x_host=x.get("host", entry["host"]) if x else None,
            x_port=self._port(x["port"], (*key, "x", "port")) if x else 33060,
        )

    def _identities(self, entries: Mapping[str, Any], key: Key) -> dict[str, Identity]:
        result = {}
        for name, entry in entries.items():
            where = (*key, name)
            via = entry.get("via", "tcp")
            if via == "socket" and "socket" not in self._entry["database"]:
                self._problems.add((*where, "via"), "socket", "tcp, or a database.socket", "add database.socket")
            keypair = self._keypair(entry, where) if "certificate" in entry else None
            password = self._password(entry["password"], (*where, "password")) if "password" in entry else None
            result[name] = Identity(name, entry["user"], password, keypair, entry["host"], via)
        return result

    def _certificates(self, entries: Mapping[str, Any], key: Key) -> dict[str, KeyPair]:
        return {name: self._keypair(entry, (*key, name)) for name, entry in entries.items()}

    def _keypair(self, entry: Mapping[str, Any], key: Key) -> KeyPair:
        certificate = self._pem(entry["certificate"], (*key, "certificate"))
        private = self._pem(entry["key"], (*key, "key"))
        self._warn_if_open(Path(private), (*key, "key"))
        return KeyPair(certificate, private)

    def _vantages(self, entries: Mapping[str, Any], key: Key) -> dict[str, Vantage]:
        result = {"here": Vantage("here")}
        for name, entry in entries.items():
            where = (*key, name)
            address = entry.get("source_address")
            if address is not None:
                try:
                    ipaddress.ip_address(address)
                except ValueError:
                    self._problems.add(
                        (*where, "source_address"), spell_value(address), "an IP address", "correct the address"
                    )
            ways = [way for way in ("source_address", "forwards", "through") if way in entry]
            if len(ways) > 1:
                self._problems.add(where, " and ".join(ways), "one of them", "make a vantage of each")
            forwards = {
                port: to if isinstance(to, str) else f"127.0.0.1:{self._port(to, (*where, 'forwards', port))}"
                for port, to in entry.get("forwards", {}).items()
            }
            # Files for the bastion are not looked at here: without them it is not reached, and that is said then.
            files = {file: str(self._path(entry[file])) for file in ("identity_file", "known_hosts") if file in entry}
            result[name] = Vantage(name, address, forwards, entry.get("address"), entry.get("through"), **files)
        return result

    def _ban_vantage(self) -> str | None:
        """The vantage that may be banned: never the one that the prover itself works from."""
        name, known = self._entry.get("ban_vantage"), set(self._entry.get("vantages", {})) - {"here"}
        if name is not None and name not in known:
            where, expected = (*self._key, "ban_vantage"), "a vantage of this target other than here"
            self._problems.add(where, spell_value(name), expected, meant(name, known))
        return name

    def _clients(self, entries: list[Mapping[str, Any]], key: Key) -> tuple[ClientConfiguration, ...]:
        return tuple(
            ClientConfiguration(self._file(entry["path"], (*key, index, "path")), entry.get("group", "client"))
            for index, entry in enumerate(entries)
        )

    def _password(self, entry: Mapping[str, Any], key: Key) -> SecretRef:
        if "env" in entry:
            if not os.environ.get(entry["env"]):
                self._problems.add(
                    (*key, "env"), f"{entry['env']}, which is not set", "an environment variable", "set it"
                )
            return SecretRef("env", entry["env"])
        if "file" in entry:
            file = self._file(entry["file"], (*key, "file"))
            self._warn_if_open(Path(file), (*key, "file"))
            return SecretRef("file", file)
        command = tuple(entry["command"])
        if shutil.which(command[0]) is None:
            self._problems.add(
                (*key, "command", 0), f"no program {Path(command[0]).name}", "a program on PATH", "correct it"
            )
        return SecretRef("command", command)

    def _port(self, entry: Any, key: Key) -> int:
        if isinstance(entry, int | float):
            return int(entry)
        if "env" in entry:
            name = entry["env"]
            text, where = os.environ.get(name), (*key, "env")
            if text is None:
                self._problems.add(where, f"{name}, which is not set", "an environment variable", "set it")
                return 0
        else:
            where = (*key, "file")
            path = Path(self._file(entry["file"], where))
            text = _start_of(path, _PORT_DIGITS + 1)
            if text is None:
                return 0
        digits = text.strip()
        if digits.isascii() and digits.isdigit() and len(digits) <= _PORT_DIGITS and 1 <= int(digits) <= 65535:
            return int(digits)
        self._problems.add(where, spell_value(digits[:20]), "a port number from 1 to 65535 in it", "correct it")
        return 0

    def _path(self, text: str) -> Path:
        return Path(os.path.normpath(self._base.absolute() / Path(text).expanduser()))

    def _file(self, text: str, key: Key) -> str:
        """The absolute path of a file that exists, has content and can be read."""
        found: str | None = None
        path = Path(text)
        try:
            path = self._path(text)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                found = "no ordinary file"
            elif status.st_size == 0:
                found = "an empty file"
            elif not os.access(path, os.R_OK):
                found = "no permission to read"
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: ~user is nobody; ValueError: odd bytes
            found = getattr(error, "strerror", None) or "no such file"
            found = found[:1].lower() + found[1:]
        if found is not None:
            self._problems.add(key, f"{found} at {path}", "a readable file", "correct the path")
        return str(path)

    def _pem(self, text: str, key: Key) -> str:
        path = Path(self._file(text, key))
        head = _start_of(path, 1 << 16)
        if head is not None and head and "-----BEGIN " not in head:
            self._problems.add(key, f"no PEM block in {path}", "a PEM file", "convert the file or correct the path")
        return str(path)

    def _warn_if_open(self, path: Path, key: Key) -> None:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            return  # already noted as a problem
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            self.warnings.append((key, f"{path}: mode {mode:04o} lets others read this secret; chmod 600 it"))


def _start_of(path: Path, size: int) -> str | None:
    """The first characters of a file, or None where `_file` has already noted that it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(size).decode("utf-8", errors="replace")
    except OSError:
        return None

"""What a host of the lab is made of: `fixtures/hosts/common` and the host's own directory beside it, as data."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from proofs import resources
from proofs.errors import ConfigurationError
from proofs.model import Engine

COMMON = "common"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One host. `suites` are of the distribution's archive; `options` replace those of the embedded lab's server.

    `files` maps paths in the host to content and mode; `setups` are shell scripts run in it before its first boot.
    """

    name: str
    engine: Engine
    deployment: str
    suites: tuple[str, ...]
    packages: tuple[str, ...]
    service: str
    option_file: str
    options: Mapping[str, str | None]
    files: Mapping[str, tuple[bytes, int]]
    setups: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """What the image depends on, as 16 hexadecimal digits."""
        parts = (self.name, self.suites, self.packages, sorted(self.files.items()), self.setups)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def archive(self, below: str = "") -> bytes:
        """The files, or those below a directory, as a tar archive for the root directory; all belong to root."""
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as archive:
            for path, (content, mode) in sorted((p, f) for p, f in self.files.items() if p.startswith(below)):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode, entry.uname, entry.gname = len(content), mode, "root", "root"
                archive.addfile(entry, io.BytesIO(content))
        return made.getvalue()


def exists(name: str) -> bool:
    """Whether there is a host of this name (a deployment of another name is an embedded lab's)."""
    return name != COMMON and (resources.HOSTS / name / "host.yaml").is_file()


def load(name: str) -> Recipe:
    """Read a recipe; `ConfigurationError` where it is incomplete."""
    common, own = (resources.HOSTS / each for each in (COMMON, name))
    try:
        shared, data = (_yaml(each / "host.yaml") for each in (common, own))
        modes = {path: int(mode, 8) for each in (shared, data) for path, mode in each.get("modes", {}).items()}
        return Recipe(
            name=name,
            engine=data["engine"],
            deployment=data["deployment"],
            suites=tuple(data["suites"]),
            packages=tuple(sorted({*shared["packages"], *data["packages"]})),
            service=data["service"],
            option_file=data["option_file"],
            options=data["options"],
            files={**dict(_files(common / "files", modes)), **dict(_files(own / "files", modes))},
            setups=tuple((each / "setup.sh").read_bytes() for each in (common, own)),
        )
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{own}: not the recipe of a host ({type(error).__name__}: {error})") from error


def _yaml(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _files(root: Path, modes: Mapping[str, int]) -> Iterator[tuple[str, tuple[bytes, int]]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            name, content = path.relative_to(root).as_posix(), path.read_bytes()
            yield name, (content, modes.get(name, 0o755 if content.startswith(b"#!") else 0o644))

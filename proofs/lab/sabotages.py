"""Sabotages: one change each to a good lab, as data, that breaks known controls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from proofs import resources
from proofs.errors import ConfigurationError
from proofs.model import Engine


@dataclass(frozen=True, slots=True)
class Change:
    """What a sabotage does to a lab of one engine.

    `options` and `client`: option → value, None drops it. `sql`: statements of the administrator, after deployment.
    `pki`: kind of material → bad variant. `chmod`: path in the lab → mode.
    `files`: path in the lab → text of a file the server can read, made before it starts.
    `secrets`: identity → what its password is once the SQL was run.
    `copies`: path in the lab → path of the file whose content it gets once the server is up, before the SQL.
    `anchors`: `stopped` (the only one is an hour old) or `missing` (their file is empty); else one every minute.
    `records`: a mistake the client makes when it seals the lab's records (`proofs.lab.seed.MISTAKES`).
    """

    options: Mapping[str, str | None]
    sql: tuple[str, ...]
    pki: Mapping[str, str]
    chmod: Mapping[str, int]
    client: Mapping[str, str | None]
    files: Mapping[str, str]
    secrets: Mapping[str, str]
    copies: Mapping[str, str]
    anchors: str | None = None
    records: str | None = None


NO_CHANGE = Change({}, (), {}, {}, {}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One named way to break the controls `breaks`, for each engine that it can be done on.

    `doubts` are controls that can then not be judged, because looking would do harm.
    """

    name: str
    title: str
    breaks: tuple[str, ...]
    changes: Mapping[Engine, Change]
    where: str
    doubts: tuple[str, ...] = ()


def load(directory: Path = resources.SABOTAGES) -> dict[str, Sabotage]:
    """Every sabotage by name; `ConfigurationError` naming file and line where one is malformed or named twice."""
    found: dict[str, Sabotage] = {}
    for path in sorted(directory.glob("*.yaml")):
        for entry, where in entries(path, "sabotages.schema.json"):
            sabotage = _sabotage(entry, where)
            if sabotage.name in found:
                first = found[sabotage.name].where
                raise ConfigurationError(f"{sabotage.where}: sabotage {sabotage.name!r} is already at {first}")
            found[sabotage.name] = sabotage
    return found


def find(name: str, engine: Engine, directory: Path = resources.SABOTAGES) -> Sabotage:
    """The sabotage with this name; `ConfigurationError` where there is none, or none for this engine."""
    known = load(directory)
    if name not in known:
        raise ConfigurationError(f"unknown sabotage {name!r}; `proofs lab sabotages` lists them")
    if engine not in known[name].changes:
        raise ConfigurationError(f"{known[name].where}: sabotage {name!r} is not for {engine}")
    return known[name]


def entries(path: Path, schema: str) -> list[tuple[dict[str, Any], str]]:
    """The entries of a file of sabotages with the place each is at; `ConfigurationError` for one that is malformed."""
    text = path.read_text(encoding="utf-8")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{path}:{line}: not YAML ({getattr(error, 'problem', error)})") from error
    if data is None:
        return []
    wrong = best_match(_validator(schema).iter_errors(data))
    if wrong is not None:
        keys = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in wrong.absolute_path).lstrip(".")
        raise ConfigurationError(f"{path}:{_line(root, wrong.absolute_path)}: {keys}: {wrong.message}")
    return [(entry, f"{path}:{_line(root, [number])}") for number, entry in enumerate(data)]


def _sabotage(entry: Mapping[str, Any], where: str) -> Sabotage:
    engines: list[Engine] = entry.get("engines", ["mysql", "mariadb"])
    changes = {engine: _change({**entry, **entry.get(engine, {})}) for engine in engines}
    for engine, change in changes.items():
        if change == NO_CHANGE:
            raise ConfigurationError(f"{where}: sabotage {entry['name']!r} changes nothing on {engine}")
    return Sabotage(
        entry["name"], entry["title"], tuple(entry["breaks"]), changes, where, tuple(entry.get("doubts", ()))
    )


def _change(entry: Mapping[str, Any]) -> Change:
    sql = entry.get("sql", [])
    return Change(
        options=_texts(entry.get("options", {})),
        sql=(sql,) if isinstance(sql, str) else tuple(sql),
        pki=entry.get("pki", {}),
        chmod={path: int(mode, 8) for path, mode in entry.get("chmod", {}).items()},
        client=_texts(entry.get("client", {})),
        files=entry.get("files", {}),
        secrets=entry.get("secrets", {}),
        copies=entry.get("copies", {}),
        anchors=entry.get("anchors"),
        records=entry.get("records"),
    )


def _texts(options: Mapping[str, Any]) -> dict[str, str | None]:
    return {key: None if value is None else str(value) for key, value in options.items()}


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((resources.SCHEMAS / schema).read_text(encoding="utf-8")))


def _line(root: Any, keys: Any) -> int:
    """Line of the node that these keys lead to, as far as they lead."""
    node = root
    for key in keys:
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == key), node)
    return int(node.start_mark.line) + 1

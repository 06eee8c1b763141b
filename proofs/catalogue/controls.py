"""`controls.yaml` → `Catalogue`: schema first, then what a schema cannot say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.catalogue import schema
from proofs.catalogue.parameters import overrides, typed
from proofs.catalogue.problems import Key, Problems, meant, spell_value
from proofs.errors import ConfigurationError
from proofs.model import Catalogue, Control, Parameter, Profile, SupportedSeries

if TYPE_CHECKING:
    from proofs.catalogue.marked import Document


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue.

    Raises `ConfigurationError`, one line per mistake: `file:line: key: found …, expected …; remedy`.
    """
    from proofs.catalogue.marked import read  # noqa: PLC0415 - PyYAML only when a file is read

    document = read(path)
    problems = Problems(document.file, document.line_of)
    schema.check(document.data, "controls.schema.json", problems)
    problems.raise_if_any()
    catalogue = _build(document, problems)
    problems.raise_if_any()
    return catalogue


def check_probes(catalogue: Catalogue, probes: Collection[str]) -> None:
    """Hold the catalogue against the probes that exist: each belongs to exactly one control.

    `probes` are ids as in the catalogue (`surface/test_file.py::test_name`). Raises `ConfigurationError`.
    """
    lines = _lines_of(catalogue)
    problems = Problems(catalogue.path, lambda key: lines.line_of(key) if lines else 1)
    order = list(catalogue.controls)
    owner: dict[str, str] = {}
    for index, control in enumerate(catalogue.controls.values()):
        for position, probe in enumerate(control.probes):
            key: Key = ("controls", index, "probes", position)
            if probe not in probes:
                problems.add(key, f"{probe}, which does not exist", "an existing probe", meant(probe, probes))
            _claim(owner, probe, control.id, key, problems)
    orphans = sorted(set(probes) - set(owner))
    for probe in orphans:
        surface = probe.partition("/")[0]
        near = next((i for i, name in enumerate(order) if catalogue.controls[name].surface == surface), 0)
        problems.add(
            ("controls", near), f"no control that names {probe}", "every probe in one control", "add it to its control"
        )
    problems.raise_if_any()


def _lines_of(catalogue: Catalogue) -> Document | None:
    """The lines of the file the catalogue came from, if it is still the same file."""
    from proofs.catalogue.marked import read  # noqa: PLC0415 - PyYAML only when a file is read

    try:
        document = read(Path(catalogue.path))
    except ConfigurationError:
        return None
    return document if document.sha256 == catalogue.sha256 else None


def _claim(owner: dict[str, str], probe: str, control: str, key: Key, problems: Problems) -> None:
    other = owner.setdefault(probe, control)
    if other != control:
        problems.add(key, f"{probe}, which {other} names too", "each probe in one control", "remove one")


def _build(document: Document, problems: Problems) -> Catalogue:
    data = document.data
    controls = _controls(data["controls"], document, problems)
    as_of = _date(data["support_table"]["as_of"], ("support_table", "as_of"), problems)
    return Catalogue(
        path=document.file,
        sha256=document.sha256,
        controls=controls,
        profiles=_profiles(data["profiles"], controls, document, problems),
        support_as_of=as_of,
        support=_support(data["support_table"]["series"], document, problems),
    )


def _controls(entries: list[dict[str, Any]], document: Document, problems: Problems) -> dict[str, Control]:
    controls: dict[str, Control] = {}
    owner: dict[str, str] = {}
    seen: dict[str, Key] = {}
    for index, entry in enumerate(entries):
        key: Key = ("controls", index)
        _once(seen, entry["id"], (*key, "id"), document, problems)
        for position, probe in enumerate(entry["probes"]):
            where = (*key, "probes", position)
            if probe in entry["probes"][:position]:
                problems.add(where, f"{probe} again", "each probe once", "remove one")
            if probe.partition("/")[0] != entry["surface"]:
                problems.add(where, probe, f"a probe of the surface {entry['surface']}", "correct the folder")
            _claim(owner, probe, entry["id"], where, problems)
        controls[entry["id"]] = Control(
            id=entry["id"],
            title=entry["title"],
            statement=entry["statement"].strip(),
            rationale=entry["rationale"].strip(),
            severity=entry["severity"],
            surface=entry["surface"],
            engines=tuple(entry["engines"]),
            mappings={framework: tuple(ids) for framework, ids in entry["mappings"].items()},
            parameters=_parameters(entry.get("parameters", {}), (*key, "parameters"), problems),
            probes=tuple(entry["probes"]),
            remediation=entry["remediation"].strip(),
            references=tuple(entry.get("references", ())),
        )
    return controls


def _parameters(entries: Mapping[str, Any], key: Key, problems: Problems) -> dict[str, Parameter]:
    result = {}
    for name, entry in entries.items():
        default = typed(entry["type"], entry["default"], (*key, name, "default"), problems)
        if default is not None:
            result[name] = Parameter(name, entry["type"], default, entry["description"].strip())
    return result


def _profiles(
    entries: list[dict[str, Any]], controls: Mapping[str, Control], document: Document, problems: Problems
) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    seen: dict[str, Key] = {}
    for index, entry in enumerate(entries):
        key: Key = ("profiles", index)
        _once(seen, entry["id"], (*key, "id"), document, problems)
        inside: dict[str, Key] = {}
        base = _included(entry, profiles, (*key, "includes"), problems)
        inside.update(dict.fromkeys(base.controls, (*key, "includes")))
        for position, control_id in enumerate(entry["controls"]):
            where = (*key, "controls", position)
            _once(inside, control_id, where, document, problems)
            if control_id not in controls:
                problems.add(where, spell_value(control_id), "the id of a control", meant(control_id, controls))
        where = (*key, "parameters")
        given = entry.get("parameters", {})
        for control_id in given:
            if control_id in controls and control_id not in inside:
                problems.add(
                    (*where, control_id), "a control outside the profile", "one of its controls", "select or remove it"
                )
        values = overrides(given, controls, where, problems)
        values = {
            name: {**base.parameters.get(name, {}), **values.get(name, {})} for name in {**base.parameters, **values}
        }
        chosen = (*base.controls, *entry["controls"])
        profiles[entry["id"]] = Profile(entry["id"], entry["title"], chosen, values)
    return profiles


def _included(entry: Mapping[str, Any], above: Mapping[str, Profile], key: Key, problems: Problems) -> Profile:
    name = entry.get("includes")
    if name is not None and name not in above:
        problems.add(key, spell_value(name), "the id of a profile above", meant(name, above))
    return above.get(name or "", Profile("", "", (), {}))


def _support(entries: list[dict[str, Any]], document: Document, problems: Problems) -> tuple[SupportedSeries, ...]:
    result = []
    seen: dict[str, Key] = {}
    for index, entry in enumerate(entries):
        key: Key = ("support_table", "series", index)
        _once(seen, f"{entry['engine']} {entry['series']}", (*key, "series"), document, problems)
        minimum = entry.get("minimum")
        if minimum is not None and not minimum.startswith(entry["series"] + "."):
            problems.add((*key, "minimum"), spell_value(minimum), f"a release of {entry['series']}", "correct it")
        end = _date(entry["end_of_life"], (*key, "end_of_life"), problems)
        result.append(SupportedSeries(entry["engine"], entry["series"], end, minimum, entry["source"].strip()))
    return tuple(result)


def _once(seen: dict[str, Key], name: str, key: Key, document: Document, problems: Problems) -> None:
    if name in seen:
        first = document.line_of(seen[name])
        problems.add(key, f"{spell_value(name)} again", f"each id once (first on line {first})", "rename or remove one")
    seen.setdefault(name, key)


def _date(text: str, key: Key, problems: Problems) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.add(key, spell_value(text), "a date of the calendar as YYYY-MM-DD", "correct the date")
        return date.min

"""YAML read as plain data that remembers its lines.

Reads events, not nodes, so depth, size and alias expansion are bounded before anything is built (a "billion laughs"
file is refused by count), and nothing but strings, numbers, booleans, null, lists and mappings can come out.
Import this module late: it pulls in PyYAML.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from proofs.catalogue.problems import Key, problem, spell_value
from proofs.errors import ConfigurationError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000
_TAG = "tag:yaml.org,2002:"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_constructor = yaml.constructor.SafeConstructor()


@dataclass(slots=True)
class Document:
    """One file's data, the digest of its exact bytes, and the line of every key."""

    file: str
    sha256: str
    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)

    def line_of(self, key: Key) -> int:
        """The line of a key, or of the nearest thing above it that is written in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def read(path: Path) -> Document:
    """Read one YAML document; `ConfigurationError` (one line) for anything that is not one."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}; name a readable file") from None
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(f"{path}: found more than {MAX_BYTES} bytes, expected less; split the file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path}:{line}: found a byte that is not UTF-8, expected UTF-8 text; save the file as UTF-8"
        ) from None
    document = Document(str(path), hashlib.sha256(raw).hexdigest())
    try:
        _Reader(document, text).read()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark is not None else 1
        what = " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())
        raise ConfigurationError(
            f"{path}:{line}: (syntax): found {what[:120]}, expected YAML; mend the indentation or quoting there"
        ) from None
    return document


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line


class _Reader:
    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._loader: Any = _Loader(text)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def read(self) -> None:
        try:
            events = self._events()
            next(events)  # stream start
            event = next(events)
            if isinstance(event, yaml.StreamEndEvent):
                raise self._wrong(event, (), "an empty file", "one YAML document", "write the file")
            self._document.data = self._value(next(events), events, ())
            next(events)  # document end
            event = next(events)
            if not isinstance(event, yaml.StreamEndEvent):
                raise self._wrong(event, (), "a second document", "one document in the file", "remove the `---`")
        finally:
            self._loader.dispose()

    def _events(self) -> Iterator[Any]:
        while self._loader.check_event():
            yield self._loader.get_event()

    def _wrong(self, event: Any, key: Key, found: str, expected: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(
            problem(self._document.file, _line(event), key, found=found, expected=expected, remedy=remedy)
        )

    def _count(self, event: Any, key: Key, weight: int) -> None:
        self._nodes += weight
        if self._nodes > MAX_NODES:
            raise self._wrong(event, key, f"more than {MAX_NODES} values", "fewer", "remove the repeated aliases")

    def _value(self, event: Any, events: Iterator[Any], key: Key) -> Any:
        self._document.lines.setdefault(key, _line(event))
        if isinstance(event, yaml.AliasEvent):
            if event.anchor is None or event.anchor not in self._anchors:
                raise self._wrong(
                    event, key, f"alias *{event.anchor}", "an alias of an anchor above", "define it first"
                )
            value, weight = self._anchors[event.anchor]
            self._count(event, key, weight)
            return value
        before = self._nodes
        self._count(event, key, 1)
        if len(key) > MAX_DEPTH:
            raise self._wrong(event, key[:3], f"more than {MAX_DEPTH} levels", "fewer", "flatten the file")
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(event, events, key)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, events, key)
        else:
            value = self._scalar(event, key)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _mapping(self, start: Any, events: Iterator[Any], key: Key) -> dict[str, Any]:
        self._plain_tag(start, key, "map")
        result: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, key, "a key that is not a word", "a plain word as key", "quote it")
            name = event.value
            if name == "<<" and event.implicit[0]:
                raise self._wrong(event, (*key, name), "a merge key", "plain keys", "write the keys out")
            if name in result:
                first = self._document.line_of((*key, name))
                raise self._wrong(
                    event, (*key, name), "the key again", f"it once (first on line {first})", "remove one"
                )
            self._document.lines[(*key, name)] = _line(event)
            self._count(event, key, 1)
            result[name] = self._value(next(events), events, (*key, name))
        return result

    def _sequence(self, start: Any, events: Iterator[Any], key: Key) -> list[Any]:
        self._plain_tag(start, key, "seq")
        result: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            result.append(self._value(event, events, (*key, len(result))))
        return result

    def _plain_tag(self, event: Any, key: Key, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            raise self._wrong(event, key, f"tag {spell_value(event.tag)}", "plain YAML without tags", "remove the tag")

    def _scalar(self, event: Any, key: Key) -> Any:
        tag = event.tag
        if tag in (None, "!"):
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        text = event.value
        # A date stays the text it is: what a date means is said by the schema, not by YAML 1.1's guess.
        if tag in (_TAG + "str", _TAG + "timestamp", _TAG + "value", _TAG + "merge"):
            return text
        if tag == _TAG + "null":
            return None
        node = yaml.ScalarNode(tag, text)
        try:
            if tag == _TAG + "bool":
                return _constructor.construct_yaml_bool(node)
            if tag == _TAG + "int":
                return _constructor.construct_yaml_int(node)
            if tag == _TAG + "float":
                number = _constructor.construct_yaml_float(node)
                if math.isfinite(number):
                    return number
        except (ValueError, KeyError, IndexError):
            raise self._wrong(event, key, spell_value(text), "a number or text", "put quotes around text") from None
        raise self._wrong(
            event, key, f"{spell_value(text)} ({spell_value(tag)})", "plain YAML without tags", "quote the value"
        )

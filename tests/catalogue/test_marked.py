"""YAML as plain data with lines: what is read, and that nothing else comes through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofs.catalogue.marked import MAX_BYTES, read
from proofs.errors import ConfigurationError


def read_text(folder: Path, text: str | bytes):
    path = folder / "file.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path)


def test_data_and_lines(tmp_path):
    document = read_text(tmp_path, "a: 1\nb:\n  - x\n  - c: 2.5\n    d: [true, ~]\n")
    assert document.data == {"a": 1, "b": ["x", {"c": 2.5, "d": [True, None]}]}
    assert document.line_of(("a",)) == 1
    assert document.line_of(("b", 1, "c")) == 4
    assert document.line_of(("b", 1, "d", 1)) == 5
    assert document.line_of(("b", 0, "nowhere", "else")) == 3
    assert document.line_of(("nowhere",)) == 1


def test_dates_and_quoted_numbers_stay_text(tmp_path):
    document = read_text(tmp_path, 'a: 2026-05-25\nb: "8.1"\nc: 8.1\nd: "yes"\ne: !!str 5\n')
    assert document.data == {"a": "2026-05-25", "b": "8.1", "c": 8.1, "d": "yes", "e": "5"}


def test_alias_is_the_value_and_its_line(tmp_path):
    document = read_text(tmp_path, "a: &x [1, 2]\nb: *x\n")
    assert document.data["b"] == [1, 2]
    assert document.line_of(("b", 1)) == 2


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(ord('a') + n)}: &{chr(ord('a') + n)} [{','.join(['*' + chr(ord('a') + n - 1)] * 10)}]\n"
    for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "file.yaml:3: a: found the key again, expected it once (first on line 1); remove one"),
        ("a:\n  b: 1\n  b: 2\n", "file.yaml:3: a.b: found the key again"),
        ("a: 1\n---\nb: 2\n", "file.yaml:2: (top): found a second document"),
        ("", "file.yaml:1: (top): found an empty file"),
        ("# nothing\n", "(top): found an empty file"),
        ("a: !!python/object:os.system x\n", "file.yaml:1: a: found 'x' ('tag:yaml.org,2002:python/object:os.system')"),
        ("a: !mine {b: 1}\n", "a: found tag '!mine', expected plain YAML without tags; remove the tag"),
        ("a: !!set {b}\n", "a: found tag 'tag:yaml.org,2002:set'"),
        ("a: !!binary aGk=\n", "expected plain YAML without tags"),
        ("a: *nowhere\n", "a: found alias *nowhere, expected an alias of an anchor above"),
        ("a: &a [*a]\n", "found alias *a"),
        ("? [x, y]\n: 1\n", "found a key that is not a word"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "c.<<: found a merge key, expected plain keys"),
        ("a: .inf\n", "a: found '.inf'"),
        ("a: 0b_\n", "a: found '0b_', expected a number or text; put quotes around text"),
        ("a: " + "9" * 5000 + "\n", "expected a number or text"),
        ("a: [1, 2\n", "file.yaml:2: (syntax): found"),
        ("a: b: c\n", "file.yaml:1: (syntax): found mapping values are not allowed"),
        ("\tx: 1\n", "file.yaml:1: (syntax): found"),
        ("a: '\x01'\n", "(syntax): found"),
        (
            b"a: 1\nb: \xff\n",
            "file.yaml:2: found a byte that is not UTF-8, expected UTF-8 text; save the file as UTF-8",
        ),
        ("[" * 100_000, "found more than 32 levels"),
        (BOMB, "found more than 50000 values, expected fewer; remove the repeated aliases"),
        ("a: 1\n" * (MAX_BYTES // 4), "found more than 1048576 bytes"),
        ("password: 0b_\n", "password: found a literal value"),
    ],
)
def test_refused(tmp_path, text, expected):
    with pytest.raises(ConfigurationError) as caught:
        read_text(tmp_path, text)
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert len(message) < 400 + len(str(tmp_path))


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read: No such file or directory; name a"):
        read(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read(tmp_path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="ab:-[]{}&*!|>'\"#?,%@` \n\t0._~<=", max_size=80)))
def test_any_bytes_give_data_or_one_line(tmp_path, text):
    try:
        read_text(tmp_path, text)
    except ConfigurationError as error:
        assert "\n" not in str(error)

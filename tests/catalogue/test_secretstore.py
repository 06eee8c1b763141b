"""Secrets by reference: what is a secret, and that no message ever holds one."""

from __future__ import annotations

import sys

import pytest

from proofs.catalogue import SecretStore, secretstore
from proofs.errors import ConfigurationError
from proofs.model import SecretRef

SECRET = "hunter2-ü"


def python(code):
    return SecretRef("command", (sys.executable, "-c", code))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"abcdef", "abcdef"),
        (b"abcdef\n", "abcdef"),
        (b"abcdef\r\n", "abcdef"),
        (b"abcdef\n\n", "abcdef\n"),
        (b" abcd ", " abcd "),
        (b"abcdef\r", "abcdef\r"),
        ("übrigens\n".encode(), "übrigens"),
    ],
)
def test_one_newline_is_not_part_of_it(tmp_path, content, expected):
    (tmp_path / "secret").write_bytes(content)
    assert SecretStore().resolve(SecretRef("file", str(tmp_path / "secret"))) == expected


def test_all_kinds_are_remembered_once(tmp_path):
    (tmp_path / "secret").write_text("from file\n")
    store = SecretStore({"PW": "from env\n"})
    file = SecretRef("file", str(tmp_path / "secret"))
    assert store.resolve(SecretRef("env", "PW")) == "from env\n"
    assert store.resolve(file) == "from file"
    assert store.resolve(python("print('from command')")) == "from command"
    (tmp_path / "secret").unlink()
    assert store.resolve(file) == "from file"
    assert [value for _, value in store.values()] == ["from env\n", "from file", "from command"]
    assert [label.split()[0] for label, _ in store.values()] == ["env", "file", "command"]


def test_commands_run_without_a_shell(tmp_path):
    store = SecretStore()
    assert store.resolve(SecretRef("command", ("echo", "$HOME;", "x"))) == "$HOME; x"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "found nothing in it"),
        (b"\n", "found nothing in it"),
        (b"ab\n", "found less than 6 characters"),
        (b"hunter2-\xff", "found bytes, expected UTF-8 text"),
        (b"hunter2" * 20_000, "found more than 65536 bytes"),
    ],
)
def test_bad_files(tmp_path, content, expected):
    (tmp_path / "secret").write_bytes(content)
    store = SecretStore()
    with pytest.raises(ConfigurationError, match=expected) as caught:
        store.resolve(SecretRef("file", str(tmp_path / "secret")))
    assert "hunter2" not in str(caught.value).removeprefix(f"secret file {tmp_path}")
    assert "\n" not in str(caught.value)
    assert store.values() == ()


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (SecretRef("env", "NOT_SET"), "secret env NOT_SET: found nothing in it"),
        (SecretRef("file", "/nonexistent/x"), "found No such file or directory"),
        (SecretRef("file", "a\0b"), "found not a path"),
        (SecretRef("command", ("/nonexistent/hunter2-program", "hunter2")), "expected a program"),
        (python("import sys; print('hunter2'); print('hunter2', file=sys.stderr); sys.exit(3)"), "found exit status 3"),
        (python("pass"), "found nothing in it"),
    ],
)
def test_errors_are_one_line_without_the_secret(ref, expected):
    with pytest.raises(ConfigurationError, match=expected) as caught:
        SecretStore({}).resolve(ref)
    assert "print" not in str(caught.value)
    assert "hunter2'" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_command_has_a_time_limit(monkeypatch):
    monkeypatch.setattr(secretstore, "COMMAND_TIMEOUT_S", 0.2)
    with pytest.raises(ConfigurationError, match=r"found no answer in 0\.2 s"):
        SecretStore().resolve(python("import time; time.sleep(30)"))

"""`tools/records.py`: records sealed, opened and wrapped again from a shell."""

import json
import stat
import subprocess
import sys

import pytest
import yaml
from proving import ROOT, lab_inventory

PLACE = ["--table", "users", "--tenant", "t-1", "--record", "r-1"]
TEXT = b'{"name": "Ada Example"}'


@pytest.fixture
def tool(tmp_path):
    def run(*arguments, given=b""):
        words = [sys.executable, str(ROOT / "tools" / "records.py"), *map(str, arguments)]
        return subprocess.run(words, cwd=tmp_path, input=given, capture_output=True, check=False, timeout=60)

    return run


@pytest.fixture
def service(tool, tmp_path):
    """The options for a new key of this name."""

    def make(name):
        assert tool("new-key", f"{name}.kek").returncode == 0
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"provider": "file", "path": f"{name}.kek", "key_name": name}))
        return path

    return make


def test_there_and_back(tool, service):
    sealed = tool("seal", "--key-service", service("one"), *PLACE, given=TEXT)
    assert sealed.returncode == 0, sealed.stderr
    assert b"Ada" not in sealed.stdout
    assert json.loads(sealed.stdout)["key_name"] == "one"
    opened = tool("open", "--key-service", "one.yaml", *PLACE, given=sealed.stdout)
    assert (opened.returncode, opened.stdout) == (0, TEXT)
    for there in (("--tenant", "t-2"), ("--record", "r-2"), ("--table", "accounts")):
        refused = tool("open", "--key-service", "one.yaml", *PLACE, *there, given=sealed.stdout)
        assert (refused.returncode, refused.stdout) == (1, b"")
        assert refused.stderr.startswith(b"records: refused: its AAD names another")


def test_wrapped_again(tool, service):
    sealed = tool("seal", "--key-service", service("one"), *PLACE, given=TEXT).stdout
    rotated = tool("rewrap", "--key-service", "one.yaml", *PLACE, "--to", service("two"), given=sealed)
    before, after = json.loads(sealed), json.loads(rotated.stdout)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"wrapped_key", "key_name"}
    assert tool("open", "--key-service", "two.yaml", *PLACE, given=rotated.stdout).stdout == TEXT
    assert tool("open", "--key-service", "one.yaml", *PLACE, given=rotated.stdout).returncode == 1


def test_a_second_wrap(tool, service, tmp_path):
    pytest.importorskip("pqcrypto")
    assert tool("new-hybrid-key", "pq", "pq.json").returncode == 0
    assert "secret" not in (tmp_path / "pq.json.pub").read_text()
    sealed = tool("seal", "--key-service", service("one"), *PLACE, "--second", "pq.json.pub", given=TEXT).stdout
    values = json.loads(sealed)
    (tmp_path / "pq.yaml").write_text("{provider: hybrid, path: pq.json}")
    by_second = json.dumps(values | {"wrapped_key": values["wrapped_key_pq"]}).encode()
    assert tool("open", "--key-service", "pq.yaml", *PLACE, given=by_second).stdout == TEXT


def test_new_keys_are_private_and_never_overwritten(tool, tmp_path):
    assert tool("new-key", "kek").returncode == 0
    path = tmp_path / "kek"
    before = path.read_text()
    assert (stat.S_IMODE(path.stat().st_mode), len(bytes.fromhex(before))) == (0o600, 32)
    again = tool("new-key", "kek")
    assert (again.returncode, path.read_text()) == (3, before)
    assert b"File exists" in again.stderr


def test_mistakes(tool, service, tmp_path):
    one = service("one")
    for words, given, said in (
        (["open", "--key-service", one, *PLACE], b"{}", b"standard input: expected a record as `seal` writes it"),
        (
            ["open", "--key-service", one, *PLACE],
            b'{"iv": 1}',
            b"standard input: expected a record as `seal` writes it",
        ),
        (["open", "--key-service", one, *PLACE], b"[]", b"standard input: expected a record as `seal` writes it"),
        (["seal", "--key-service", one, *PLACE[2:]], b"", b"--key-service: found no --table beside it"),
        (["seal", "--key-service", one, *PLACE, "--tenant", "a;b"], b"", b"not an id that can be bound: 'a;b'"),
        (["seal", "--key-service", one, *PLACE], bytes(1 << 21), b"standard input: found more than 1048576 bytes"),
        (["seal", "--key-service", "none.yaml", *PLACE], b"", b"none.yaml"),
        (
            ["seal", "--target", "nowhere", *PLACE, "--inventory", lab_inventory(tmp_path, "a")],
            b"",
            b"found no 'nowhere'",
        ),
    ):
        ran = tool(*words, given=given)
        assert ran.returncode not in (0, 1), words
        assert said in ran.stderr and ran.stderr.count(b"\n") == 1, ran.stderr
    (tmp_path / "one.yaml").write_text("provider: file\npath: one.kek\nkey: k\n")
    ran = tool("seal", "--key-service", one, *PLACE)
    assert b"one.yaml:3: key: found an unknown key" in ran.stderr
    (tmp_path / "one.kek").chmod(0o644)
    (tmp_path / "one.yaml").write_text("provider: file\npath: one.kek\nkey_name: k\n")
    assert b"chmod 600" in tool("seal", "--key-service", one, *PLACE).stderr

"""`tools/records.py`: records sealed, opened and wrapped again from a shell."""

import json
import os
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pymysql
import pytest
import yaml
from proving import ROOT, lab_inventory

from proofs.lab import lease
from proofs.lab.seed import TENANTS

MODULE = next((str(path) for path in Path("/usr/lib").glob("**/softhsm/libsofthsm2.so")), None)
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


@pytest.mark.skipif(MODULE is None and not os.environ.get("CI"), reason="SoftHSM2 is not installed")
def test_the_pin_of_a_token_comes_by_reference(tool, tmp_path, monkeypatch):
    pytest.importorskip("pkcs11")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    make = ["softhsm2-util", "--init-token", "--free", "--label", "t", "--so-pin", "98765432", "--pin", "246810"]
    subprocess.run(make, check=True, capture_output=True)
    script = (
        f"import pkcs11; s = pkcs11.lib({MODULE!r}).get_token(token_label='t').open(user_pin='246810', rw=True);"
        "s.generate_key(pkcs11.KeyType.AES, 256, label='kek', store=True)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    settings = {"provider": "pkcs11", "module": MODULE, "token": "t", "key_name": "kek", "pin": {"env": "RECORDS_PIN"}}
    (tmp_path / "hsm.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("RECORDS_PIN", "246810")
    sealed = tool("seal", "--key-service", "hsm.yaml", *PLACE, given=TEXT)
    assert sealed.returncode == 0, sealed.stderr
    assert tool("open", "--key-service", "hsm.yaml", *PLACE, given=sealed.stdout).stdout == TEXT
    monkeypatch.setenv("RECORDS_PIN", "135791")
    refused = tool("open", "--key-service", "hsm.yaml", *PLACE, given=sealed.stdout)
    assert (refused.returncode, refused.stdout) == (3, b"")
    assert b"135791" not in refused.stderr and refused.stderr.count(b"\n") == 1, refused.stderr


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


@pytest.mark.live
@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_a_lab_s_records_open_with_the_inventory_alone(tool, tmp_path, engine):
    name = {"mysql": "records-tool", "mariadb": "ma-records-tool"}[engine]
    lab_inventory(tmp_path, name)
    with lease(name, engine) as lab:
        password = (lab.directory / "secrets" / "operator").read_text()
        columns = "pii_ct, pii_iv, pii_aad, dek_wrapped, dek_wrapped_pq, cipher_name, wrap_name, key_name"
        with (
            pymysql.connect(unix_socket=str(lab.socket), user="root", password=password, ssl_disabled=True) as session,
            session.cursor() as cursor,
        ):
            alpha = uuid.UUID(TENANTS["alpha"])
            cursor.execute(f"SELECT user_id, {columns} FROM securedb.users WHERE tenant_id = %s", (alpha.bytes,))
            rows = cursor.fetchall()
        assert len(rows) == 3
        record, *stored = rows[0]
        names = ("ciphertext", "iv", "aad", "wrapped_key", "wrapped_key_pq", "cipher", "wrap", "key_name")
        values = (value.hex() if isinstance(value, bytes) else value for value in stored)
        sealed = json.dumps(dict(zip(names, values, strict=True))).encode()
        place = ["--target", name, "--record", uuid.UUID(bytes=record)]
        opened = tool("open", *place, "--tenant", TENANTS["alpha"], given=sealed)
        assert opened.returncode == 0, opened.stderr
        assert json.loads(opened.stdout)["mail"].startswith("alpha")
        refused = tool("open", *place, "--tenant", TENANTS["beta"], given=sealed)
        assert (refused.returncode, refused.stdout) == (1, b"")

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Recorder, Replayer
from scenery import target_at

from proofs.channels.material import Material
from proofs.channels.option_files import parse
from proofs.errors import ChannelError, Indeterminate
from proofs.model import ClientConfiguration, Identity, KeyPair, Target

PEM = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    for name in ("ca", "crl", "rogue", "app"):
        (tmp_path / f"{name}.pem").write_text(PEM.replace("MII", name.upper()))
    (tmp_path / "app.key").write_text(KEY)
    (tmp_path / "app.key").chmod(0o640)
    (tmp_path / "client.cnf").write_text("[client]\nuser = app\npassword = s3cret\n")
    tmp_path.chmod(0o711)
    base = target_at(1)
    pair = KeyPair(str(tmp_path / "app.pem"), str(tmp_path / "app.key"))
    return replace(
        base,
        database=replace(base.database, ca=str(tmp_path / "ca.pem"), crl=str(tmp_path / "crl.pem")),
        identities={
            "app": Identity("app", "app", None, pair, "127.0.0.1"),
            "bare": Identity("bare", "bare", None, None, "127.0.0.1"),
        },
        certificates={"rogue": KeyPair(str(tmp_path / "rogue.pem"), str(tmp_path / "none.key"))},
        clients=(ClientConfiguration(str(tmp_path / "client.cnf")),),
    )


def test_pem(target: Target) -> None:
    recorder = Recorder()
    material = Material(target, recorder)
    for what in ("ca", "crl", "certificate:rogue", "identity:app"):
        assert what.rpartition(":")[2].upper() in material.pem(what)
        assert Material(target, Replayer(recorder)).pem(what) == material.pem(what)
    for what in ("identity:bare", "identity:none", "certificate:none", "key", "identity:"):
        with pytest.raises(Indeterminate):
            material.pem(what)


def test_a_key_is_never_read_into_evidence(target: Target) -> None:
    recorder = Recorder()
    for text in (PEM + KEY, KEY, "no pem at all"):
        Path(target.database.ca).write_text(text)
        with pytest.raises(ChannelError) as caught:
            Material(target, recorder).pem("ca")
        assert "MII" not in str(caught.value)
    assert recorder.kept == {}
    Path(target.database.ca).unlink()
    with pytest.raises(ChannelError, match="No such file"):
        Material(target, recorder).pem("ca")


def test_key_modes(target: Target, tmp_path: Path) -> None:
    recorder = Recorder()
    (only,) = Material(target, recorder).key_modes()
    assert (only["identity"], only["mode"], only["directory"]["mode"]) == ("app", "0640", "0711")
    assert only["owner"] == tmp_path.stat().st_uid
    assert list(Material(target, Replayer(recorder)).key_modes()) == [only]
    (tmp_path / "app.key").unlink()
    with pytest.raises(ChannelError, match="cannot look at"):
        Material(target, Recorder()).key_modes()


def test_client_options(target: Target) -> None:
    recorder = Recorder()
    (only,) = Material(target, recorder).client_options()
    assert only["options"] == {"user": "app", "password": "(not shown)"}
    assert only["group"] == "client"
    assert "s3cret" not in str(recorder.kept)


def test_option_file_syntax() -> None:
    file = parse(
        "# c\n; c\nuser = nobody\n[client]\nSSL_CA = '/a b/ca.pem' # the CA\nssl-mode=VERIFY_CA # why\nskip-ssl\n"
        "loose_password = x\n!include /etc/other.cnf\n[mysqld]\nport=1\n[client]\nssl-mode = VERIFY_IDENTITY\n",
        "client",
    )
    assert file.options == {
        "ssl-ca": "/a b/ca.pem",
        "ssl-mode": "VERIFY_IDENTITY",
        "skip-ssl": None,
        "password": "(not shown)",
    }
    assert file.includes == ("/etc/other.cnf",)

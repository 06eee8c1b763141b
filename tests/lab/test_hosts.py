"""Recipes of the lab's hosts, and what is made of them before a machine is started."""

import io
import os
import tarfile

import pytest

from proofs import resources
from proofs.errors import ChannelError, ConfigurationError
from proofs.lab import deployment, labs
from proofs.lab.archive import Source
from proofs.lab.state import directory
from proofs.lab.vm import image, machine, provision, recipe

HOSTS = ("db01", "db02")


@pytest.mark.parametrize("name", HOSTS)
def test_a_recipe_is_whole(name: str) -> None:
    host = recipe.load(name)
    assert recipe.exists(name)
    assert deployment.load(host.deployment).engine == host.engine
    assert {"openssh-server", "ufw", "fail2ban", "apparmor", "rsyslog", "unattended-upgrades"} <= set(host.packages)
    for file in ("anchor.sql", "anchor.cnf"):
        assert (resources.HOSTS / name / file).is_file()


def test_common_is_no_host() -> None:
    assert not recipe.exists("common")
    assert not recipe.exists("mysql")


def test_the_archive_holds_programs_and_rights_of_administrators() -> None:
    with tarfile.open(fileobj=io.BytesIO(recipe.load("db01").archive())) as archive:
        modes = {entry.name: entry.mode for entry in archive}
        owners = {entry.uname for entry in archive}
    assert modes["usr/local/sbin/audit-anchor"] == 0o755
    assert modes["etc/sudoers.d/admin"] == 0o440
    assert modes["etc/ssh/sshd_config.d/10-hardening.conf"] == 0o644
    assert owners == {"root"}


def test_what_packages_come_from_is_there_before_them() -> None:
    with tarfile.open(fileobj=io.BytesIO(recipe.load("db02").archive("etc/apt/"))) as archive:
        names = archive.getnames()
    assert "etc/apt/preferences.d/10-scap-content" in names
    assert all(name.startswith("etc/apt/") for name in names)


def test_an_image_is_known_by_all_it_is_made_of() -> None:
    first = recipe.load("db01")
    assert first.digest == recipe.load("db01").digest
    assert first.digest != recipe.load("db02").digest


def test_an_incomplete_recipe_says_what_it_lacks(tmp_path, monkeypatch) -> None:
    for name in ("common", "odd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "setup.sh").write_text("true\n")
    (tmp_path / "common" / "host.yaml").write_text("packages: []\n")
    (tmp_path / "odd" / "host.yaml").write_text("packages: []\nengine: mysql\n")
    monkeypatch.setattr(resources, "HOSTS", tmp_path)
    with pytest.raises(ConfigurationError, match=r"odd: not the recipe of a host \(KeyError: 'deployment'\)"):
        recipe.load("odd")


def test_suites_come_from_the_archives_of_this_machine(monkeypatch) -> None:
    monkeypatch.setattr(image, "os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    known = [
        Source("http://mirror/debian", "bookworm", ("main",), key),
        Source("http://mirror/debian", "bookworm-updates", ("main",), key),
        Source("http://mirror/security", "bookworm-security", ("main",), key),
        Source("http://elsewhere/x", "bookworm", ("main",), "/elsewhere.gpg"),
    ]
    found = {source.suite: source.uri for source in image.sources(recipe.load("db02"), known)}
    assert found == {
        "trixie": "http://mirror/debian",
        "trixie-updates": "http://mirror/debian",
        "trixie-security": "http://mirror/security",
        "sid": "http://mirror/debian",
    }
    with pytest.raises(ConfigurationError, match="knows no archive"):
        image.sources(recipe.load("db01"), [])


def test_accounts_come_from_the_prover() -> None:
    sql = "'app'@'127.0.0.1', 'api_definer'@'127.0.0.1', ('auditor@127.0.0.1', 1)"
    moved = provision._from_the_prover(sql)
    assert moved == "'app'@'10.20.1.2', 'api_definer'@'10.20.1.2', ('auditor@10.20.1.2', 1)"


def test_the_logs_of_a_machine_that_did_not_come_up_stay(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(labs, "cache_room", lambda room: tmp_path)
    name = f"never-up-{os.getpid()}"

    def build():
        log = directory(name) / "log"
        log.mkdir(parents=True, mode=0o700)
        (log / "console.log").write_text("Kernel panic\n")
        (log / "qemu.log").touch()
        raise ChannelError("the machine was not up")

    for _ in range(2):  # the last one's
        with pytest.raises(ChannelError, match=f"the machine was not up; its logs: {tmp_path}/{name}"):
            labs._built(name, build)
    assert [(each.name, each.read_text()) for each in (tmp_path / name).iterdir()] == [
        ("console.log", "Kernel panic\n")
    ]
    assert not directory(name).exists()


def test_what_is_missing_for_an_ordinary_user_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """And nothing of the build is left, though nobody can become the owner of a namespace's files."""
    monkeypatch.setattr(image, "cache_room", lambda room: tmp_path)
    monkeypatch.setattr(image, "_as_root", lambda: ["false"])
    monkeypatch.setattr(image.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(image.shutil, "which", lambda tool: None if tool == "newuidmap" else f"/usr/bin/{tool}")
    with pytest.raises(ConfigurationError, match=r"newuidmap: not found; .* uidmap without root"):
        image.find(recipe.load("db01"), lambda said: None)
    assert [each.name for each in tmp_path.iterdir()] == ["db01.lock"]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("Kernel panic - not syncing: VFS", "kvm"),
        ("KVM internal error. Suberror: 1", "tcg,thread=multi"),
        ("Could not access KVM kernel module", "tcg,thread=multi"),
        (None, None),
    ],
)
def test_kvm_is_tried_and_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path, says: str | None, expected: str | None
) -> None:
    program, device = tmp_path / "qemu", tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(machine, "PROGRAM", str(program))
    monkeypatch.setattr(machine, "KVM", device)
    fake = image.Image(tmp_path / "disk", tmp_path / "kernel", tmp_path / "initrd")
    if says is None:
        with pytest.raises(ConfigurationError, match="a host of the lab needs QEMU"):
            machine.accelerators(fake)
        return
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    assert machine.accelerators(fake)[1] == expected
    device.unlink()
    assert machine.accelerators(fake)[1] == "tcg,thread=multi"


def test_a_machine_that_hangs_under_kvm(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    program, device = tmp_path / "qemu", tmp_path / "kvm"
    device.touch()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(machine, "PROGRAM", str(program))
    monkeypatch.setattr(machine, "KVM", device)
    monkeypatch.setattr(machine, "TRIAL_LIMIT_S", 0.3)
    fake = image.Image(tmp_path / "disk", tmp_path / "kernel", tmp_path / "initrd")
    assert machine.accelerators(fake)[1] == "tcg,thread=multi"

"""Bad weather on the way to the host: its controls are in doubt and say why; the server's are proven, none is lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml
from channels.sshd import serving
from hostile.server import never_accepting
from proving import lab_inventory, only_bundle, prove

# Those that look at nothing but the host and the server: a firewall is seen from outside too, sshd by whoever asks.
OF_HOST = ("mac-profile-enforcing", "datadir-permissions", "no-credential-exposure", "package-files-intact")
OF_SERVER = "sql-mode-strict"


@contextmanager
def nobody_there(place: Path) -> Iterator[Mapping[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield {"connection": f"ssh://prover@127.0.0.1:{port}"}


@contextmanager
def silence(place: Path) -> Iterator[Mapping[str, str]]:
    with never_accepting() as port:
        yield {"connection": f"ssh://prover@127.0.0.1:{port}"}


@contextmanager
def another_key(place: Path) -> Iterator[Mapping[str, str]]:
    with serving(place / "sshd") as server:
        (place / "sshd" / "other").write_text("")
        host = server.host()
        yield {"connection": host.connection, "identity_file": str(host.identity_file), "known_hosts": "sshd/other"}


@contextmanager
def a_stranger(place: Path) -> Iterator[Mapping[str, str]]:
    with serving(place / "sshd") as server:
        host = server.host()
        files = {"identity_file": "sshd/stranger", "known_hosts": str(host.known_hosts)}
        yield {"connection": host.connection, **files}


@pytest.mark.live
@pytest.mark.parametrize(
    ("weather", "says"),
    [
        (nobody_there, "Connection refused"),
        (silence, "timed out"),
        (another_key, "Host key verification failed"),
        (a_stranger, "Permission denied"),
    ],
)
def test_the_way_to_the_host_is_closed(tmp_path: Path, weather, says: str) -> None:
    inventory = lab_inventory(tmp_path, "bw-host")
    (tmp_path / "sshd").mkdir()
    with ExitStack() as stack:
        text = yaml.safe_load(inventory.read_text())
        entry = text["targets"]["bw-host"]
        entry["host"] = dict(stack.enter_context(weather(tmp_path)))
        entry["profile"] = "zero-trust-host"
        inventory.write_text(yaml.safe_dump(text))
        ran = prove(tmp_path, "--target=bw-host", f"--control={','.join((*OF_HOST, OF_SERVER))}")
    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said
    with only_bundle(tmp_path) as bundle:
        found = {each["id"]: each for each in bundle.assessment["controls"]}
    assert {name: found[name]["verdict"] for name in OF_HOST} == dict.fromkeys(OF_HOST, "indeterminate")
    assert found[OF_SERVER]["verdict"] == "satisfied"
    reasons = [probe["reason"] for name in OF_HOST for probe in found[name]["probes"] if probe["reason"]]
    assert any("no access to the host" in reason and says in reason for reason in reasons), reasons

"""Bad weather: whatever stands at the other end, no traceback, no green verdict, and a bundle that verifies."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from hostile.server import (
    EOF,
    HostileServer,
    drips,
    error,
    greeting,
    liar,
    never_accepting,
    packet,
    says,
    wait_for_the_end,
)
from proving import lab_inventory, only_bundle, prove, satisfied_by_looking

SCRIPT = "<script>alert(1)</script>"
FEW = (
    "--control",
    "sql-mode-strict",
    "--control",
    "secure-transport-required",
    "--control",
    "supported-patched-version",
)


def weather(place: Path, *arguments, code=1, timeout=90):
    """Run a proof of the target `wild` and check what must hold in any weather; gives what was said and the bundle."""
    ran = prove(place, "--target=wild", *arguments, timeout=timeout)
    assert ran.code == code, ran.said
    assert "Traceback" not in ran.said
    assert "INTERNALERROR" not in ran.said
    assert "\x1b" not in ran.said
    bundle = only_bundle(place)
    assert bundle.assessment["run"]["status"] == "complete"
    assert satisfied_by_looking(bundle) == []
    for control in bundle.assessment["controls"]:
        for probe in control["probes"]:
            if probe["verdict"] == "indeterminate":
                assert probe["reason"].strip()
                assert "Error:" not in probe["reason"].split(" ")[0], probe["reason"]
    return ran, bundle


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_connection_refused_proves_nothing_at_all(tmp_path, wild):
    wild(free_port())
    ran, bundle = weather(tmp_path)
    assert "refused" in ran.out
    assert bundle.assessment["counts"]["not-satisfied"] == 0


def test_no_answer_to_a_connect(tmp_path, wild):
    with never_accepting() as port:
        wild(port)
        ran, _ = weather(tmp_path, *FEW)
    assert "timed out" in ran.out


GREETINGS = {
    "http": says(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>no</html>"),
    "ssh": says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", then_wait=True),
    "silence": wait_for_the_end,
    "mid-packet": says(packet(greeting())[:30], then_wait=True),
    "hangs-up": lambda stream: None,
    "hangs-up-mid-packet": says(packet(greeting())[:30]),
    "no-tls": says(packet(greeting()), then_wait=True),
    "oversized": says(b"\xff\xff\xff\x00" + b"\x0a" * 1000, then_wait=True),
    "garbage": says(bytes(range(256)) * 64),
    "blocked-1129": says(packet(error(1129, b"Host '10.0.0.9' is blocked because of many errors", greeted=False))),
    "not-allowed-1130": says(packet(error(1130, b"Host '10.0.0.9' is not allowed to connect", greeted=False))),
    "nul-and-bytes": says(packet(error(1130, b"no\x00no \xff\xfe\x1b[2J" + SCRIPT.encode(), greeted=False))),
}


# Met by the channel's own tests in the same way; the whole way to the bundle is the same.
RARE = ("hangs-up", "hangs-up-mid-packet", "oversized", "garbage")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind in RARE else kind for kind in GREETINGS]
)
def test_something_else_at_the_port(tmp_path, wild, kind):
    with HostileServer(GREETINGS[kind]) as server:
        wild(server.port)
        ran, bundle = weather(tmp_path, *FEW)
    assert server.connections
    assert SCRIPT not in bundle.member("results.xml").decode()
    assert SCRIPT not in bundle.member("report.html").decode()
    if kind == "blocked-1129":
        assert "1129" in ran.out
    if kind == "not-allowed-1130":
        assert "1130" in ran.out


def test_a_byte_a_second_ends_with_the_runs_time_limit(tmp_path, wild):
    with HostileServer(drips(packet(greeting()))) as server:
        wild(server.port, run_timeout_s=3, statement_timeout_s=2, connect_timeout_s=2)
        began = time.monotonic()
        ran, _ = weather(tmp_path, *FEW, "--control", "tls-1-3-only", timeout=30)
    assert time.monotonic() - began < 12
    assert "time limit" in ran.out


def test_wrong_ca(tmp_path, wild, material):
    script = liar(lambda session, _: session.send(EOF), material["rogue-server.pem"], material["rogue-server.key"])
    with HostileServer(script) as server:
        wild(server.port)
        ran, _ = weather(tmp_path, *FEW)
    assert "certificate not verified" in ran.out


def test_wrong_password(tmp_path, wild, material):
    refused = error(1045, b"Access denied for user 'inspector'@'127.0.0.1' (using password: YES)", b"28000")
    script = liar(lambda session, _: None, material["server.pem"], material["server.key"], login=refused)
    with HostileServer(script) as server:
        wild(server.port)
        ran, _ = weather(tmp_path, *FEW)
    assert "Access denied" in ran.out


def test_missing_client_key_is_found_before_contact(tmp_path, wild, material):
    with HostileServer(GREETINGS["silence"]) as server:
        path = wild(server.port)
        path.write_text(path.read_text().replace(str(material["app.key"]), str(tmp_path / "no.key")))
        ran = prove(tmp_path, "--target=wild")
    assert ran.code == 4
    assert "no.key" in ran.err
    assert "Traceback" not in ran.said
    assert not server.connections
    assert not (tmp_path / "reports").exists()


def test_garbage_after_the_tls_handshake(tmp_path, wild, material):
    script = liar(lambda *_: None, material["server.pem"], material["server.key"], tls_tail=b"\x16garbage" * 50)
    with HostileServer(script) as server:
        wild(server.port)
        weather(tmp_path, *FEW)


def tells(value: bytes):
    """Answers every question with one row that holds `value` in each of many columns."""

    def answer(session, statement):
        if statement.startswith("SET"):
            session.send(b"\x00\x00\x00\x02\x00\x00\x00")
        else:
            session.rows(["variable_name", "value"], [[b"version", value], [b"sql_mode", value]])

    return answer


def lies(material, answer, **more):
    return HostileServer(liar(answer, material["server.pem"], material["server.key"], **more))


VALUES = [f"8.4{SCRIPT}\x1b[2J\x1b]0;owned\x07\u202egpj".encode(), b"\xff\xfe\x00"]


@pytest.mark.parametrize("value", VALUES)
def test_what_the_server_says_reaches_no_reader_raw(tmp_path, wild, material, value):
    with lies(material, tells(value), version="8.4.0") as server:
        wild(server.port)
        ran = prove(tmp_path, "--target=wild", *FEW)
    assert ran.code == 1
    assert "Traceback" not in ran.said
    assert "\x1b" not in ran.said
    assert "\u202e" not in ran.said
    bundle = only_bundle(tmp_path)
    for name in ("results.xml", "report.html", "VERIFY.md"):
        shown = bundle.member(name).decode()
        assert SCRIPT not in shown, name
        assert "\x1b" not in shown, name


def test_script_in_the_greetings_version(tmp_path, wild):
    with HostileServer(says(packet(greeting(SCRIPT + "\x1b[2J")), then_wait=True)) as server:
        wild(server.port)
        _, bundle = weather(tmp_path, *FEW, "--control", "tls-1-3-only")
    for name in ("results.xml", "report.html"):
        assert SCRIPT not in bundle.member(name).decode()


def huge_row(session, statement):
    if statement.startswith("SET"):
        return session.send(b"\x00\x00\x00\x02\x00\x00\x00")
    session.head(["variable_name", "value"])
    whole = b"\xfd\xff\xff\xff" + b"x" * (0xFFFFFF - 4)
    for _ in range(7):
        session.send(whole)
    session.send(b"")
    return session.send(EOF)


def endless_packet(session, statement):
    if statement.startswith("SET"):
        return session.send(b"\x00\x00\x00\x02\x00\x00\x00")
    session.head(["variable_name", "value"])
    while True:
        session.send(b"y" * 0xFFFFFF)


def endless_rows(session, statement):
    if statement.startswith("SET"):
        return session.send(b"\x00\x00\x00\x02\x00\x00\x00")
    session.head(["variable_name", "value"])
    row = packet(b"\x07sql_mod" + b"\xfc\xe8\x03" + b"z" * 1000)
    while True:
        # Row after row in one go; their numbers run on.
        session.stream.sendall(b"".join(row[:3] + bytes(((session.number + n) % 256,)) + row[4:] for n in range(256)))


def limited() -> None:
    """Half a gigabyte of memory beyond what the program itself needs."""
    import resource  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (1500 << 20, 1500 << 20))


@pytest.mark.parametrize("answer", [huge_row, endless_packet, endless_rows])
def test_answers_without_measure(tmp_path, wild, material, answer):
    with lies(material, answer) as server:
        wild(server.port, statement_timeout_s=5)
        ran = prove(tmp_path, "--target=wild", "--control", "sql-mode-strict", timeout=60, limits=limited)
    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said
    assert "MemoryError" not in ran.said
    bundle = only_bundle(tmp_path)
    assert satisfied_by_looking(bundle) == []
    assert bundle.path.stat().st_size < 5 << 20


def test_a_wanted_local_file_is_never_sent_and_always_told(tmp_path, wild, material):
    bait = tmp_path / "bait.txt"
    bait.write_text("never to be sent")
    got = []

    def wants_a_file(session, statement):
        if statement.startswith("SET NAMES"):
            return session.send(b"\x00\x00\x00\x02\x00\x00\x00")
        session.send(b"\xfb" + str(bait).encode())
        got.append(session.read())
        return session.send(b"\x00\x00\x00\x02\x00\x00\x00")

    with lies(material, wants_a_file) as server:
        wild(server.port)
        _, bundle = weather(tmp_path, *FEW, "--control", "local-infile-disabled")
    assert got
    assert set(got) == {b""}
    flagged = [line for line in bundle.journal if line["answer"].get("local_file") == str(bait)]
    assert flagged


def test_a_server_of_another_name_fails_by_that_and_gets_no_login(tmp_path):
    inventory = lab_inventory(tmp_path, "bw-name")
    inventory.write_text(inventory.read_text().replace("db.lab.internal", "other.lab.internal"))
    ran = prove(tmp_path, "--target=bw-name")
    assert ran.code == 1, ran.said
    with only_bundle(tmp_path) as bundle:
        verdicts = {control["id"]: control["verdict"] for control in bundle.assessment["controls"]}
    assert verdicts.pop("server-cert-valid-and-fresh") == "not-satisfied"
    # What the operator alone looks at, over the Unix socket, has no server name to be wrong.
    assert verdicts.pop("audit-covers-cascades") in ("satisfied", "indeterminate")
    assert set(verdicts.values()) == {"indeterminate"}
    assert ran.out.count("cannot log in as inspector") == 1

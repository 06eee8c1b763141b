"""A kernel that filters packets: two network namespaces of the test's own, a listener in one, callers in the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

PORTS = (22, 3306, *range(8080, 8088))
CALLERS = ("10.20.1.2", "10.20.2.2", "10.20.3.3", "fd00:20:1::2", "fd00:20:2::2")
SERVER = {4: "10.20.0.1", 6: "fd00:20::1"}

_LISTEN = """
import selectors, socket, sys
known = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    known.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True), 1)
print("listening", flush=True)
while True:
    for key, _ in known.select():
        key.fileobj.accept()[0].close()
"""
_CALL = """
import concurrent.futures, socket, sys
def call(words):
    server, source, port = words.split(",")
    try:
        socket.create_connection((server, int(port)), 1, (source, 0)).close()
    except OSError:
        return None
    return words
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print("\\n".join(found for found in pool.map(call, sys.argv[1:]) if found))
"""


@dataclass(frozen=True)
class Kernel:
    """`inside` runs a command where packets are filtered; `open_ports` calls from outside."""

    server: str
    client: str

    def inside(self, *argv: str, text: str | None = None) -> str:
        return _run("ip", "netns", "exec", self.server, *argv, text=text)

    def open_ports(self) -> set[tuple[str, int]]:
        """(caller, port) of every connect that came through."""
        calls = [f"{SERVER[6 if ':' in caller else 4]},{caller},{port}" for caller in CALLERS for port in PORTS]
        answer = _run("ip", "netns", "exec", self.client, sys.executable, "-c", _CALL, *calls)
        return {(line.split(",")[1], int(line.split(",")[2])) for line in answer.split()}


@contextmanager
def filtering() -> Iterator[Kernel]:
    """Namespaces with a cable between them; skips where this account can't make any."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "iptables-restore"))):
        pytest.skip("needs root, iproute2, nftables and iptables")
    server, client = f"poc-fw-{os.getpid()}-s", f"poc-fw-{os.getpid()}-c"
    if subprocess.run(["ip", "netns", "add", server], capture_output=True, check=False).returncode:
        pytest.skip("this account can make no network namespaces")
    listener = None
    try:
        _run("ip", "netns", "add", client)
        _run("ip", "link", "add", "near0", "netns", server, "type", "veth", "peer", "name", "near1", "netns", client)
        for space, link, addresses in (
            (server, "near0", ("10.20.0.1/16", "fd00:20::1/32")),
            (client, "near1", [f"{each}/{'32' if ':' in each else '16'}" for each in CALLERS]),
        ):
            for address in addresses:
                nodad = ["nodad"] if ":" in address else []
                _run("ip", "-n", space, "address", "add", address, "dev", link, *nodad)
            _run("ip", "-n", space, "link", "set", link, "up")
            _run("ip", "-n", space, "link", "set", "lo", "up")
        listener = subprocess.Popen(
            ["ip", "netns", "exec", server, sys.executable, "-c", _LISTEN, *map(str, PORTS)], stdout=subprocess.PIPE
        )
        assert listener.stdout is not None
        assert listener.stdout.readline()
        kernel, tries = Kernel(server, client), 20
        while len(kernel.open_ports()) < len(CALLERS) * len(PORTS):  # until the neighbours know each other
            tries -= 1
            assert tries, "the namespaces do not reach each other"
        yield kernel
    finally:
        if listener is not None:
            listener.kill()
            listener.communicate()
        for space in (server, client):
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False)


def _run(*argv: str, text: str | None = None) -> str:
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True, timeout=60).stdout

"""What the rules let in by their reading, and what the kernel lets in: the same, for every source and port tried."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest
from probes.host.kernels import CALLERS, PORTS, filtering
from probes.looks import Machine

from proofs.channels.host.commands import known
from proofs.probes.host.netfilter import iptables, nftables, read
from proofs.probes.host.netfilter.walk import let_in

pytestmark = pytest.mark.live
RULESETS = Path(__file__).parent / "rulesets"


@pytest.fixture(scope="module")
def kernel():
    with filtering() as made:
        yield made


@pytest.fixture(autouse=True)
def _empty(kernel):
    yield
    kernel.inside("nft", "flush", "ruleset")


def shown(kernel):
    return Machine(
        commands={
            "nftables-ruleset": kernel.inside("nft", "--json", "list", "ruleset"),
            "iptables-rules": kernel.inside("iptables-save"),
            "ip6tables-rules": kernel.inside("ip6tables-save"),
        }
    )


def agree(kernel):
    """What came through; fails where the reading says otherwise."""
    rules = read(shown(kernel))
    surely, possibly = set(), set()
    for family in (4, 6):
        openings = rules.let_in(family, "tcp", PORTS)
        for caller in (ip_address(each) for each in CALLERS):
            for port in PORTS if caller.version == family else ():
                opening = next(each for each in openings if each.ports[0] <= port <= each.ports[1])
                surely |= {(str(caller), port)} if int(caller) in opening.sources else set()
                possibly |= {(str(caller), port)} if int(caller) in opening.possible else set()
    came = kernel.open_ports()
    assert surely == came
    assert possibly == came
    return came


@pytest.mark.parametrize(("name", "count"), [("service.nft", 15), ("two-chains.nft", 20)])
def test_nftables(kernel, name, count):
    kernel.inside("nft", "-f", str(RULESETS / name))
    came = agree(kernel)
    assert 0 < len(came) < len(CALLERS) * len(PORTS)
    assert len(came) == count


def test_nothing_filtered(kernel):
    assert len(agree(kernel)) == len(CALLERS) * len(PORTS)


def test_iptables(kernel):
    kernel.inside("iptables-restore", text=(RULESETS / "hand.iptables").read_text())
    came = agree(kernel)
    assert {port for caller, port in came if ":" in caller} == set(PORTS), "IPv6 has no rules here"
    kernel.inside("ip6tables", "-P", "INPUT", "DROP")
    kernel.inside("ip6tables", "-A", "INPUT", "-p", "ipv6-icmp", "-j", "ACCEPT")
    kernel.inside("ip6tables", "-A", "INPUT", "-s", "fd00:20:1::/64", "-p", "tcp", "--dport", "22", "-j", "ACCEPT")
    came = agree(kernel)
    assert {each for each in came if ":" in each[0]} == {("fd00:20:1::2", 22)}
    assert len(came) == 15


def test_ufw_with_bans_beside_it(kernel):
    kernel.inside("iptables-restore", text=(RULESETS / "ufw.iptables-save").read_text())
    kernel.inside("ip6tables-restore", text=(RULESETS / "ufw.ip6tables-save").read_text())
    before = agree(kernel)
    assert ("10.20.1.2", 3306) in before
    assert ("10.20.2.2", 3306) not in before
    kernel.inside(
        "nft",
        "-f",
        "-",
        text="table inet f2b-table { set banned { type ipv4_addr; elements = { 10.20.1.2 }; }\n"
        "chain f2b-chain { type filter hook input priority filter - 1; policy accept;\n"
        "tcp dport 3306 ip saddr @banned reject with icmp port-unreachable\n}\n}\n",
    )
    assert before - agree(kernel) == {("10.20.1.2", 3306)}


def load_apart(kernel, path, name="nftables-at-boot", of_host="/etc/nftables.conf"):
    """The command of the list, for another file than the host's own."""
    argv = [word.replace(of_host, str(path)) for word in known()[name].argv]
    return kernel.inside(*argv)


@pytest.mark.parametrize(("family", "six"), [(4, ""), (6, "6")])
def test_what_was_saved_is_loaded_apart_too(kernel, family, six, tmp_path):
    saved = RULESETS / f"ufw.ip{six}tables-save"
    before = kernel.inside("nft", "list", "ruleset")
    of_host = (f"ip{six}tables-loaded", f"/etc/iptables/rules.v{family}")
    apart = load_apart(kernel, saved, *of_host)
    assert kernel.inside("nft", "list", "ruleset") == before
    for protocol in ("tcp", "udp"):
        made = let_in(iptables.tables(apart, family), family, protocol, PORTS)
        assert made == let_in(iptables.tables(saved.read_text(), family), family, protocol, PORTS)
    refused = tmp_path / "rules"
    refused.write_text("*filter\n:INPUT DROP\n-A INPUT -m set --match-set absent src -j DROP\nCOMMIT\n")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        load_apart(kernel, refused, *of_host)
    assert failed.value.returncode in known()[of_host[0]].exits


@pytest.mark.parametrize("name", ["service.nft", "two-chains.nft"])
def test_a_file_loaded_apart_is_what_it_would_be_here(kernel, name, tmp_path):
    kernel.inside("nft", "add", "table", "inet", "here-before")
    before = kernel.inside("nft", "list", "ruleset")
    files = tmp_path / "parts"
    files.mkdir()
    (files / name).write_text((RULESETS / name).read_text())
    whole = tmp_path / "nftables.conf"
    whole.write_text(f'#!/usr/sbin/nft -f\nflush ruleset\ninclude "{files}/*.nft"\n')
    apart = load_apart(kernel, whole)
    assert kernel.inside("nft", "list", "ruleset") == before
    kernel.inside("nft", "-f", str(whole))
    here = kernel.inside("nft", "--json", "list", "ruleset")
    for family, protocol in ((4, "tcp"), (6, "tcp"), (4, "udp"), (6, "udp")):
        made = let_in(nftables.tables(apart), family, protocol, PORTS)
        assert made == let_in(nftables.tables(here), family, protocol, PORTS)
    assert agree(kernel)


@pytest.mark.parametrize("text", ["table inet t {\n", 'include "/absent"\n', "add rule inet t c accept\n", None])
def test_a_file_that_does_not_load(kernel, text, tmp_path):
    file = tmp_path / "nftables.conf"
    if text is not None:
        file.write_text(text)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        load_apart(kernel, file)
    assert failed.value.returncode == 1
    assert "Error: " in failed.value.stderr


WRITTEN = (
    "*filter\n:mine - [0:0]\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n"
    "-A INPUT -m state --state established,related -j ACCEPT\n-A INPUT -j mine\n"
    "-A mine -p tcp --dport 8087 -j ACCEPT\nCOMMIT\n",
    # Declared once more: what was in it is gone, and what jumps to it stays.
    "*filter\n:mine - [0:0]\n:INPUT - [0:0]\nCOMMIT\n",
    "*filter\n"
    "-A mine -p tcp --dport 22 -j ACCEPT -s 10.20.1.2,10.20.3.3\n"
    "-A mine --protocol TCP --syn --source 10.20.2.0/255.255.255.0 --destination-port 8080:8082 --jump ACCEPT\n"
    '-A mine -p tcp -m comment --comment "it\'s -j DROP" -j ACCEPT --dport 8083\n'
    "-A mine -p tcp --dport 8084 --tcp-flags ALL SYN -j ACCEPT\n"
    "-A mine -p tcp ! --syn -j ACCEPT\n"
    "-A mine -p 6 --dport 8086: -s 10.20.3.3 -j ACCEPT\n"
    '-I mine 1 -p tcp --dport 8081 -j LOG --log-prefix "-j ACCEPT" -m limit --limit 3/min\n'
    "-I mine -p tcp --dport 8082 -j DROP\nCOMMIT\n",
)


def test_files_that_are_added_to_each_other(kernel):
    for text in WRITTEN:
        kernel.inside("iptables-restore", "--noflush", text=text)
    came = {(caller, port) for caller, port in agree(kernel) if ":" not in caller}
    assert came == {
        ("10.20.1.2", 22), ("10.20.3.3", 22), ("10.20.2.2", 8080), ("10.20.2.2", 8081), ("10.20.3.3", 8086),
        ("10.20.3.3", 8087), *((caller, port) for caller in CALLERS if ":" not in caller for port in (8083, 8084)),
    }  # fmt: skip
    saved = iptables.tables(kernel.inside("iptables-save"), 4)
    for protocol in ("tcp", "udp"):
        assert let_in(iptables.added(WRITTEN, 4), 4, protocol, PORTS) == let_in(saved, 4, protocol, PORTS)

"""What the rules let in by their reading, and what the kernel lets in: the same, for every source and port tried."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from probes.host.kernels import CALLERS, PORTS, filtering
from probes.looks import Machine

from proofs.probes.host.netfilter import read

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

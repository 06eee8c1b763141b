"""Control firewall-default-deny at the next boot: files as ufw 0.36 and iptables-save wrote them, and nft's answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from probes.host.test_firewall import INET6, KNOWN, OPEN4, OURS, PORT, REJECT, UFW4, UFW6, host, match, rules_of
from probes.looks import Machine

from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Admitted
from proofs.probes.host.netfilter import iptables, ufw
from proofs.probes.host.netfilter.walk import let_in
from proofs.probes.host.test_firewall_at_boot import test_rules_are_loaded_at_boot as loaded_at_boot

UFW = Path(__file__).parent / "rulesets" / "ufw-boot"
NONE = CommandOutput(1, "", "cat: /etc/x: No such file or directory\n")
UNIT = "LoadState=loaded\nActiveState={}\nSubState=exited\nUnitFileState={}\n"
ON, OFF = UNIT.format("active", "enabled"), UNIT.format("inactive", "disabled")
LATER = UNIT.format("inactive", "enabled")
UNITS = ("ufw.service", "nftables.service", "netfilter-persistent.service", "firewalld.service")
PARAMS = {"services": UNITS, "udp_ports": ("68", "546")}
START = "ExecStart={{ path=/usr/sbin/nft ; argv[]=/usr/sbin/nft {} ; ignore_errors=no ; pid=0 }}\n"
NFT = rules_of(input=[KNOWN, REJECT])
NFT_OPEN = rules_of(input=[KNOWN, [match(PORT, 3306), {"accept": None}], REJECT])
PLUGINS = "/usr/share/netfilter-persistent/plugins.d"
FILES = {
    **{f"ufw-{path.stem}-rules": path.read_text() for path in UFW.glob("*.rules")},
    "ufw-defaults": (UFW / "defaults").read_text(),
    "ufw-configuration": (UFW / "ufw.conf").read_text(),
    "ufw-scripts": "",
    "nftables-start": START.format("-f /etc/nftables.conf"),
    "nftables-configuration": "#!/usr/sbin/nft -f\nflush ruleset\n# and so on\n",
    "nftables-at-boot": NFT,
    "iptables-at-boot": UFW4,
    "ip6tables-at-boot": UFW6,
    "persistent-plugins": f"{PLUGINS}/15-ip4tables\n{PLUGINS}/25-ip6tables\n",
    "ipv6-addresses": INET6,
}


def booting(units, changes=None):
    """A machine with these units; of a file that is changed `(before, after)` or all of it."""
    files = dict(FILES)
    for name, change in (changes or {}).items():
        files[name] = files[name].replace(*change, 1) if isinstance(change, tuple) else change
        assert files[name] != FILES.get(name), change
    for name in ("iptables", "ip6tables"):
        files.setdefault(f"{name}-loaded", files[f"{name}-at-boot"])  # what iptables makes of what it wrote
    states = {unit: units.get(unit.removesuffix(".service"), OFF) for unit in UNITS}
    return Machine(commands={"unit": states, **files})


def check(units, changes, outcome, message, rules=OURS):
    if outcome is None:
        loaded_at_boot(booting(units, changes), host(rules), PARAMS)
    else:
        with pytest.raises(outcome, match=message):
            loaded_at_boot(booting(units, changes), host(rules), PARAMS)


@pytest.mark.parametrize(
    ("ufw", "message"),
    [
        (OFF, "no service that is active"),
        (UNIT.format("active", "disabled"), "ufw.service active/disabled"),
        (UNIT.format("active", "enabled-runtime"), "ufw.service active/enabled-runtime"),
        (LATER, "ufw.service inactive/enabled"),
    ],
)
def test_no_service(ufw, message):
    check({"ufw": ufw}, {}, AssertionError, message)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(("family", "saved"), [(4, UFW4), (6, UFW6)])
def test_ufw_is_put_together_as_it_puts_itself_together(family, saved, protocol):
    """`ufw-init start` of these files made what the kernel showed; see make.sh."""
    made = let_in(ufw.tables(booting({})), family, protocol)
    kernel = let_in(iptables.tables(saved, family), family, protocol)
    assert made == kernel


RULES_END, RULES_OPEN = "### END RULES ###", "-A ufw-user-input -p tcp --dport 3306 -s 0.0.0.0/0 -j ACCEPT\n"
COMMIT = "\nCOMMIT\n"


def more(rule):
    return (COMMIT, f"\n{rule}{COMMIT}")


@pytest.mark.parametrize(
    ("changes", "outcome", "message"),
    [
        ({}, None, ""),
        ({"ufw-defaults": ('INPUT_POLICY="DROP"', "INPUT_POLICY=REJECT")}, None, ""),
        ({"ufw-defaults": ("IPV6=yes", "IPV6=no")}, None, ""),
        ({"ufw-user6-rules": NONE}, None, ""),
        ({"ufw-user-rules": more("-A ufw-user-input -p tcp --dport 3306 -s 10.20.1.7,10.20.1.9 -j ACCEPT")}, None, ""),
        ({"ufw-before-rules": more("-I ufw-before-input -p tcp --dport 1:70 --sport 9 -j DROP")}, None, ""),
        # Written, and not loaded yet.
        ({"ufw-user-rules": (RULES_END, RULES_OPEN + RULES_END)}, AssertionError, r"ufw.service: .*IPv4 tcp port 3306"),
        ({"ufw-user-rules": (RULES_END, RULES_OPEN.replace("3306", "81:90") + RULES_END)},
         AssertionError, "tcp ports 81 to 90 from anywhere"),
        ({"ufw-user6-rules": more("-A ufw6-user-input -p tcp --dport 3306 -j ACCEPT")}, AssertionError,
         "IPv6 tcp port 3306"),
        ({"ufw-user-rules": more("-A ufw-user-input -p udp -j ACCEPT --dport 53")}, AssertionError, "udp port 53 "),
        ({"ufw-before-rules": more("-A ufw-before-input -p tcp --dport 3306 -j ACCEPT")}, AssertionError, "port 3306"),
        ({"ufw-before-rules": more("-A ufw-before-input -p tcp --syn --dport 3306 -j ACCEPT")}, AssertionError, "3306"),
        ({"ufw-before-rules": more("-A ufw-before-input -p TCP --tcp-flags ALL SYN -j ACCEPT")}, AssertionError, "any"),
        ({"ufw-before-rules": more("-A ufw-before-input -m state --state new -j ACCEPT")}, AssertionError, "anywhere"),
        ({"ufw-before-rules": more("-A ufw-before-input -p 0 -j ACCEPT")}, AssertionError, "anywhere"),
        ({"ufw-before-rules": more("-A ufw-before-input -j RETURN -m limit --limit 9/s\n-A INPUT -j ACCEPT")},
         AssertionError, "anywhere"),
        ({"ufw-before-rules": more('-A ufw-before-input -m comment --comment "it\'s -j DROP" -j ACCEPT')},
         AssertionError, "anywhere"),
        ({"ufw-after-rules": more("-A ufw-after-input -p tcp --destination-port 7000: --jump ACCEPT")},
         AssertionError, "tcp ports 7000 to 7999 .*tcp ports 8101 to 65535"),
        ({"ufw-after6-rules": more("-I INPUT 1 --protocol tcp -j ACCEPT")}, AssertionError, "IPv6 tcp ports 1 to 21"),
        ({"ufw-user-rules": ("*filter\n", "*filter\n:ufw-before-input - [0:0]\n-A INPUT -j ACCEPT\n")},
         AssertionError, "anywhere"),
        ({"ufw-defaults": ('INPUT_POLICY="DROP"', 'INPUT_POLICY="ACCEPT"')}, AssertionError, "IPv4 tcp ports 1 to 21"),
        # iptables-restore refuses all three policies for one that it does not know.
        ({"ufw-defaults": ('INPUT_POLICY="DROP"', 'INPUT_POLICY="drop"')}, AssertionError, "IPv4 tcp ports 1 to 21"),
        ({"ufw-defaults": ('OUTPUT_POLICY="ACCEPT"', "OUTPUT_POLICY=allow")}, AssertionError, "IPv4 tcp ports 1 to 21"),
        ({"ufw-configuration": ("LOGLEVEL", "DEFAULT_INPUT_POLICY=ACCEPT\nLOGLEVEL")}, AssertionError, "ports 1 to 21"),
        ({"ufw-configuration": ("=yes", "=no")}, AssertionError, r"ENABLED='no' for ufw\): IPv4 tcp ports 1 to"),
        ({"ufw-configuration": ("=yes", "=Yes")}, AssertionError, "ENABLED='Yes'"),
        ({"ufw-configuration": NONE}, AssertionError, "missing or empty"),
        ({"ufw-defaults": ""}, AssertionError, "missing or empty"),
        # Not understood, or not seen.
        ({"ufw-defaults": ("IPV6=yes", "IPV6=$(cat /x)")}, Indeterminate, "ufw-defaults: what the shell makes"),
        ({"ufw-scripts": "/etc/ufw/after.init\n"}, Indeterminate, "script"),
        ({"ufw-scripts": CommandOutput(1, "", "find: '/etc/ufw': Permission denied")}, Indeterminate, "scripts"),
        ({"ufw-user-rules": CommandOutput(1, "", "cat: user.rules: Permission denied")}, Indeterminate, "denied"),
        ({"ufw-user-rules": ChannelError("more than so many bytes")}, Indeterminate, "so many bytes"),
        ({"ufw-user-rules": more("-A ufw-user-input -m set --match-set x src -j ACCEPT")}, Indeterminate, "understood"),
        ({"ufw-user-rules": more("-A ufw-user-input -p tcp --dport mysql -j ACCEPT")}, Indeterminate, "another format"),
        ({"ufw-user-rules": more("-A ufw-user-input -s example.org -j ACCEPT")}, Indeterminate, "another format"),
        ({"ufw-user-rules": more("-P INPUT ACCEPT")}, Indeterminate, "another format"),
        ({"ufw-user-rules": (COMMIT, "\n")}, Indeterminate, "without COMMIT"),
        ({"ufw-before-rules": (COMMIT, f"{COMMIT}*nat\n-A PREROUTING -p tcp --dport 9 -j REDIRECT{COMMIT}")},
         Indeterminate, "tcp port 9 "),
    ],
)  # fmt: skip
def test_ufw(changes, outcome, message):
    check({"ufw": ON}, changes, outcome, message)


def test_what_is_listed_counts():
    fewer = tuple(each for each in OURS if each.port != 443)
    check({"ufw": ON}, {}, AssertionError, r"tcp port 443 from 10\.0\.0\.1", fewer)
    check({"ufw": ON}, {}, AssertionError, r"tcp port 22 from", (*fewer, Admitted(443, ("10.0.0.1",)))[1:])
    check({"ufw": ON}, {}, Indeterminate, r"host\.firewall", None)


@pytest.mark.parametrize(
    ("changes", "outcome", "message"),
    [
        ({}, None, ""),
        ({"iptables-at-boot": ""}, AssertionError, "IPv4 tcp ports"),
        ({"ip6tables-at-boot": NONE}, AssertionError, "IPv6 tcp ports"),
        ({"iptables-at-boot": NONE, "ip6tables-at-boot": NONE}, AssertionError, "there are no rules in /etc/iptables"),
        ({"iptables-at-boot": OPEN4}, AssertionError, "IPv4 tcp ports"),
        ({"iptables-at-boot": more("-I INPUT -p tcp --dport 3306 -j ACCEPT")}, AssertionError, "IPv4 tcp port 3306"),
        # The second of two flushes the first.
        ({"iptables-at-boot": (COMMIT, COMMIT + OPEN4)}, AssertionError, "IPv4 tcp ports"),
        ({"iptables-at-boot": OPEN4 + UFW4}, None, ""),
        ({"ip6tables-at-boot": more("-A ufw6-user-input -m mark --mark 1 -j ACCEPT")}, Indeterminate, "IPv6"),
        ({"ip6tables-at-boot": "nonsense\n"}, Indeterminate, "another format"),
        # Without IPv6 in the kernel nothing is asked of its rules; without addresses only now, it may be back.
        ({"iptables-loaded": CommandOutput(2, "", "Set blocked doesn't exist.\n")}, Indeterminate, "Set blocked"),
        ({"persistent-plugins": f"{PLUGINS}/25-ip6tables\n"}, AssertionError, "IPv4 tcp ports"),
        ({"persistent-plugins": ""}, AssertionError, "or nothing that loads them"),
        ({"ip6tables-at-boot": NONE, "ipv6-addresses": NONE}, None, ""),
        ({"ip6tables-at-boot": NONE, "ipv6-addresses": ""}, Indeterminate, "if IPv6 is on again"),
    ],
)
def test_netfilter_persistent(changes, outcome, message):
    check({"netfilter-persistent": ON}, changes, outcome, message)


FAILED = "/etc/nftables.conf:4:68-71: Error: Interface does not exist\n chain input {\n"


@pytest.mark.parametrize(
    ("changes", "outcome", "message"),
    [
        ({}, None, ""),
        ({"nftables-start": START.format("-f /etc/sysconfig/nftables.conf"), "nftables-sysconfig": "",
          "nftables-sysconfig-at-boot": NFT, "nftables-at-boot": NFT_OPEN}, None, ""),
        ({"nftables-start": "ExecStartPre=\n" + START.format("-f /etc/nftables.conf")}, None, ""),
        ({"nftables-at-boot": NFT_OPEN}, AssertionError, "IPv4 tcp port 3306 .*; IPv6 tcp port 3306 from anywhere"),
        ({"nftables-at-boot": rules_of(input=[KNOWN])}, AssertionError, "IPv4 tcp ports 1 to 21 from anywhere"),
        ({"nftables-at-boot": '{"nftables": []}'}, AssertionError, "IPv4 tcp ports"),
        ({"nftables-at-boot": NFT.replace('"inet"', '"ip"')}, AssertionError, "IPv6 tcp ports"),
        ({"nftables-at-boot": NFT.replace('"inet"', '"ip"'), "ipv6-addresses": NONE}, None, ""),
        ({"nftables-at-boot": rules_of(input=[KNOWN, [{"novelty": {}}, {"accept": None}], REJECT])},
         Indeterminate, "understood"),
        ({"nftables-at-boot": CommandOutput(1, "", FAILED)}, Indeterminate, "Error: Interface does not exist"),
        ({"nftables-at-boot": CommandOutput(1, "", "unshare: unshare failed: Operation not permitted\n")},
         Indeterminate, "Operation not permitted"),
        ({"nftables-at-boot": CommandOutput(0, "", "")}, Indeterminate, "another format"),
        ({"nftables-at-boot": ChannelError("needs root")}, Indeterminate, "needs root"),
        ({"nftables-start": START.format("-f /root/other.nft")}, Indeterminate, "another way"),
        ({"nftables-start": START.format("-f /etc/nftables.conf") + START.format("flush ruleset")},
         Indeterminate, "another way"),
        ({"nftables-start": ""}, Indeterminate, "another way"),
    ],
)  # fmt: skip
def test_nftables(changes, outcome, message):
    check({"nftables": ON}, changes, outcome, message)


ADDS = {"nftables-configuration": "table inet firewalld {\n chain input { type filter hook input priority 0; }\n}\n"}
UFW_OFF = {"ufw-configuration": ("=yes", "=no")}
UFW_OPEN = {"ufw-user-rules": (RULES_END, RULES_OPEN + RULES_END)}
IN_UFWS = json.dumps({"nftables": [{"table": {"family": "ip", "name": "filter"}}]})


@pytest.mark.parametrize(
    ("units", "changes", "outcome", "message"),
    [
        ({"ufw": ON, "nftables": ON}, {}, None, ""),
        # Debian's ufw.service stays enabled.
        ({"ufw": ON, "nftables": ON}, UFW_OFF, None, ""),
        ({"ufw": ON, "nftables": ON}, UFW_OFF | {"nftables-at-boot": NFT_OPEN}, AssertionError, "ENABLED='no'.*3306"),
        ({"ufw": ON, "nftables": ON}, ADDS | {"nftables-at-boot": NFT_OPEN}, None, ""),
        ({"ufw": ON, "nftables": ON}, {"nftables-at-boot": NFT_OPEN}, Indeterminate, "nftables.service: .*3306"),
        ({"ufw": ON, "nftables": LATER}, {"nftables-at-boot": NFT_OPEN}, Indeterminate, "nftables.service: .*3306"),
        ({"ufw": ON, "nftables": ON}, ADDS | {"nftables-at-boot": IN_UFWS}, Indeterminate, "nftables.service"),
        ({"ufw": ON, "nftables": ON}, UFW_OPEN, Indeterminate, "ufw.service: .*3306"),
        (
            {"ufw": ON, "nftables": ON},
            UFW_OPEN | {"nftables-at-boot": NFT_OPEN},
            AssertionError,
            "ufw.*3306.*nft.*3306",
        ),
        ({"ufw": ON, "nftables": LATER}, UFW_OPEN, Indeterminate, "ufw.service"),
        ({"ufw": ON, "netfilter-persistent": ON}, {"iptables-at-boot": OPEN4}, Indeterminate, "netfilter-persistent"),
        ({"ufw": ON, "netfilter-persistent": ON}, {"iptables-at-boot": NONE, "ip6tables-at-boot": NONE}, None, ""),
        ({"firewalld": ON}, {}, Indeterminate, r"firewalld\.service"),
        ({"ufw": ON, "firewalld": ON}, {}, Indeterminate, r"firewalld\.service"),
        ({"ufw": ON, "firewalld": ON}, UFW_OPEN, Indeterminate, "3306"),
        ({"ufw": ON, "firewalld": UNIT.format("active", "enabled-runtime")}, {}, None, ""),
    ],
)
def test_several_services(units, changes, outcome, message):
    check(units, changes, outcome, message)

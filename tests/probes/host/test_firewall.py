"""Control firewall-default-deny, by real outputs of ufw, nftables and iptables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from probes.looks import Attempt, Machine, Sql, experiments, refused, target

from proofs.channels.host.output import CommandOutput
from proofs.errors import ChannelError, Indeterminate, NotApplicable
from proofs.model import Admitted, Host, Vantage
from proofs.probes.host import test_firewall as firewall
from proofs.probes.host import test_outside as outside
from proofs.probes.host.netfilter import Spans, iptables, nftables
from proofs.probes.host.netfilter.walk import let_in

RULESETS = Path(__file__).parent / "rulesets"
UFW4 = (RULESETS / "ufw.iptables-save").read_text()
UFW6 = (RULESETS / "ufw.ip6tables-save").read_text()
NO_NFT = json.dumps({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]})
OPEN4 = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
INET6 = "00000000000000000000000000000001 01 80 10 80       lo\n"
PARAMS = {
    "services": ("ufw.service", "nftables.service"),
    "udp_ports": ("68", "546"),
    "sample_ports": ("23", "8080"),
}
OURS = (
    Admitted(22, ("10.20.1.0/24", "10.20.2.0/24", "10.20.3.0/24")),
    Admitted(3306, ("10.20.1.0/24",)),
    Admitted(80, ("10.0.0.1",)),
    Admitted(443, ("10.0.0.1/32",)),
    *(Admitted(port, ("0.0.0.0/0", "::/0")) for port in range(8000, 8101)),
)
COMMANDS = {
    "iptables-rules": UFW4,
    "ip6tables-rules": UFW6,
    "nftables-ruleset": NO_NFT,
    "ipv6-addresses": INET6,
}


def host(rules=OURS, **changes):
    return target(host=Host("ssh://h", firewall=rules, **changes))


def machine(**changes):
    return Machine(commands=COMMANDS | {name.replace("_", "-"): value for name, value in changes.items()})


def narrow(port, *sources):
    return tuple(Admitted(port, sources) if each.port == port else each for each in OURS)


def test_ufw_as_listed():
    firewall.test_ipv4_lets_in_what_is_listed_only(machine(), host(), PARAMS)
    firewall.test_ipv6_lets_in_what_is_listed_only(machine(), host(), PARAMS)


@pytest.mark.parametrize(
    ("changes", "rules", "message"),
    [
        ({}, narrow(22, "10.20.1.0/24", "10.20.3.0/24"), r"tcp port 22 from 10\.20\.2\.0/24\n"),
        ({}, narrow(8050), "tcp port 8050 from anywhere"),
        ({}, (), "tcp port 22 from 10.20.1.0/24, 10.20.2.0/23; tcp port 80"),
        ({"iptables_rules": OPEN4}, OURS, "tcp ports 1 to 21 from anywhere"),
        ({"iptables_rules": UFW4.replace("INPUT DROP", "INPUT ACCEPT")}, OURS, "tcp ports 1 to 21 from anywhere"),
        ({"iptables_rules": UFW4.replace("-s 10.20.1.0/24 -p tcp -m tcp --dport 3306", "-p tcp -m tcp --dport 3306")},
         OURS, r"tcp port 3306 from 0\.0\.0\.0/5, "),
        ({"iptables_rules": UFW4.replace("-A ufw-user-limit-accept", "-A ufw-user-input -p udp -m udp --dport 53"
          " -j ACCEPT\n-A ufw-user-limit-accept")}, OURS, "udp port 53 from anywhere"),
        ({"iptables_rules": UFW4.replace("-A INPUT -j ufw-before-logging", "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n"
          "-A INPUT -j ufw-before-logging")}, OURS, "tcp ports 1 to 21 from 192.0.2.0/24"),
    ],
)  # fmt: skip
def test_ipv4_wider(changes, rules, message):
    with pytest.raises(AssertionError, match=message):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(**changes), host(rules), PARAMS)


@pytest.mark.parametrize(
    "saved", ["", OPEN4, UFW6.replace("INPUT DROP", "INPUT ACCEPT"), UFW6.replace("-i lo -j", "-p tcp -j")]
)
def test_ipv6_left_open(saved):
    with pytest.raises(AssertionError, match="IPv6, more than"):
        firewall.test_ipv6_lets_in_what_is_listed_only(machine(ip6tables_rules=saved), host(), PARAMS)
    firewall.test_ipv4_lets_in_what_is_listed_only(machine(ip6tables_rules=saved), host(), PARAMS)


def test_ipv6_off():
    for shown in ("", CommandOutput(1, "", "cat: /proc/net/if_inet6: No such file or directory\n")):
        with pytest.raises(NotApplicable):
            firewall.test_ipv6_lets_in_what_is_listed_only(machine(ipv6_addresses=shown), host(), PARAMS)
    with pytest.raises(Indeterminate):
        unread = CommandOutput(1, "", "cat: /proc/net/if_inet6: Permission denied\n")
        firewall.test_ipv6_lets_in_what_is_listed_only(machine(ipv6_addresses=unread), host(), PARAMS)


@pytest.mark.parametrize(
    "line",
    [
        "-A INPUT -p tcp -m set --match-set friends src -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 22 -j MYSTERY",
        "-A INPUT -p tcp -m tcp --dport 22 -m newmodule -j ACCEPT",
        "-A INPUT -p tcp -m tcp --dport 22 -m mark --mark 0x1 -j ACCEPT",
        "-A INPUT -m conntrack --ctstatus CONFIRMED -j ACCEPT",
        "-A INPUT -p tcp -j NFQUEUE --queue-num 0",
    ],
)
def test_what_was_not_understood_is_never_green(line):
    changed = UFW4.replace("-A INPUT -j ufw-before-logging-input", f"{line}\n-A INPUT -j ufw-before-logging-input")
    with pytest.raises(Indeterminate, match="not understood"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(iptables_rules=changed), host(), PARAMS)


def rules_of(**chains):
    objects = [{"table": {"family": "inet", "name": "firewalld"}}]
    for name, expressions in chains.items():
        place = {"family": "inet", "table": "firewalld"}
        objects.append({"chain": {**place, "name": name, "hook": name, "policy": "accept"}})
        objects += [{"rule": {**place, "chain": name, "expr": expression}} for expression in expressions]
    return json.dumps({"nftables": objects})


def match(key, value, op="=="):
    return {"match": {"op": op, "left": key, "right": value}}


PORT, STATE = {"payload": {"protocol": "tcp", "field": "dport"}}, {"ct": {"key": "state"}}
KNOWN = [match(STATE, {"set": ["established", "related"]}), {"accept": None}]
DNATTED = [match({"ct": {"key": "status"}}, "dnat"), {"accept": None}]
REJECT = [{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]


def only_nft(*expressions, **chains):
    shown = rules_of(input=expressions, **chains)
    return machine(iptables_rules="", ip6tables_rules="", nftables_ruleset=shown)


def test_a_policy_of_accept_that_ends_in_reject():
    for family in (firewall.test_ipv4_lets_in_what_is_listed_only, firewall.test_ipv6_lets_in_what_is_listed_only):
        family(only_nft(KNOWN, DNATTED, REJECT), host(), PARAMS)
        with pytest.raises(AssertionError, match="ports 1 to 21 from anywhere"):
            family(only_nft(KNOWN, DNATTED), host(), PARAMS)
        with pytest.raises(Indeterminate, match="port 9000"):
            redirect = [match(PORT, 9000), {"redirect": {"port": 3306}}]
            family(only_nft(KNOWN, DNATTED, REJECT, prerouting=[redirect]), host(), PARAMS)


@pytest.mark.parametrize(
    "expression",
    [
        [match({"meta": {"key": "mark"}}, 1), {"accept": None}],
        [match(PORT, "@absent"), {"accept": None}],
        [match({"payload": {"base": "th", "offset": 16, "len": 16}}, 22), {"accept": None}],
        [{"novelty": {}}, {"accept": None}],
        [{"vmap": {"key": PORT, "data": "@absent"}}],
        [{"queue": None}],
        ["novelty"],
    ],
)
def test_what_was_not_understood_of_nft_is_never_green(expression):
    with pytest.raises(Indeterminate, match="not understood"):
        firewall.test_ipv4_lets_in_what_is_listed_only(only_nft(KNOWN, expression, REJECT), host(), PARAMS)


def test_an_interface_counts_whether_it_is_there_or_not():
    behind_tunnel = [match({"meta": {"key": "iifname"}}, "tun0"), {"accept": None}]
    with pytest.raises(AssertionError, match="from anywhere"):
        firewall.test_ipv4_lets_in_what_is_listed_only(only_nft(KNOWN, behind_tunnel, REJECT), host(), PARAMS)


def test_destinations_elsewhere_are_said():
    nat = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 9000 -j DNAT --to 10.1.1.1\nCOMMIT\n"
    with pytest.raises(Indeterminate, match="tcp port 9000 from anywhere"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(iptables_rules=UFW4 + nat), host(), PARAMS)


def test_a_published_port_is_said_whatever_later_chains_do_with_its_number():
    docker = (
        "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n"
        "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
        "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 3307 -j DNAT --to-destination 172.17.0.2:3306\nCOMMIT\n"
    )
    for shown in (UFW4 + docker, docker + UFW4):
        with pytest.raises(Indeterminate, match="tcp port 3307"):
            firewall.test_ipv4_lets_in_what_is_listed_only(machine(iptables_rules=shown), host(), PARAMS)


@pytest.mark.parametrize(
    "answer",
    [
        "nonsense\n",
        "*filter\n:INPUT DROP [0:0]\n",
        "*filter\n-A OTHER -j ACCEPT\nCOMMIT\n",
        "*filter\n:OTHER ACCEPT [0:0]\nCOMMIT\n",
        "*filter\n:INPUT drop [0:0]\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -jACCEPT\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT --jum ACCEPT\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT --jump=ACCEPT\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.1/0.0.0.255 -j ACCEPT\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -j DROP -j ACCEPT\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-F INPUT\nCOMMIT\n",
        "*filter\n*nat\nCOMMIT\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -s nowhere -j ACCEPT\nCOMMIT\n",
        '*filter\n:INPUT DROP\n-A INPUT "\nCOMMIT\n',
    ],
)
def test_other_answers_of_iptables(answer):
    with pytest.raises(Indeterminate, match="iptables-save"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(iptables_rules=answer), host(), PARAMS)


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"nftables": 3}', '{"nftables": [{"table": 1}]}', "[" * 100000])
def test_other_answers_of_nft(answer):
    with pytest.raises(Indeterminate, match="nft --json"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(nftables_ruleset=answer), host(), PARAMS)


def test_looks_that_were_not_taken():
    missing = ChannelError("the host has no command x")
    # Without iptables the tables that it made are not understood, and without both nothing was seen.
    none = {"iptables_rules": missing, "ip6tables_rules": missing}
    xt = json.dumps(
        {
            "nftables": [
                {"table": {"family": "ip", "name": "filter"}},
                {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "hook": "input", "policy": "drop"}},
                {"rule": {"family": "ip", "table": "filter", "chain": "INPUT",
                          "expr": [{"xt": {"type": "match", "name": "multiport"}}, {"accept": None}]}},
            ]
        }
    )  # fmt: skip
    with pytest.raises(Indeterminate, match="not understood"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(**none, nftables_ruleset=xt), host(), PARAMS)
    with pytest.raises(Indeterminate, match="no rule for IPv6 was seen"):
        firewall.test_ipv6_lets_in_what_is_listed_only(machine(**none, nftables_ruleset=xt), host(), PARAMS)
    with pytest.raises(Indeterminate, match="no rule for IPv4 was seen"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(**none, nftables_ruleset=missing), host(), PARAMS)
    # nft alone may be missing: iptables-save shows everything there is of ufw.
    firewall.test_ipv4_lets_in_what_is_listed_only(machine(nftables_ruleset=missing), host(), PARAMS)


def test_without_a_policy():
    with pytest.raises(Indeterminate, match=r"host\.firewall"):
        firewall.test_ipv4_lets_in_what_is_listed_only(machine(), host(None), PARAMS)


SOCKETS = """\
udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:* users:(("chronyd",pid=4,fd=5))
udp UNCONN 0 0 10.20.1.15%ens3:68 0.0.0.0:* users:(("systemd-network",pid=3,fd=15))
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=519,fd=6))
tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=519,fd=7))
tcp LISTEN 0 70 *:3306 *:* users:(("mysqld",pid=529,fd=31))
tcp LISTEN 0 70 127.0.0.1:33062 0.0.0.0:* users:(("mysqld",pid=529,fd=32))
"""


def test_sockets_accounted_for():
    firewall.test_every_listening_socket_is_accounted_for(machine(sockets=SOCKETS), host(listeners=(22, 3306)), PARAMS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('tcp LISTEN 0 5 0.0.0.0:4444 0.0.0.0:* users:(("nc",pid=9,fd=3))\n', r"tcp 0\.0\.0\.0:4444 \('nc'\)"),
        ("udp UNCONN 0 0 *:5353 *:*\n", "udp"),
        ("tcp LISTEN 0 5 [fd00::1]:68 [::]:*\n", "fd00::1:68"),
    ],
)
def test_a_second_listener(line, message):
    with pytest.raises(AssertionError, match=message):
        firewall.test_every_listening_socket_is_accounted_for(
            machine(sockets=SOCKETS + line), host(listeners=(22, 3306)), PARAMS
        )


def test_sockets_without_a_list():
    with pytest.raises(Indeterminate, match=r"host\.listeners"):
        firewall.test_every_listening_socket_is_accounted_for(machine(sockets=SOCKETS), host(), PARAMS)


SQL = Sql(variables={"port": "3306"})


class Net:
    """Ports open by vantage; a vantage that forwards some only."""

    def __init__(self, forwards=None, **opened):
        self.opened, self.forwards = opened, forwards

    def connect(self, address, port, *, vantage="here"):
        if vantage == "outside" and self.forwards is not None and port not in self.forwards:
            raise Indeterminate(f"no forwarder for port {port}")
        return Attempt() if port in self.opened.get(vantage, ()) else refused("timeout")


def behind(forwards):
    return {"outside": Vantage("outside", forwards={str(port): f"127.0.0.1:4{port}" for port in forwards})}


BEHIND = target(host=Host("ssh://h", firewall=OURS), vantages=behind([22, 3306, 23]))
DIRECT = target(host=Host("ssh://h", firewall=OURS), vantages={"outside": Vantage("outside", "10.9.9.9")})


@pytest.mark.parametrize(
    ("net", "where", "outcome"),
    [
        (Net(here=[3306], outside=[22]), BEHIND, None),
        (Net(here=[3306]), DIRECT, None),
        (Net(here=[3306], outside=[22, 3306]), BEHIND, AssertionError),
        (Net(here=[3306], outside=[3306]), DIRECT, AssertionError),
        (Net(here=[3306]), BEHIND, Indeterminate),  # the way itself may be dead
        (Net(outside=[22]), BEHIND, Indeterminate),  # the database may be down
    ],
)
def test_database_from_outside(net, where, outcome):
    look = lambda: outside.test_database_is_out_of_reach_from_outside(net, SQL, where, experiments())  # noqa: E731
    if outcome is None:
        look()
    else:
        with pytest.raises(outcome):
            look()


@pytest.mark.parametrize(
    ("net", "where", "sockets", "outcome"),
    [
        (Net([22, 3306, 23], here=[3306], outside=[22]), BEHIND, SOCKETS, None),
        (Net([22, 3306], here=[3306], outside=[22]), BEHIND, SOCKETS, Indeterminate),
        (Net([22, 3306, 23], here=[3306], outside=[22, 23]), BEHIND, SOCKETS, AssertionError),
        (Net([22, 3306, 23], here=[3306], outside=[22]), BEHIND, SOCKETS.replace("127.0.0.1:33062", "*:33062"),
         Indeterminate),
        (Net([22, 3306, 33062], here=[3306], outside=[22]), BEHIND, SOCKETS.replace("127.0.0.1:33062", "*:33062"),
         Indeterminate),  # it may wait for its client
        (Net([22, 3306, 33062], here=[3306], outside=[22, 33062]), BEHIND,
         SOCKETS.replace("127.0.0.1:33062", "*:33062"), AssertionError),
        (Net(here=[3306]), DIRECT, SOCKETS, None),
        (Net(here=[3306], outside=[22]), DIRECT, SOCKETS, AssertionError),
        (Net(here=[3306], outside=[33062]), DIRECT, SOCKETS.replace("127.0.0.1:33062", "*:33062"), AssertionError),
        (Net(here=[]), DIRECT, SOCKETS, Indeterminate),
    ],
)  # fmt: skip
def test_other_ports_from_outside(net, where, sockets, outcome):
    look = lambda: outside.test_nothing_else_answers_outside(  # noqa: E731
        machine=machine(sockets=sockets), network=net, sql=SQL, target=where, params=PARAMS, experiment=experiments()
    )
    if outcome is None:
        look()
    else:
        with pytest.raises(outcome):
            look()


def test_outside_needs_a_vantage_and_a_server_that_lets_in():
    look = outside.test_database_is_out_of_reach_from_outside
    with pytest.raises(Indeterminate, match="vantage"):
        look(Net(here=[3306]), SQL, target(host=DIRECT.host), experiments())
    shut = Sql(variables={"port": "3306"}, logins=lambda identity, **_: refused(2003))
    with pytest.raises(Indeterminate, match="control"):
        look(Net(here=[3306]), shut, DIRECT, experiments())


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))).map(Spans.of)


@given(spans, spans)
def test_spans_are_sets(one, other):
    members = lambda s: {n for n in range(70) if n in s}  # noqa: E731
    assert members(one | other) == members(one) | members(other)
    assert members(one & other) == members(one) & members(other)
    assert members(one - other) == members(one) - members(other)
    for made in (one | other, one & other, one - other):
        assert made == Spans.of(made.pairs)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70000) | st.sampled_from(["@s", "tcp", "lo", "10.0.0.1", "new", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["match", "left", "right", "op", "payload", "protocol", "field", "set", "concat", "&", "vmap",
                         "key", "data", "prefix", "addr", "len", "range", "accept", "jump", "target", "elem", "val"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=100)
@given(st.lists(values, max_size=3))
def test_no_expression_is_too_odd(expressions):
    """An expression of any form is read, or the answer is said to be of another format."""
    objects = [
        {"table": {"family": "inet", "name": "t"}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "hook": "input", "policy": "drop"}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": expressions}},
    ]
    try:
        for opening in let_in(nftables.tables(json.dumps({"nftables": objects})), 4, "tcp"):
            assert not opening.sources - opening.possible
    except Indeterminate:
        return


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(("-A", "-s", "10.0.0.0/8", "-p", "tcp", "-m", "multiport", "--dports", "1,2", "!", "-j", "x"))
    )
)
def test_no_rule_is_too_odd(words):
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT " + " ".join(words) + "\nCOMMIT\n"
    try:
        for opening in let_in(iptables.tables(text, 4), 4, "tcp"):
            assert not opening.sources - opening.possible
    except Indeterminate:
        return

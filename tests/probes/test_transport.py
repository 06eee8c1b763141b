"""The transport probes against answers that no server of the lab can be brought to give."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from probes.looks import Attempt, Machine, Sql, Tls, experiments, refused, target

from proofs.errors import Indeterminate
from proofs.model import Host, Vantage
from proofs.probes.transport import addresses, settings, test_cipher_suites, test_listening
from proofs.probes.transport import test_protocol_versions as versions
from proofs.probes.transport import test_secure_transport as secure
from proofs.probes.transport import test_unix_socket as socket
from proofs.probes.transport import test_x_protocol as x_protocol

ALLOWED = {"allowed_versions": ("TLSv1.3",)}
SUITES = {"allowed_suites": ("TLS_AES_256_GCM_SHA384",)}
NOTHING = {
    "compression": False,
    "renegotiation": {"client_initiated": False, "secure": True},
    "early_data": False,
    "heartbleed": False,
    "errors": {},
}
SCANNED = {name: [] for name in versions.SCANNED} | {"TLS 1.3": ["TLS_AES_256_GCM_SHA384"]}


@pytest.mark.parametrize(
    "found",
    [
        {"compression": True},
        {"renegotiation": {"client_initiated": True, "secure": True}},
        {"renegotiation": {"client_initiated": False, "secure": False}},
        {"early_data": True},
        {"heartbleed": True},
    ],
)
def test_what_tls_13_has_no_more_is_a_finding(found):
    versions.test_no_compression_renegotiation_or_early_data(Tls(NOTHING))
    with pytest.raises(AssertionError, match="the server offers"):
        versions.test_no_compression_renegotiation_or_early_data(Tls(NOTHING | found))


@pytest.mark.parametrize("unseen", ["compression", "renegotiation", "early_data", "heartbleed"])
def test_a_failed_look_is_no_pass(unseen):
    with pytest.raises(Indeterminate, match="not seen"):
        versions.test_no_compression_renegotiation_or_early_data(Tls(NOTHING | {unseen: None}))


def test_a_scan_passes_only_if_every_version_was_tried_and_one_works():
    versions.test_scan_accepts_only_tls13(Tls({"accepted": SCANNED, "errors": {}}), ALLOWED)
    with pytest.raises(AssertionError, match=r"SSL 3.0 is accepted, with TLS_RSA"):
        versions.test_scan_accepts_only_tls13(
            Tls({"accepted": SCANNED | {"SSL 3.0": ["TLS_RSA_WITH_RC4_128_MD5"]}, "errors": {}}), ALLOWED
        )
    without = {name: suites for name, suites in SCANNED.items() if name != "TLS 1.1"}
    with pytest.raises(Indeterminate, match=r"TLS 1.1 could not be tried"):
        versions.test_scan_accepts_only_tls13(Tls({"accepted": without, "errors": {}}), ALLOWED)
    with pytest.raises(Indeterminate, match="proves nothing"):
        versions.test_scan_accepts_only_tls13(Tls({"accepted": SCANNED | {"TLS 1.3": []}, "errors": {}}), ALLOWED)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Attempt(), AssertionError), (refused("closed"), Indeterminate), (refused("alert:internal_error"), Indeterminate)],
)
def test_an_older_version_must_be_refused_for_its_version(answer, outcome):
    def shake(endpoint, *, minimum, maximum):
        if minimum == "TLSv1.3":
            return Attempt()
        return answer if minimum == "TLSv1.1" else refused("alert:protocol_version")

    with pytest.raises(outcome):
        versions.test_every_older_version_is_refused(Tls(handshakes=shake), ALLOWED, experiments())


def test_a_server_that_refuses_everything_proves_nothing():
    deaf = Tls(handshakes=lambda *_, **__: refused("alert:protocol_version"))
    with pytest.raises(Indeterminate, match="control experiment did not succeed"):
        versions.test_every_older_version_is_refused(deaf, ALLOWED, experiments())


@pytest.mark.parametrize("value", ["", " , "])
def test_an_empty_version_list_is_no_pass(value):
    with pytest.raises(Indeterminate):
        versions.test_only_tls13_is_configured(Sql({"tls_version": value}), target("mariadb"), ALLOWED)


def test_a_version_set_but_not_reloaded_is_found():
    status = [{"channel": "mysql_main", "property": "Current_tls_version", "value": "TLSv1.2,TLSv1.3"}]
    sql = Sql({"tls_version": "TLSv1.3"}, {"tls_channel_status": status})
    with pytest.raises(AssertionError, match="Current_tls_version"):
        versions.test_only_tls13_is_configured(sql, target(), ALLOWED)


def test_suites_left_to_the_library_are_found():
    with pytest.raises(AssertionError, match="library's default"):
        test_cipher_suites.test_configured_suites_are_approved(Sql({"tls_ciphersuites": ""}), target(), SUITES)


def test_an_admin_interface_the_inventory_does_not_name_is_in_doubt():
    sql = Sql({"admin_address": "10.0.0.1", "admin_port": "33062", "port": "3306"})
    with pytest.raises(Indeterminate, match="inventory names none"):
        settings.has_admin_interface(sql, target())
    assert not settings.has_admin_interface(Sql({"admin_address": ""}), target())
    assert not settings.has_admin_interface(Sql({"extra_port": "0"}), target("mariadb"))
    with pytest.raises(Indeterminate):
        settings.has_admin_interface(Sql({"extra_port": "3307", "port": "3306"}), target("mariadb"))


def test_a_missing_switch_is_no_pass():
    with pytest.raises(Indeterminate, match="no variable require_secure_transport"):
        secure.test_server_requires_secure_transport(Sql())


@pytest.mark.parametrize("entry", ["", "*", "0.0.0.0", "::", "[::]", "0000::0", "::ffff:0.0.0.0", "*/red", "::/red"])
def test_wildcards_in_every_spelling(entry):
    assert addresses.is_wildcard(entry)


@pytest.mark.parametrize("entry", ["10.0.0.1", "::1", "db01.example.org", "198.51.100.1/red", "localhost"])
def test_addresses_that_are_no_wildcard(entry):
    assert not addresses.is_wildcard(entry)


def test_a_host_name_in_bind_address_is_in_doubt():
    with pytest.raises(Indeterminate, match="host name"):
        addresses.named(["db01.example.org"])
    assert addresses.named(["localhost", "::ffff:10.0.0.1"]) == addresses.named(["127.0.0.1", "::1", "10.0.0.1"])


TRIE = """Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.0.0.1
        /32 host LOCAL
     |-- 10.0.0.9
        /32 host LOCAL
     |-- 10.0.0.255
        /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
"""


@pytest.mark.parametrize(
    ("host", "found"), [("ssh://db", ["10.0.0.9"]), ("local://", ["10.0.0.9", "127.0.0.1", "127.0.0.2"])]
)
def test_the_other_addresses_of_a_host(host, found):
    machine = Machine(files={"/proc/net/fib_trie": TRIE})
    others = addresses.other_addresses(target(host=Host(host)), machine, addresses.named(["10.0.0.1"]))
    assert [str(address) for address in others] == found


@pytest.mark.parametrize(
    ("sockets", "outcome"),
    [
        ([("10.0.0.1", 3306)], None),
        ([("10.0.0.1", 3306), ("0.0.0.0", 22)], None),
        ([("::", 3306)], AssertionError),
        ([("10.0.0.1", 3306), ("10.0.0.9", 3306)], AssertionError),
        ([("10.0.0.1", 22)], Indeterminate),
    ],
)
def test_listening_sockets_agree_with_the_configuration(sockets, outcome):
    machine = Machine(sockets=tuple({"address": address, "port": port} for address, port in sockets))
    sql = Sql({"bind_address": "10.0.0.1", "port": "3306", "extra_port": "0"})
    params = {"allow_wildcard": False}
    if outcome is None:
        test_listening.test_host_listens_only_there(sql, machine, params)
        return
    with pytest.raises(outcome):
        test_listening.test_host_listens_only_there(sql, machine, params)


@pytest.mark.parametrize("host", ["localhost", "%", "", "LOCALHOST", "local%", "_ocalhost", "%host"])
def test_hosts_a_socket_client_matches(host):
    assert socket._is_local(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "%.example.org", "10.0.0.0/255.0.0.0", r"local\%", "localhost.%"])
def test_hosts_a_socket_client_does_not_match(host):
    assert not socket._is_local(host)


@pytest.mark.parametrize(
    ("directory", "above", "outcome"),
    [
        ("0755", "1777", None),
        ("0700", "0755", None),
        ("1777", "0755", AssertionError),
        ("0775", "0755", AssertionError),
        ("0755", "0777", AssertionError),
    ],
)
def test_where_the_socket_may_lie(directory, above, outcome):
    place = [
        {"path": "/run/x/s", "type": "socket", "mode": "0777"},
        {"path": "/run/x", "type": "directory", "mode": directory},
        {"path": "/run", "type": "directory", "mode": above},
    ]
    sql, machine = Sql({"socket": "/run/x/s"}), Machine({"/run/x/s": place})
    if outcome is None:
        socket.test_unix_socket_is_in_a_private_place(sql, machine)
        return
    with pytest.raises(outcome):
        socket.test_unix_socket_is_in_a_private_place(sql, machine)


def test_x_plugin_without_a_list_of_plugins_is_in_doubt():
    with pytest.raises(Indeterminate):
        x_protocol.test_x_plugin_is_off_or_confined(Sql(tables={"plugins": []}))


@pytest.mark.parametrize(("bound", "fine"), [("10.0.0.1", True), ("10.0.0.9", False), ("*", False), ("", False)])
def test_an_active_x_plugin_must_be_confined(bound, fine):
    plugins = [{"plugin_name": "mysqlx", "plugin_status": "ACTIVE"}]
    sql = Sql({"mysqlx_bind_address": bound, "bind_address": "10.0.0.1,127.0.0.1"}, {"plugins": plugins})
    if fine:
        x_protocol.test_x_plugin_is_off_or_confined(sql)
        return
    with pytest.raises(AssertionError):
        x_protocol.test_x_plugin_is_off_or_confined(sql)


def test_another_address_is_tried_from_where_it_is_reached():
    seen = []
    network = SimpleNamespace(connect=lambda host, port, vantage="here": seen.append((host, port, vantage)))
    address = addresses.ip_address("10.0.0.9")
    addresses.ways_to(network, target(), address, 3306)
    here, outside = Vantage("here", forwards={"3306": "127.0.0.1:1"}), Vantage("outside", address="10.0.0.9")
    addresses.ways_to(network, target(vantages={"here": here, "outside": outside}), address, 3306)
    assert seen == [("10.0.0.9", 3306, "here"), ("10.0.0.9", 3306, "outside")]
    with pytest.raises(Indeterminate, match=r"no vantage that reaches 10\.0\.0\.9"):
        addresses.ways_to(network, target(vantages={"here": here}), address, 3306)

"""Control x-protocol-closed (MySQL: MariaDB has no X Protocol)."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import Experiments, HostChannel, NetworkChannel, SqlChannel, TlsChannel
from proofs.probes.transport.addresses import is_wildcard, named, other_addresses, parsed, ways_to
from proofs.probes.transport.settings import listed, setting

OLDER = ("TLSv1", "TLSv1.1", "TLSv1.2")


def test_x_plugin_is_off_or_confined(sql: SqlChannel) -> None:
    """The X Plugin is off, or told to listen only where the classic protocol does.

    `bind_address` does not govern it: `mysqlx_bind_address` does, with the default `*` (MySQL manual, "X Plugin
    Options and System Variables"). Its status is read from the list of plugins: with `mysqlx = OFF` it is DISABLED
    and its variables do not exist. STIG MYS8-00-006000.
    """
    if not _is_active(sql):
        return
    bound = listed(setting(sql, "mysqlx_bind_address")) or ("*",)
    wild = [entry for entry in bound if is_wildcard(entry)]
    assert not wild, f"X Protocol listens everywhere: mysqlx_bind_address is {', '.join(wild)!a}"
    classic = listed(setting(sql, "bind_address"))
    if not any(is_wildcard(entry) for entry in classic):
        assert named(bound) <= named(classic), (
            f"X Protocol listens on {', '.join(bound)!a}, the classic protocol on {', '.join(classic)!a}"
        )


def test_x_port_is_closed_or_held_to_tls13(
    *,
    sql: SqlChannel,
    tls: TlsChannel,
    network: NetworkChannel,
    machine: HostChannel,
    target: Target,
    experiment: Experiments,
) -> None:
    """The X port is closed while the classic port answers; where it is open, it is confined and speaks TLS 1.3 alone.

    The port tried is the server's `mysqlx_port`, else the inventory's. An open one is offered older versions only:
    alert 70 protocol_version, as on the classic port; and it is tried at the host's other addresses.
    """
    database = target.database
    host = database.x_host or database.host
    if not _is_active(sql):
        with experiment("connect to the X port") as e:
            e.control(network.connect(database.host, database.port))
            e.attack(network.connect(host, database.x_port), refused_with=("refused", "timeout"))
        return
    port = setting(sql, "mysqlx_port")
    if setting(sql, "port") == str(database.port) and port != str(database.x_port):
        raise Indeterminate(f"the server's X port is {port}, the inventory says {database.x_port}")
    with experiment("offer only an older TLS version to the X port") as e:
        e.control(tls.handshake("x"))
        for version in OLDER:
            attempt = tls.handshake("x", minimum=version, maximum=version)
            e.attack(attempt, refused_with="alert:protocol_version")
    own = {*named(e for e in listed(setting(sql, "bind_address")) if not is_wildcard(e)), *parsed(host)}
    others = other_addresses(target, machine, own) if target.host is not None else ()
    if others:
        with experiment("connect to the X port at an address that bind_address does not name") as e:
            e.control(network.connect(host, database.x_port))
            for address in others:
                e.attack(ways_to(network, target, address, database.x_port), refused_with=("refused", "timeout"))


def _is_active(sql: SqlChannel) -> bool:
    plugins = {
        str(row["plugin_name"]).lower(): str(row["plugin_status"])
        for row in sql.rows("SELECT plugin_name, plugin_status FROM information_schema.plugins")
    }
    if not plugins:
        raise Indeterminate("the list of plugins is empty, so the X Plugin was not seen")
    return plugins.get("mysqlx") == "ACTIVE" or sql.variable("mysqlx_port") is not None

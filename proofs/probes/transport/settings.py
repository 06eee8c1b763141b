"""What the probes of both surfaces read of a server: settings, parameters, and whether it has an admin interface."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel

ON = frozenset({"ON", "1", "YES"})
NO_SUCH_TABLE = 1146


def setting(sql: SqlChannel, name: str) -> str:
    """A global variable that must exist: a missing one is no pass, so it is `Indeterminate`."""
    value = sql.variable(name)
    if value is None:
        raise Indeterminate(f"this server has no variable {name}, so its setting was not seen")
    return value


def listed(value: str, separator: str = ",") -> tuple[str, ...]:
    """The entries of a list in one string, without blanks and empty entries."""
    return tuple(entry.strip() for entry in value.split(separator) if entry.strip())


def texts(params: Mapping[str, ParameterValue], name: str) -> tuple[str, ...]:
    """A parameter of type string-list."""
    value = params[name]
    if isinstance(value, str | bool | int | float | Mapping):
        raise Indeterminate(f"parameter {name} is not a list of strings")
    return tuple(value)


def number(params: Mapping[str, ParameterValue], name: str) -> int:
    """A parameter of type integer."""
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise Indeterminate(f"parameter {name} is not an integer")
    return value


def decimal(params: Mapping[str, ParameterValue], name: str) -> float:
    """A parameter of type number."""
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Indeterminate(f"parameter {name} is not a number")
    return float(value)


def in_force(sql: SqlChannel) -> Mapping[str, Mapping[str, str]]:
    """TLS settings that MySQL's listeners really use, by channel (`mysql_main`, `mysql_admin`) and property.

    A variable that was set but not reloaded (ALTER INSTANCE RELOAD TLS) differs from what is in force. Source: MySQL
    manual, "The tls_channel_status Table" (8.0.21); before that the status variables `Current_tls_…` (8.0.16).
    """
    status = sql.query("SELECT channel, property, value FROM performance_schema.tls_channel_status")
    channels: dict[str, dict[str, str]] = {}
    if status.ok and not status.truncated:
        for row in status.rows:
            channels.setdefault(str(row["channel"]), {})[str(row["property"])] = str(row["value"])
    elif NO_SUCH_TABLE in status.codes:
        rows = sql.rows("SHOW GLOBAL STATUS LIKE 'Current\\_tls\\_%'")
        channels["mysql_main"] = {str(row["variable_name"]): str(row["value"]) for row in rows}
    if not channels.get("mysql_main"):
        raise Indeterminate(f"the TLS settings in force could not be read: {status.describe()}")
    return channels


def has_admin_interface(sql: SqlChannel, target: Target) -> bool:
    """Whether the server has a second TCP listener for administrators that must be held to the same.

    MySQL: `admin_address` (8.0.14); MariaDB: `extra_port`. `Indeterminate` if it has one and the inventory does not
    say where, or names another port: what cannot be looked at is never green.
    """
    if target.engine == "mysql":
        if not sql.variable("admin_address"):
            return False
        port = setting(sql, "admin_port")
    else:
        port = sql.variable("extra_port") or "0"
        if port == "0":
            return False
    named = target.database.admin_port
    if named is None:
        raise Indeterminate(f"the server has an admin interface on port {port}, and the inventory names none")
    forwarded = setting(sql, "port") != str(target.database.port)
    if not forwarded and port != str(named):
        raise Indeterminate(f"the server's admin port is {port}, the inventory says {named}")
    return True


def endpoints(sql: SqlChannel, target: Target) -> tuple[str, ...]:
    """The classic-protocol endpoints to look at: `main`, and `admin` where the server has one."""
    return ("main", "admin") if has_admin_interface(sql, target) else ("main",)

"""The server's option files, where the host can be read: what the next start would find there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from proofs.model import Target
from proofs.ports import HostChannel, SqlChannel

SERVER_GROUP = re.compile(r"(server|mysqld|mariadbd?|galera)(-[0-9.]+)?")
"""`[mysqld]`, `[server]`, `[mariadb-10.11]`, …, but not those of clients (`[mysqldump]`, `[mariadb-client]`)."""
SWITCHES = {"enable": "ON", "disable": "OFF"}
_PATHS = {
    "mysql": "SELECT DISTINCT variable_path AS path FROM performance_schema.variables_info"
    " WHERE variable_path <> '' AND variable_source <> 'PERSISTED' ORDER BY variable_path",
    # Shown to accounts with FILE only.
    "mariadb": "SELECT DISTINCT GLOBAL_VALUE_PATH AS path FROM information_schema.SYSTEM_VARIABLES"
    " WHERE GLOBAL_VALUE_PATH IS NOT NULL ORDER BY path",
}


def on_disk(sql: SqlChannel, machine: HostChannel, target: Target) -> dict[str, str] | None:
    """Server options by name as the option files now hold them; None where the host can't be looked at.

    The files are those the server says it took values from. A file that it has not yet read is not known to it, so
    not to this look. Raises `ChannelError` where a file can't be read.
    """
    if target.host is None or _reader(target) not in target.identities:
        return None
    paths = paths_of(sql, target)
    return server_options([machine.read_text(path) for path in paths if path.startswith("/")]) if paths else None


def paths_of(sql: SqlChannel, target: Target) -> list[str]:
    """Option files that the server took values from, as it names them."""
    return [str(row["path"]) for row in sql.rows(_PATHS[target.engine], identity=_reader(target))]


def _reader(target: Target) -> str:
    return "inspector" if target.engine == "mysql" else "operator"


def server_options(texts: Sequence[str]) -> dict[str, str]:
    """Option → value of the groups a server reads, later files and lines first in rank.

    Names are spelled with underscores and without `loose_`; `enable_x` is x = ON, `disable_x` is x = OFF, and so is
    `skip_x` unless x is no option of its own (`skip_name_resolve`, …); an option without a value is ON (manual, "Using
    Option Files", "Program Option Modifiers").
    """
    found: dict[str, str] = {}
    for text in texts:
        group = ""
        for raw in text.splitlines():
            line = raw.strip()
            if line.startswith("["):
                group = line.strip("[]").strip().lower()
            elif line and line[0] not in "#;!" and SERVER_GROUP.fullmatch(group):
                name, given, value = line.partition("=")
                option = name.strip().lower().replace("-", "_").removeprefix("loose_")
                switch, _, rest = option.partition("_")
                if switch in SWITCHES and not given:
                    found[rest] = SWITCHES[switch]
                    continue
                found[option] = value.split(" #")[0].strip().strip("'\"") if given else "ON"
    return found

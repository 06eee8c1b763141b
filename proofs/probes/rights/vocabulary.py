"""Privileges by the names of GRANT, however the engines store them, and the actions they allow.

Sources: MySQL Reference Manual, "Privileges Provided by MySQL" and "Grant Tables"; MariaDB Knowledge Base, "GRANT" and
"mysql.global_priv Table".
"""

from __future__ import annotations

STATIC = {
    "Select_priv": "SELECT", "Insert_priv": "INSERT", "Update_priv": "UPDATE", "Delete_priv": "DELETE",
    "Create_priv": "CREATE", "Drop_priv": "DROP", "Reload_priv": "RELOAD", "Shutdown_priv": "SHUTDOWN",
    "Process_priv": "PROCESS", "File_priv": "FILE", "Grant_priv": "GRANT OPTION", "References_priv": "REFERENCES",
    "Index_priv": "INDEX", "Alter_priv": "ALTER", "Show_db_priv": "SHOW DATABASES", "Super_priv": "SUPER",
    "Create_tmp_table_priv": "CREATE TEMPORARY TABLES", "Lock_tables_priv": "LOCK TABLES", "Execute_priv": "EXECUTE",
    "Repl_slave_priv": "REPLICATION SLAVE", "Repl_client_priv": "REPLICATION CLIENT",
    "Create_view_priv": "CREATE VIEW", "Show_view_priv": "SHOW VIEW", "Create_routine_priv": "CREATE ROUTINE",
    "Alter_routine_priv": "ALTER ROUTINE", "Create_user_priv": "CREATE USER", "Event_priv": "EVENT",
    "Trigger_priv": "TRIGGER", "Create_tablespace_priv": "CREATE TABLESPACE",
}  # fmt: skip
"""Columns of `mysql.user` both engines have, in the order of the bits of MariaDB's `access` from bit 0."""
MORE_COLUMNS = {
    "Create_role_priv": "CREATE ROLE", "Drop_role_priv": "DROP ROLE", "Delete_history_priv": "DELETE HISTORY",
    "Show_create_routine_priv": "SHOW CREATE ROUTINE",
}  # fmt: skip
"""Columns of one engine, or of `mysql.db` only."""
COLUMNS = {column.lower(): name for column, name in (STATIC | MORE_COLUMNS).items()}
MARIADB_BITS = (
    *STATIC.values(), "DELETE HISTORY", "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN", "READ_ONLY ADMIN",
    "REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "BINLOG ADMIN", "BINLOG REPLAY", "SLAVE MONITOR",
    "SHOW CREATE ROUTINE",
)  # fmt: skip
"""Bits of `access` in `mysql.global_priv`, from bit 0."""
IN_SETS = {"GRANT": "GRANT OPTION", "DELETE VERSIONING ROWS": "DELETE HISTORY"}
"""Members of the SET columns of `tables_priv`, `columns_priv` and `procs_priv` that GRANT spells otherwise."""

ON_SCHEMAS = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "GRANT OPTION", "REFERENCES", "INDEX", "ALTER",
    "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
    "EVENT", "TRIGGER",
)  # fmt: skip
"""What ALL means on a schema, besides GRANT OPTION; on tables and routines what of it applies there."""

ACTIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "TRUNCATE": (("DROP",),),
    "RENAME": (("ALTER", "DROP"),),
    "CREATE TRIGGER": (("TRIGGER",),),
    "DROP TRIGGER": (("TRIGGER",),),
    "LOCK": (("LOCK TABLES", "SELECT"),),
    "REPLACE VIEW": (("CREATE VIEW", "DROP"),),
    "REPLACE ROUTINE": (("ALTER ROUTINE", "CREATE ROUTINE"),),
    "DROP ROUTINE": (("ALTER ROUTINE",),),
}
"""Action → sets of privileges on its object, each of which suffices; any other action is the privilege of its name."""

WRITES_GRANT_TABLES = "WRITE GRANT TABLES"
"""INSERT or UPDATE on a table of the schema `mysql`: whoever has it can give itself everything else."""
MAY_PROXY_ANYBODY = "PROXY ANY ACCOUNT"
BECOMES_ANYBODY = (
    "SUPER", "CREATE USER", "ROLE_ADMIN", "SET_USER_ID", "SET_ANY_DEFINER", "SET USER", WRITES_GRANT_TABLES,
    MAY_PROXY_ANYBODY,
)  # fmt: skip
"""Server-wide powers that lead to every other account's rights: its new password, its role, a routine that runs as it,
its row of the grant tables, its place."""


def suffices(action: str) -> tuple[tuple[str, ...], ...]:
    """The sets of privileges of which one allows the action."""
    return ACTIONS.get(action, ((action,),))


def from_set(value: object) -> frozenset[str]:
    """A SET column (`Select,Create View`) as privileges."""
    names = {name.strip().upper() for name in str(value or "").split(",")} - {""}
    return frozenset(IN_SETS.get(name, name) for name in names)

"""Control private-key-permissions."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import HostChannel, MaterialChannel, SqlChannel
from proofs.probes.certificates.material import server_files
from proofs.probes.host.permissions import judge_directories, judge_mode, octal
from proofs.probes.transport.paths import place
from proofs.probes.transport.settings import setting, texts

READ_REFUSED = frozenset({13, 29, 1085, 1227, 1290})
"""No such access, not readable, ER_TEXTFILE_NOT_READABLE, ER_SPECIFIC_ACCESS_DENIED_ERROR, secure_file_priv."""


def test_server_key_is_private(sql: SqlChannel, machine: HostChannel, params: Mapping[str, ParameterValue]) -> None:
    """The server's private key files are for their owner alone, in directories that only trusted users can change.

    Files `ssl_key` and `admin_ssl_key` (MySQL 8.0.21). Whoever may write to a directory above could put another key
    in place; below a sticky directory such as /tmp only the entry's own owner and root can (rename(2), EPERM).
    STIG MYS8-00-004800, MADB-10-004100; CIS 3.7.
    """
    trusted = {*texts(params, "server_key_owners"), _server_user(sql, machine)}
    for variable, path in server_files(sql, "ssl_key").items():
        key, directories = place(machine, path)
        assert key["type"] == "regular file", f"{variable} {path!a} is a {key['type']}"
        judge_mode(key, octal(params, "max_mode"))
        assert key["owner"] in trusted, f"{path!a} belongs to {key['owner']!a}, expected {', '.join(sorted(trusted))}"
        judge_directories(directories, octal(params, "max_directory_mode"), trusted | {"root"})


def test_trust_material_cannot_be_changed(
    sql: SqlChannel, machine: HostChannel, params: Mapping[str, ParameterValue]
) -> None:
    """The server's certificate, its CA file and its list of revoked certificates are trusted users' to change.

    Whoever can write to `ssl_ca` says which clients there are, and to `ssl_crl` which of them were thrown out.
    """
    trusted = {*texts(params, "server_key_owners"), _server_user(sql, machine)}
    names = ["ssl_ca", "ssl_cert", *(name for name in ("ssl_crl", "ssl_capath", "ssl_crlpath") if sql.variable(name))]
    for variable, path in [pair for name in names for pair in server_files(sql, name).items()]:
        found, directories = place(machine, path.rstrip("/"))
        assert found["owner"] in trusted, f"{variable} {path!a} belongs to {found['owner']!a}"
        most = "max_public_mode"
        if found["type"] == "directory":
            most = "max_directory_mode"
            others = machine.command("foreign-files", path=path.rstrip("/")).lines
            assert not others, f"{len(others)} files in {path!a} are not root's alone to change: {others[0][:200]!a}"
        judge_mode(found, octal(params, most))
        judge_directories(directories, octal(params, "max_directory_mode"), trusted | {"root"}, ascii(path))


def test_client_keys_are_private(material: MaterialChannel, params: Mapping[str, ParameterValue]) -> None:
    """The private keys of the clients in use are for their owner alone, in directories others cannot write to.

    The keys of the identities, on the prover's machine, and those that client option files name.
    """
    keys = material.key_modes()
    if not keys:
        raise Indeterminate("no identity of the inventory has a private key")
    for key in keys:
        judge_mode(key, octal(params, "max_mode"))
        judge_mode(key["directory"], octal(params, "max_directory_mode"))
    seen = {key["path"] for key in keys}
    named = {client["options"].get("ssl-key") for client in material.client_options()} - {None}
    if named - seen:
        raise Indeterminate(f"a client option file names a key that no identity has: {', '.join(sorted(named - seen))}")


def test_server_key_is_unreadable_through_sql(sql: SqlChannel, target: Target) -> None:
    """No identity, not even an administrator, gets the server's private key out of the server by SQL.

    LOAD_FILE refuses with NULL, not with an error (MySQL and MariaDB manuals, LOAD_FILE): without the FILE privilege,
    outside `secure_file_priv`, and where the file is not readable by all. Only the length is asked for, never the key;
    that the name of the key was there to be read shows in the same row.
    """
    names = [name for name in ("operator", "inspector", "app") if name in target.identities]
    if not names:
        raise Indeterminate("the inventory has none of the identities operator, inspector and app")
    for name in names:
        statement = "SELECT LENGTH(LOAD_FILE(@@GLOBAL.ssl_key)) AS length, LENGTH(@@GLOBAL.ssl_key) AS named"
        result = sql.attempt(name, statement)
        if not result.ok and result.codes & READ_REFUSED:
            continue
        if not result.ok or len(result.rows) != 1 or not result.rows[0]["named"]:
            raise Indeterminate(f"reading the server's key was not answered as expected: {result.describe()}")
        length = result.rows[0]["length"]
        assert length is None, f"{name} can read the server's private key: LOAD_FILE returned {length} bytes"


def _server_user(sql: SqlChannel, machine: HostChannel) -> str:
    """The user the server runs as: the owner of its data directory, into which it alone writes."""
    return str(place(machine, setting(sql, "datadir").rstrip("/"))[0]["owner"])

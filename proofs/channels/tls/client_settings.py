"""How a client of each engine uses TLS, from the options in its option file.

MySQL (Reference Manual, "Command Options for Encrypted Connections"): `ssl-mode` DISABLED, PREFERRED (the default),
REQUIRED, VERIFY_CA, VERIFY_IDENTITY; only the last two verify, and only the last compares the name.
MariaDB (Knowledge Base, "Secure Connections Overview", "mariadb Command-Line Client"; Connector/C `ma_tls_connect`):
before 11.4 a client uses TLS if `ssl` or any `ssl-*` file is set, verifies the chain if it has a CA, and the name only
with `ssl-verify-server-cert`. Later clients verify by default; the option file does not say which one reads it, so the
older default is assumed: what is safe only by the client's version is not counted as safe.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofs.channels.option_files import Options
from proofs.model import Engine

_FALSE = {"0", "off", "false", "no", "disabled"}


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a client does about TLS. `ca` and `ca_path` as in the file; both None means the system's store."""

    tls: bool
    verify_chain: bool
    verify_name: bool
    ca: str | None
    ca_path: str | None
    certificate: str | None
    key: str | None
    versions: tuple[str, ...]


def settings_of(engine: Engine, options: Options) -> ClientSettings:
    """The settings of a client of this engine that reads these options."""
    ca, ca_path = options.get("ssl-ca"), options.get("ssl-capath")
    if engine == "mysql":
        mode = (options.get("ssl-mode") or "PREFERRED").upper()
        tls, chain, name = mode != "DISABLED", mode in ("VERIFY_CA", "VERIFY_IDENTITY"), mode == "VERIFY_IDENTITY"
    else:
        name = _on(options, "ssl-verify-server-cert")
        files = any(options.get(key) for key in ("ssl-ca", "ssl-capath", "ssl-cert", "ssl-key", "ssl-cipher"))
        tls = not _on(options, "skip-ssl") and ("ssl" not in options or _on(options, "ssl"))
        tls = tls and (_on(options, "ssl") or files or name)
        chain = name or ca is not None or ca_path is not None
    versions = tuple(v.strip() for v in (options.get("tls-version") or "").split(",") if v.strip())
    return ClientSettings(tls, chain, name, ca, ca_path, options.get("ssl-cert"), options.get("ssl-key"), versions)


def _on(options: Options, name: str) -> bool:
    """An option given without a value, or with one that does not mean off."""
    if name not in options:
        return False
    value = options[name]
    return value is None or value.lower() not in _FALSE

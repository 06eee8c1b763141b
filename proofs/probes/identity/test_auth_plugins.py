"""Control auth-plugin-strong."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import listed, login_accounts
from proofs.probes.logins import standing, tcp_identities
from proofs.probes.transport.settings import setting, texts

WEAK = "mysql_native_password"
ON_THE_WIRE = {"client_ed25519": "ed25519", "dialog": "pam", "auth_gssapi_client": "gssapi"}
"""Names of MariaDB's client plugins where they differ from the server's."""


def test_every_account_uses_a_strong_plugin(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Every account that can log in uses approved plugins only, in all its alternatives and further factors."""
    allowed = _allowed(target, params)
    judged = login_accounts(sql, target.engine)
    weak = [
        f"{account} by {plugin!a}"
        for account in judged
        for plugin in (*(method.plugin for method in account.usable_methods), *account.factors)
        if plugin not in allowed
    ]
    assert not weak, f"{len(weak)} of {len(judged)} accounts use plugins that are not approved: {listed(weak)}"


def test_server_default_is_strong(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """A new account gets an approved plugin, or the server still guards the weak default against its worst forms.

    MySQL: the first factor of `authentication_policy` (8.0.27), where `*` leaves it to
    `default_authentication_plugin` (removed in 8.4; then caching_sha2_password). MariaDB has no setting for its
    default: `old_passwords` must be OFF and `secure_auth` ON, so that pre-4.1 hashes are neither made nor taken.
    """
    if target.engine == "mariadb":
        old, secure = setting(sql, "old_passwords"), setting(sql, "secure_auth")
        assert old.upper() == "OFF", f"old_passwords is {old!a}, expected OFF"
        assert secure.upper() == "ON", f"secure_auth is {secure!a}, expected ON"
        return
    default = sql.variable("default_authentication_plugin")
    policy = sql.variable("authentication_policy")
    if policy is None and default is None:
        raise Indeterminate("the server shows neither authentication_policy nor default_authentication_plugin")
    first = (policy or "*").split(",")[0].strip()
    plugin = first.removeprefix("*").removeprefix(":") or default or "caching_sha2_password"
    assert plugin in _allowed(target, params), (
        f"new accounts get the plugin {plugin!a} (authentication_policy {policy!a})"
    )
    # With the first factor `*`, CREATE USER may name any plugin that is loaded; a weak one must not be there then.
    loaded = {str(row["plugin"]) for row in sql.rows(LOADED)}
    assert policy is None or not first.startswith("*") or WEAK not in loaded, (
        f"authentication_policy {policy!a} lets new accounts use the loaded {WEAK}"
    )


LOADED = """SELECT plugin_name AS plugin FROM information_schema.plugins
 WHERE plugin_type = 'AUTHENTICATION' AND plugin_status = 'ACTIVE'"""


def test_login_with_a_weak_plugin_is_refused(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """A client that offers mysql_native_password is made to use an approved plugin instead, for every identity.

    The server's AuthSwitchRequest names the plugin it insists on (MySQL client/server protocol); the login then
    succeeds by that one. Had the account been open to the weak one, no switch would have come.
    """
    allowed = _allowed(target, params)
    for identity in tcp_identities(sql, target):
        own = standing(sql, identity.name)
        if not own.ok:
            raise Indeterminate(f"the control experiment did not succeed: {own.describe()}")
        offered = sql.login(identity.name, auth_plugin=WEAK)
        if not offered.ok:
            raise Indeterminate(f"offering {WEAK} ended otherwise than expected: {offered.describe()}")
        used = str(offered.session.get("auth_plugin"))
        plugin = ON_THE_WIRE.get(used, used)
        assert plugin in allowed, f"{offered.describe()}, and by plugin {used!a}, which is not approved"


def _allowed(target: Target, params: Mapping[str, ParameterValue]) -> tuple[str, ...]:
    return texts(params, f"allowed_{target.engine}")

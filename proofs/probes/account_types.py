"""Accounts and roles as values: one shape for what both engines' account tables say."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD_PLUGINS = frozenset(
    {
        "caching_sha2_password",
        "sha256_password",
        "mysql_native_password",
        "mysql_old_password",
        "mysql_clear_password",
        "ed25519",
        "parsec",
    }
)
"""Plugins that compare against a verifier stored in the account; the others ask somebody else."""
SOCKET_PLUGINS = frozenset({"auth_socket", "unix_socket"})
"""Plugins that ask the kernel who is at the other end of a Unix socket; over TCP they always refuse."""
NO_LOGIN_PLUGINS = frozenset({"mysql_no_login"})


@dataclass(frozen=True, slots=True)
class Method:
    """One way for an account to authenticate.

    `has_secret`: a verifier is stored. `usable` is False where what is stored can match no password at all, as with
    MariaDB's `mysql_native_password USING 'invalid'`.
    """

    plugin: str
    has_secret: bool
    usable: bool = True

    @property
    def by_password(self) -> bool:
        """A password opens it."""
        return self.plugin in PASSWORD_PLUGINS


@dataclass(frozen=True, slots=True)
class Account:
    """One account or role. Hosts as written; times in epoch seconds; None = the server's default applies.

    `methods` are alternatives: any one of them opens the account. `factors` are further plugins that *also* have to
    agree (MySQL multi-factor authentication). `lifetime_days` 0 = never expires. `max_user_connections` 0 = the
    server's limit, negative = none allowed (MariaDB). `lock_days` negative = until unlocked (MySQL UNBOUNDED).
    """

    user: str
    host: str
    methods: tuple[Method, ...]
    factors: tuple[str, ...] = ()
    is_role: bool = False
    locked: bool = False
    expired: bool = False
    ssl_type: str = ""
    cipher: str = ""
    subject: str = ""
    issuer: str = ""
    max_user_connections: int = 0
    max_connections_per_hour: int = 0
    max_questions_per_hour: int = 0
    max_updates_per_hour: int = 0
    password_changed: int | None = None
    lifetime_days: int | None = None
    history: int | None = None
    reuse_days: int | None = None
    failed_login_attempts: int = 0
    lock_days: int = 0
    second_password: bool = False

    @property
    def name(self) -> str:
        """`user@host`, as the exemption parameters spell accounts."""
        return f"{self.user}@{self.host}"

    def __str__(self) -> str:
        return f"{self.user!a}@{self.host!a}"

    @property
    def usable_methods(self) -> tuple[Method, ...]:
        """The alternatives that can open it at all."""
        return tuple(m for m in self.methods if m.usable and m.plugin not in NO_LOGIN_PLUGINS)

    @property
    def can_log_in(self) -> bool:
        """Somebody with the right credentials gets in: not a role, not locked, a usable method."""
        return not self.is_role and not self.locked and bool(self.usable_methods)

    @property
    def password_methods(self) -> tuple[Method, ...]:
        """The usable alternatives that a password opens."""
        return tuple(m for m in self.usable_methods if m.by_password)

    @property
    def over_socket_only(self) -> bool:
        """No alternative works over TCP."""
        return all(m.plugin in SOCKET_PLUGINS for m in self.usable_methods) or any(
            plugin in SOCKET_PLUGINS for plugin in self.factors
        )

    def over_tcp(self, *, names_resolved: bool) -> bool:
        """It can log in over TCP.

        `localhost` means the Unix socket, and the loopback address too where the server resolves names
        (`skip_name_resolve` off; MySQL Reference Manual, "Specifying Account Names").
        """
        local_name = self.host.lower() == "localhost"
        return self.can_log_in and not self.over_socket_only and (names_resolved or not local_name)

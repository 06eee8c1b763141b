"""A limit on connections that end without a login, so that looking never gets the prover's address blocked.

MySQL and MariaDB count, per client address, successive connection requests interrupted before a login was complete
(the host cache's SUM_CONNECT_ERRORS) and block the address at `max_connect_errors` (default 100); a successful
connection sets the counter back to zero. Loopback addresses are exempt, real networks are not.
Source: MySQL Reference Manual, "DNS Lookups and the Host Cache" and `max_connect_errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from proofs.errors import ChannelError

DEFAULT_LIMIT = 40
"""Far below the servers' default of 100, which other tools on the same address use up as well."""


class AbortBudget:
    """Counts aborted connections and has a good login made before more than `limit` come in a row.

    `renew` performs one good login and says whether it succeeded. Safe to share between threads: a renewal is made
    by one thread while the others wait.
    """

    def __init__(self, renew: Callable[[], bool], limit: int = DEFAULT_LIMIT) -> None:
        if limit < 1:
            raise ValueError("the limit of aborted connections must be at least 1")
        self._renew = renew
        self._limit = limit
        self._lock = threading.Lock()
        self._since_login = 0
        self._aborted = 0
        self._renewals = 0

    @property
    def aborted(self) -> int:
        """Connections spent so far."""
        return self._aborted

    @property
    def renewals(self) -> int:
        """Good logins made so far to set the server's counter back."""
        return self._renewals

    def spend(self, n: int = 1) -> None:
        """Account for `n` connections about to be made; makes a good login first when they would pass the limit.

        Raises `ChannelError` if that login fails: going on could get this address blocked.
        """
        if not 1 <= n <= self._limit:
            raise ValueError(f"{n} connections do not fit a budget of {self._limit}")
        with self._lock:
            if self._since_login + n > self._limit:
                if not self._renew():
                    raise ChannelError(
                        f"{self._since_login} connections without a login were made and the inspector cannot log in: "
                        "stopped, as more could get this address blocked (max_connect_errors)"
                    )
                self._renewals += 1
                self._since_login = 0
            self._since_login += n
            self._aborted += n

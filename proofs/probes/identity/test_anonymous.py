"""Control no-anonymous-accounts."""

from __future__ import annotations

from proofs.model import Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.accounts import accounts, listed
from proofs.probes.logins import standing


def test_no_anonymous_account_exists(sql: SqlChannel, target: Target) -> None:
    """No account has an empty user name, locked or not.

    A locked one counts too: it still shadows named accounts with a less specific host (MySQL Reference Manual,
    "Access Control, Stage 1: Connection Verification").
    """
    nameless = [account for account in accounts(sql, target.engine) if account.user == "" and not account.is_role]
    assert not nameless, f"anonymous accounts exist: {listed(nameless)}"


def test_anonymous_and_unknown_logins_are_refused(sql: SqlChannel, experiment: Experiments) -> None:
    """A login without a user name, and one under a name that no account has, are refused.

    1045 ER_ACCESS_DENIED_ERROR on both engines. Both come with a certificate that opens the inspector's account and
    without a password, as an anonymous account is usually made.
    """
    with experiment("log in as nobody") as e:
        e.control(standing(sql, "inspector"))
        for user in ("", "proof-of-controls-nobody"):
            e.attack(sql.login("inspector", user=user, password="empty"), refused_with=1045)  # noqa: S106 - a label

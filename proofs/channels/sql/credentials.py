"""Passwords that are not the identity's own: a wrong one, and defaults that were published somewhere.

They are asked for by label, so that no literal of them is ever part of a request: a request must be the same in
live runs and replays, and a literal equal to a real secret would be redacted.
"""

from __future__ import annotations

from collections.abc import Mapping

WRONG = "proof-of-controls: not the password"

PUBLISHED: Mapping[str, str] = {
    # Account creation statements of the public zero-trust-mysql reference deployment (vm_oneclick.sh).
    "reference-db-owner": "Owner#ChangeMe!23",
    "reference-app-user": "App#ChangeMe!23",
    "reference-app-api": "NoLogin#Blocked!23",
    "reference-auditor": "Audit#ChangeMe!23",
    "reference-migration": "Migrate#ChangeMe!23",
    # MySQL and MariaDB manuals and container image documentation: values in examples.
    "manual-my-secret-pw": "my-secret-pw",
    "manual-mypass": "mypass",
    "root": "root",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "password": "password",
}

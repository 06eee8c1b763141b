"""Print the sudoers file for the account that proofs log in with: python tools/sudoers.py ACCOUNT > proofs.sudoers"""

from __future__ import annotations

import argparse
import sys

from proofs.channels.host.sudoers import sudoers, table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("account", nargs="?", default="prover", help="the account on the host (default: prover)")
    parser.add_argument("--bans", action="store_true", help="with the rule that lifts a ban, for allow_ban_probe")
    parser.add_argument("--table", action="store_true", help="the list of commands as a table, for docs/hosts.md")
    options = parser.parse_args()
    try:
        sys.stdout.write(table() if options.table else sudoers(options.account, bans=options.bans))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

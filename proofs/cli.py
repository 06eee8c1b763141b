"""The console script `proofs`: everything but the proof itself, which is `pytest --target=NAME`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from proofs import __version__
from proofs.errors import ProofsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 well, 1 not what it should be, 2 unreadable, 4 wrong usage or configuration."""
    parser = _parser()
    options = parser.parse_args(arguments)
    # Imported here: `proofs --help` answers without loading anything.
    from proofs.commands import run  # noqa: PLC0415

    try:
        return run(options)
    except ProofsError as error:
        if options.debug:
            raise
        for line in str(error).splitlines():
            print(f"ERROR: {line}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Wrong usage is exit 4, as in pytest."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        print(f"ERROR: {message}", file=sys.stderr)
        raise SystemExit(4)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="proofs", description="Prove a host with: pytest --target=NAME. Everything else is here.")
    parser.add_argument("--version", action="version", version=f"proof-of-controls {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    verify = commands.add_parser("verify", help="check a bundle's signature, digests and consistency")
    verify.add_argument("bundle")
    verify.add_argument("--key", help="public key (PEM) of the signer; without it only integrity is checked")

    replay = commands.add_parser("replay", help="judge a bundle's evidence again, without contacting anything")
    replay.add_argument("bundle")
    replay.add_argument("--key", help="public key (PEM) of the signer")
    replay.add_argument("--controls", help="another catalogue than the bundle's own")
    replay.add_argument("--profile", help="another profile")
    replay.add_argument("--set", action="append", default=[], metavar="CONTROL.PARAMETER=VALUE")

    seal = commands.add_parser("seal", help="seal the directory of a run that was killed")
    seal.add_argument("run_dir")
    seal.add_argument("--reports", help="where the bundle goes (default: where the run wanted it)")
    seal.add_argument("--signing-key")
    seal.add_argument("--signing-key-passphrase", metavar="REF", help="env:NAME, file:PATH or command:WORDS")

    keygen = commands.add_parser("keygen", help="make an Ed25519 signing key")
    keygen.add_argument("private", nargs="?", default="proofs-signing.key", help="default: %(default)s")
    keygen.add_argument("public", nargs="?", help="default: the private key's name with .pub")
    keygen.add_argument("--passphrase", metavar="REF", help="encrypt the key: env:NAME, file:PATH or command:WORDS")

    controls = commands.add_parser("controls", help="the catalogue as a table")
    controls.add_argument("--controls", help="another catalogue")
    controls.add_argument("--profile", help="only the controls of a profile")
    controls.add_argument("--engine", choices=("mysql", "mariadb"))
    controls.add_argument("--probes", action="store_true", help="with the probes of each control")

    lab = commands.add_parser("lab", help="the embedded lab: up, down, status")
    actions = lab.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_Parser)
    up = actions.add_parser("up", help="bring it up and leave it up")
    up.add_argument("name", nargs="?", help="lab target (default: by engine: lab or lab-mariadb)")
    up.add_argument("--engine", choices=("mysql", "mariadb"), default="mysql")
    up.add_argument("--sabotage", metavar="NAME", help="break it in one known way (`proofs lab sabotages`)")
    down = actions.add_parser("down", help="take it down and leave nothing behind")
    down.add_argument("name", nargs="?", help="default: every lab that `proofs lab up` left up")
    actions.add_parser("status", help="what is up")
    actions.add_parser("sabotages", help="known ways to break the lab, and the controls that notice")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

"""What each command of `proofs` does."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any


def run(options: Namespace) -> int:
    """Dispatch. Raises `ProofsError` for what a person should read in one line."""
    handler = {
        "verify": _verify,
        "replay": _replay,
        "seal": _seal,
        "keygen": _keygen,
        "controls": _controls,
        "lab": _lab,
    }[options.command]
    return handler(options)


def _path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None


def _verify(options: Namespace) -> int:
    from proofs.bundle.read import open_verified  # noqa: PLC0415
    from proofs.export.words import tailored  # noqa: PLC0415

    with open_verified(Path(options.bundle), _path(options.key)) as bundle:
        assessment = bundle.assessment
        print(f"OK: {options.bundle}")
        run = assessment["run"]
        state = run["status"] + (f", PARTIAL ({run['selection']})" if run["partial"] else "")
        print(f"target   {assessment['target']['name']} ({assessment['target']['title']}), {run['started']}, {state}")
        counts = ", ".join(f"{number} {verdict}" for verdict, number in assessment["counts"].items() if number)
        print(f"verdicts {counts}")
        for record in assessment["tailoring"]:
            print(f"TAILORED {ascii(tailored(record))[1:-1]}")
        print(f"signer   {bundle.keyid} ({_origin(bundle)})")
    return 0


def _origin(bundle: Any) -> str:
    if bundle.signer_kind == "ephemeral":
        return "a key made for that run: this proves integrity, not origin"
    if not bundle.key_given:
        return "checked with the bundle's own key: this proves integrity, not origin; give --key"
    return "the key you gave: integrity and origin are proven"


def _replay(options: Namespace) -> int:
    import pytest  # noqa: PLC0415

    from proofs.bundle.read import open_verified  # noqa: PLC0415
    from proofs.plugin.replaying import Replay  # noqa: PLC0415

    with open_verified(Path(options.bundle), _path(options.key)) as bundle:
        recorded = dict(bundle.assessment)
    arguments = [f"--replay={options.bundle}", "-q", "-p", "no:cacheprovider", "--rootdir", str(Path.cwd())]
    arguments += ["-c", "/dev/null", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    for name in ("controls", "profile"):
        if getattr(options, name):
            arguments.append(f"--{name}={getattr(options, name)}")
    arguments += [f"--set={text}" for text in options.set]
    replay = Replay(recorded)
    status = pytest.main(arguments, plugins=[replay])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or replay.assessment is None:
        return int(status)
    return replay.compare(sys.stdout)


def _seal(options: Namespace) -> int:
    from proofs.evidence import RunDirectory  # noqa: PLC0415
    from proofs.plugin.finish import finish  # noqa: PLC0415
    from proofs.plugin.settings import signer_of  # noqa: PLC0415

    path = Path(options.run_dir)
    # A run directory lies in REPORTS/.runs/NAME.
    reports = Path(options.reports) if options.reports else path.resolve().parent.parent
    signer = signer_of(options.signing_key, options.signing_key_passphrase)
    done = finish(RunDirectory(path), signer, reports, secrets=())
    print(f"sealed as {done.assessment['run']['status']}: {done.bundle}")
    return 0


def _keygen(options: Namespace) -> int:
    from proofs.bundle import signers  # noqa: PLC0415
    from proofs.plugin.settings import passphrase_of  # noqa: PLC0415

    private = Path(options.private)
    public = Path(options.public) if options.public else private.with_suffix(".pub")
    passphrase = passphrase_of(options.passphrase)() if options.passphrase else None
    key = signers.generate(private, public, passphrase)
    print(f"private key {private} (keep it secret), public key {public} (give it to whoever verifies)")
    print(f"key id      {key.keyid}")
    return 0


def _controls(options: Namespace) -> int:
    from proofs.catalogue.controls import load_catalogue  # noqa: PLC0415
    from proofs.catalogue.tailor import profile_of  # noqa: PLC0415
    from proofs.export.table import controls_table  # noqa: PLC0415
    from proofs.resources import CONTROLS  # noqa: PLC0415

    catalogue = load_catalogue(Path(options.controls) if options.controls else CONTROLS)
    names = profile_of(catalogue, options.profile).controls if options.profile else tuple(catalogue.controls)
    chosen = [catalogue.controls[name] for name in names]
    if options.engine:
        chosen = [control for control in chosen if options.engine in control.engines]
    controls_table(chosen, probes=options.probes)
    return 0


def _lab(options: Namespace) -> int:
    from proofs import lab  # noqa: PLC0415
    from proofs.lab import sabotages  # noqa: PLC0415

    if options.action == "up":
        name = options.name or ("lab" if options.engine == "mysql" else "lab-mariadb")
        state = lab.up(name, options.engine, sabotage=options.sabotage)
        broken = f", sabotaged: {state.sabotage}" if state.sabotage else ""
        print(f"{state.name}: {state.engine} {state.version} on 127.0.0.1:{state.port}{broken}")
        print(f"prove it with: pytest --target={state.name}")
    elif options.action == "down":
        # Without a name: what `lab up` left up. A lab that a running proof brought up goes down with that proof.
        names = [options.name] if options.name else [state.name for state in lab.status() if state.kept]
        for name in names:
            print(f"{name}: {'down' if lab.down(name) else 'was not up'}")
        if not names:
            print("no lab was left up")
    elif options.action == "status":
        states = lab.status()
        for state in states:
            broken = f", sabotaged: {state.sabotage}" if state.sabotage else ""
            print(
                f"{state.name}: {state.engine} {state.version}, 127.0.0.1:{state.port}, since {state.started}{broken}"
            )
        if not states:
            print("no lab is up")
    else:
        for sabotage in sabotages.load().values():
            engines = ",".join(sabotage.changes)
            print(f"{sabotage.name:<36} {engines:<15} breaks {', '.join(sabotage.breaks)}")
    return 0

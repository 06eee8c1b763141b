"""sshd as its configuration makes it: sshd(8), -T (extended test mode) and -C (as a connection would find it)."""

from __future__ import annotations

from proofs.channels.host.commands.command import Command
from proofs.model import STRANGER

_JUDGED = (
    "match|include|permitrootlogin|passwordauthentication|kbdinteractiveauthentication"
    "|challengeresponseauthentication|skeyauthentication|permitemptypasswords"
)
_PLACES = (
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d",
    "/etc/crypto-policies/back-ends/opensshserver.config",  # where RHEL's drop-in leads
)

COMMANDS = (
    Command("sshd-effective", ("sshd", "-T"), root=True),
    # With -C, Match blocks are applied; the address is of those for documentation (RFC 5737).
    Command(
        "sshd-effective-root",
        ("sshd", "-T", "-C", "user=root,host=stranger.example,addr=192.0.2.1"),
        root=True,
    ),
    # What Match blocks set, whoever they are for. grep(1): 2 where a place is missing, which its errors tell.
    Command(
        "sshd-blocks",
        ("grep", "-RniE", f"^[[:blank:]]*[^#[:alnum:]]?({_JUDGED})[^[:alnum:]]", *_PLACES),
        root=True,
        exits=(0, 1, 2),
    ),
    # Only the message itself; status 1 for none that matches (journalctl(1), --grep).
    Command(
        "ssh-strangers",
        (
            "journalctl",
            "--quiet",
            "--no-pager",
            "--output=cat",
            "--since=-15min",
            "--lines=200",
            f"--grep=^Invalid user {STRANGER} from",
        ),
        root=True,
        exits=(0, 1),
        seconds=40,
        anew=True,
    ),
)

"""Where secrets lie open on a host. No command here prints a value: of what it finds it names the file and the line or
process, and the *name* of the option or variable (what a secret looks like is in `secret_patterns`).

`find -exec … {} +` ends with 1 where nothing was found, a place is missing or a file could not be read; its errors tell
which. Each is run alone, as a slow disk must not keep the others from answering.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command
from proofs.channels.host.commands.secret_patterns import ARGUMENT, HISTORY, OPTION, SCRIPT, SETTING, VARIABLE

_LINES = ("--line-number", "--with-filename", "--only-matching", "--perl-regexp", "-e")
# Processes end while they are looked at, and the kernel's own have nothing to show: no messages.
_RECORDS = ("--no-messages", "--text", "--null-data", "--with-filename", "--only-matching", "--perl-regexp", "-e")
_HOMES = ("/root", "/home", "/export/home")
# Homes of services and of people who share a machine with them; each may be a home itself (/var/www).
_OTHER_HOMES = ("/var/lib", "/var/www", "/srv", "/opt")
_SECONDS = 60
_LISTED = ("-printf", "%m|%s|%u|%p\\n")


def _any(test: str, *values: str) -> tuple[str, ...]:
    words = [word for value in values for word in ("-o", test, value)]
    return ("(", *words[1:], ")")


def _files(
    name: str, places: tuple[str, ...], which: tuple[str, ...], pattern: str, *, depth: int, binary: bool = True
) -> Command:
    """With `binary`, a file is searched whatever bytes are in it."""
    start = ("find", *places, "-xdev", "-maxdepth", str(depth), "-type", "f", *which, *_LISTED)
    grep = ("grep", "--text" if binary else "--binary-files=without-match", *_LINES)
    return _command(name, (*start, "-exec", *grep, pattern, "{}", "+"), limit=1 << 19)


def _processes(name: str, file: str, pattern: str) -> Command:
    start = ("find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name", file)
    return _command(name, (*start, "-exec", "grep", *_RECORDS, pattern, "{}", "+"), limit=1 << 18)


def _command(name: str, argv: tuple[str, ...], *, limit: int) -> Command:
    # The limit is root's too: a login cannot end sudo's child.
    limited = ("timeout", "-k", "5", str(_SECONDS), *argv)
    return Command(name, limited, root=True, exits=(0, 1), limit=limit, alone=True, seconds=_SECONDS + 10)


COMMANDS = (
    _processes("process-arguments", "cmdline", ARGUMENT),
    _processes("process-variables", "environ", VARIABLE),
    _files(
        "unit-secrets",
        ("/etc/systemd", "/run/systemd", "/usr/lib/systemd", "/usr/local/lib/systemd", *_HOMES),
        (
            *_any("-path", "*/systemd/*", "*/.config/environment.d/*"),
            *_any("-name", "*.service", "*.socket", "*.mount", "*.conf"),
        ),
        SETTING,
        depth=6,
    ),
    _files(
        "option-file-secrets",
        ("/etc", *_HOMES, *_OTHER_HOMES),
        ("-name", "*.cnf", "!", "-name", "openssl.cnf", "!", "-path", "/etc/ssl/*"),
        OPTION,
        depth=6,
    ),
    _files(
        "profile-secrets",
        (
            "/etc/environment",
            "/etc/environment.d",
            "/etc/profile",
            "/etc/profile.d",
            "/etc/default",
            "/etc/sysconfig",
            "/etc/conf.d",
            "/etc/fstab",
            *_HOMES,
            *_OTHER_HOMES,
        ),
        (
            "(",
            "-path",
            "/etc/*",
            "-o",
            *_any("-name", ".*profile", ".*rc", ".*login", ".zshenv", ".bash_aliases", ".pam_environment"),
            ")",
        ),
        SETTING,
        depth=2,
    ),
    # No script is larger; programs that are compiled may be, and hold text that looks like anything.
    _files(
        "script-secrets",
        (
            "/etc/crontab",
            "/etc/anacrontab",
            "/etc/cron.d",
            "/etc/cron.hourly",
            "/etc/cron.daily",
            "/etc/cron.weekly",
            "/etc/cron.monthly",
            "/var/spool/cron",
            "/usr/local/bin",
            "/usr/local/sbin",
        ),
        ("-size", "-1025k"),
        SCRIPT,
        depth=2,
        binary=False,
    ),
    # As deep as fish's (~/.local/share/fish) and MySQL Shell's (~/.mysqlsh).
    _files(
        "history-secrets",
        (*_HOMES, *_OTHER_HOMES),
        (
            *("-size", "-16385k"),
            "(",
            "-path",
            "*/.mysqlsh/history.*",
            "-o",
            *_any("-name", ".*history*", ".histfile", "fish_history", ".viminfo"),
            ")",
        ),
        HISTORY,
        depth=5,
    ),
)

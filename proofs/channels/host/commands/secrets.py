"""Where secrets lie open on a host. No command here prints a value: of what it finds it names the file and the line or
process, and the *name* of the option or variable up to its equals sign (grep's --only-matching with lookahead).

`find -exec … {} +` ends with 1 both where nothing was found and where a file could not be read; its errors tell which.
Patterns are Perl's: grep(1), --perl-regexp. Each is run alone, as a slow disk must not keep the others from answering.
"""

from __future__ import annotations

from proofs.channels.host.commands.command import Command

_WORD = "(?i:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|mysql_pwd)"
_NAME = rf"[A-Za-z0-9_.-]*{_WORD}[A-Za-z0-9_-]*"
# Servers have options about passwords that hold none (default_password_lifetime): here the word ends the name.
_OPTION = rf"[A-Za-z0-9_.-]*{_WORD}[0-9]?(?i:(?<!validate_password)(?<!validate-password))"
_NOT_A_FILE = r"(?i:(?<!_file)(?<!_path)(?<!_id)(?<!-file))"
_GIVEN = (
    r"(?!\s*[\"']?(?:\$\{?[A-Za-z_]\w*\}?|%[dEt]/[^\s\"']*)[\"']?(?:\s|$))"  # ${VARIABLE}, %d/credential
    r"(?=\s*[\"']?[^\s\"'])"
)
_ASSIGNED = rf"^(?!\s*[#;]).*?\K(?<![A-Za-z0-9_]){_NAME}{_NOT_A_FILE}\s*={_GIVEN}"
_OPTION_SET = rf"^\s*\K{_OPTION}\s*={_GIVEN}"
_PROGRAM = r"^(?:[^\s]*/)?(?:mysql|mariadb)[a-z_-]*$"
_IDENTIFIED = (
    r"(?i:identified(?:\s|\\040)+(?:with(?:\s|\\040)+\S+?(?:\s|\\040)+)?(?:by|as|using)(?=(?:\s|\\040)+[\"']))"
)
_URL = r"(?<![A-Za-z0-9+.-])[a-z][a-z0-9+]*://[^\s/:@]*:(?=[^\s/@]+@)"
_ARGUMENT = rf"{_PROGRAM}|^-p(?=.)|^--?{_NAME}{_NOT_A_FILE}=(?=.)|{_IDENTIFIED}|{_URL}"
_TYPED = (
    rf"(?:^|[\s;&|(/])(?:mysql|mariadb)[a-z_-]*\s(?:[^|;&]*\s)?\K-p(?=[^\s])|--?{_NAME}{_NOT_A_FILE}=(?=[^\s])"
    rf"|(?<![A-Za-z0-9_])MYSQL_PWD=(?=[^\s])|{_IDENTIFIED}|{_URL}"
)
_LINES = ("grep", "--text", "--line-number", "--with-filename", "--only-matching", "--perl-regexp", "-e")
# Processes end while they are looked at, and the kernel's own have nothing to show: no messages.
_RECORDS = (
    "grep",
    "--no-messages",
    "--text",
    "--null-data",
    "--with-filename",
    "--only-matching",
    "--perl-regexp",
    "-e",
)
_OF_PROCESSES = ("find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name")
_HOMES = ("/root", "/home")
_LISTED = ("-printf", "%m|%s|%u|%p\\n")


def _files(name: str, places: tuple[str, ...], which: tuple[str, ...], pattern: str, *, depth: int) -> Command:
    start = ("find", *places, "-xdev", "-maxdepth", str(depth), "-type", "f")
    return Command(
        name,
        (*start, *which, *_LISTED, "-exec", *_LINES, pattern, "{}", "+"),
        root=True,
        exits=(0, 1),
        limit=1 << 19,
        alone=True,
        seconds=60,
    )


COMMANDS = (
    Command(
        "process-arguments",
        (*_OF_PROCESSES, "cmdline", "-exec", *_RECORDS, _ARGUMENT, "{}", "+"),
        root=True,
        exits=(0, 1),
        limit=1 << 18,
        alone=True,
        seconds=60,
    ),
    Command(
        "process-variables",
        (
            *_OF_PROCESSES,
            "environ",
            "-exec",
            *_RECORDS,
            rf"^(?:PATH|INVOCATION_ID|{_NAME}{_NOT_A_FILE})(?==.)",
            "{}",
            "+",
        ),
        root=True,
        exits=(0, 1),
        limit=1 << 18,
        alone=True,
        seconds=60,
    ),
    _files(
        "unit-secrets",
        ("/etc/systemd", "/run/systemd", "/usr/lib/systemd"),
        ("(", "-name", "*.service", "-o", "-name", "*.conf", ")"),
        _ASSIGNED,
        depth=5,
    ),
    _files(
        "option-file-secrets",
        ("/etc", "/var/lib", *_HOMES),
        ("-name", "*.cnf", "!", "-name", "openssl.cnf", "!", "-path", "/etc/ssl/*"),
        _OPTION_SET,
        depth=6,
    ),
    _files(
        "profile-secrets",
        ("/etc/environment", "/etc/profile", "/etc/profile.d", "/etc/default", "/etc/crontab", "/etc/cron.d", *_HOMES),
        (
            "(",
            "-path",
            "/etc/*",
            "-o",
            "-name",
            ".*profile",
            "-o",
            "-name",
            ".*rc",
            "-o",
            "-name",
            ".pam_environment",
            ")",
        ),
        _ASSIGNED,
        depth=2,
    ),
    _files(
        "history-secrets",
        ("/var/lib", *_HOMES),
        ("-name", ".*history"),
        _TYPED,
        depth=3,
    ),
)

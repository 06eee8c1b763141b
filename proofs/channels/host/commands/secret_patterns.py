"""What a secret looks like in a line, an argument or a variable: patterns of Perl's for grep(1), --perl-regexp.

With --only-matching each prints the *name* of what it found, or the option or the scheme that goes before the secret;
the value is only looked at, ahead of what is printed. Each prints the first find of a line and no more, for what comes
after a secret may be the rest of it. The words are those real software has for passwords and keys, and nothing wider:
each false alarm teaches people not to look.

Repetitions are bounded, for a long line must not take long or too much (grep then fails, and nothing is concluded).
Parts that recur are defined once in a pattern and called by name: pcre2pattern(3), "Defining subpatterns for use by
reference only".
"""

from __future__ import annotations

# May be followed by more (DB_PASSWORD_2). Keys: AWS_ACCESS_KEY, TS_AUTHKEY, N8N_ENCRYPTION_KEY, RAILS_MASTER_KEY.
_WORD = r"passw(?:or)?d|pass[_-]?phrase|passcode|secret|token|(?:api|access|auth|encryption|master|private)[_-]?key"
# Ends a name. No secrets: the shell's PWD and OLDPWD, SSH_ASKPASS and its like, words of English that end so, and
# systemd's LoadCredential=, SetCredential=, ConditionCredential= and so on.
_LAST_WORD = (
    r"(?<!ask)(?<!by)(?<!com)(?<!over)(?<!under)(?<!sur)(?<!tres)(?<!high)(?<!low)(?<!band)(?<!multi)pass"
    r"|(?<=[a-z0-9_.-])(?<!old)pwd|(?<!load)(?<!set)(?<!import)(?<!condition)(?<!assert)credentials?"
)
# Servers have options about passwords that hold none (default_password_lifetime): there the word ends the name.
_OPTION_NAME = (
    rf"[A-Za-z0-9_.-]*(?i:{_WORD}|{_LAST_WORD})[0-9]?(?i:(?<!validate_password)(?<!validate-password))"
    r"|(?i:(?:loose[_-])?wsrep[_-]sst[_-]auth)"
)
_QUOTES = r"(?:\\?[\"'])*+"
_ENDS = rf"{_QUOTES}(?:[\s;&|),]|$)"

_PARTS = {
    "name": rf"[A-Za-z0-9_.-]{{0,200}}(?i:(?:{_WORD})[a-z0-9_-]{{0,200}}|(?:{_LAST_WORD})[0-9]*(?![a-z0-9_-]))"
    r"(?i:(?<!file)(?<!path)(?<![_-]dir)(?<![_-]id)(?<![_-]fd))",
    # What stands for a secret that is elsewhere (${VARIABLE}, $(command), %d/credential, a file), and what is none.
    # ${VARIABLE:-word} is one: the word is used where the variable is not set.
    "elsewhere": r"`|\$\(|%[dEtShCLT]/|/(?:etc|run|var|home|root|opt|srv|usr|tmp|dev|proc|mnt)/"
    rf"|(?:\$\{{\w+(?!:?[-=][^}}$\"'\s])[^}}\s]*\}}|\$\w+)+(?:/|{_ENDS})"
    rf"|(?:(?i:yes|no|true|false|on|off|none|null|force(?:_plus_permanent)?)|[01]|/){_ENDS}",
    "given": rf"(?!\s*{_QUOTES}(?&elsewhere))(?=\s*{_QUOTES}[^\s\"'])",
    # In scripts nor what is compared, matched (--password=*) or left open (%s).
    "typed": rf"(?![;&|()<>=~*]|{_QUOTES}(?:(?&elsewhere)|%s|\{{|\.[.*+]|\\|<|#\s))(?={_QUOTES}[^\s\"'])",
    "word": rf"(?!{_QUOTES}[$`])(?=(?:\\?[\"'])++[^\s\"']|[^\s\"'\\|;&<>)])",
    "argument": r"(?:[^\s|;&\"'>]{1,2000}+|>&?|\"[^\"]{0,2000}+\"|'[^']{0,2000}+')++",
    # Not -print, -perm … of find's, nor -p3306:3306 of a container's.
    "p": r"-p(?!(?:rint[0f]?|rune|ath|erm)(?:[\s\"']|$)|[0-9]+:[0-9])",
    "blanks": r"(?:\h|\\\n)++",
    # libedit's histories have \040 for a blank.
    "sp": r"(?:\s|\\040)",
    "quoted": r"(?&sp)*+\\?[\"'](?!\$(?!A\$)|[\"'<{]|\?[\"']|%s)",
    # A user name and a password in a URL; the number after a colon may be a port.
    "url": r"[^\s/:@\"'<>\[]*:(?![0-9]+(?:[/?#\"'\s]|$))(?![$`{<%]|\*+@|x+@)[^\s@\"'<>]{1,1000}+@",
}


def _whole(pattern: str) -> str:
    """The pattern with the definitions of the parts it calls, and of those that they call."""
    used: dict[str, str] = {}
    while more := {n: text for n, text in _PARTS.items() if n not in used and f"(?&{n})" in pattern + str(used)}:
        used |= more
    defined = "".join(f"(?<{name}>{text})" for name, text in used.items())
    return f"(?(DEFINE){defined})(?:{pattern})"


_BEGINS = r"(?<![^\s;&|(\"'`,!{])"
# Names as they are only with their own directories, for /var/lib/mysql is no program; the longer ones anywhere.
_LONGER_NAME = (
    r"(?:mysql|mariadb)[_-]?(?:access|admin|backup|binlog|check|dump|hotcopy|import|pump|sh|show|slap|upgrade)"
    r"|mariabackup|xtrabackup|mydumper|myloader"
)
_PROGRAM = (
    r"(?:(?<=bin/)|(?<=\./)|(?<![\w./$-])(?<!-u\s)(?<!name\s)(?<!show\s)(?<!status\s)|(?<==-))(?:mysql|mariadb)"
    rf"|(?<![\w.$])(?<!\w-)(?:{_LONGER_NAME})"
)
_P_GIVEN = r"(?&p)(?&word)"
_OF_SERVERS = rf"(?:{_PROGRAM})(?:(?&blanks)(?!{_P_GIVEN})(?&argument)){{0,40}}+\K(?&blanks){_P_GIVEN}"
_SSHPASS = r"(?<![\w.$-])sshpass(?:\h++-[vV]+|\h++-P\h*+\S+)*+\h++\K-p(?=\h*+(?&word))"
_USER = rf"(?:--user[\h=]|-[A-Za-z]*u)(?=\h*+{_QUOTES}[^\s:\"']+:(?&word))"
_CURL = rf"(?<![\w.$-])curl(?:(?&blanks)(?!{_USER})(?&argument)){{0,40}}+(?&blanks)\K{_USER}"
_URL = r"(?<![A-Za-z0-9+.-])(?i:[a-z][a-z0-9+.-]*)://(?=(?&url))"
# Of ODBC's, ADO's and JDBC's connection strings. PASSWORD= has a name anyway, but PWD alone is the shell's.
_CONNECTION = rf"[;?&](?i:password|pwd)=(?!{_QUOTES}(?&elsewhere))(?=[^\s;&\"'%{{<*])"
_OLD_FUNCTION = r"(?:(?:old_)?password(?&sp)*\((?&sp)*)?(?&quoted)"
_STATEMENT = (
    r"(?i:identified(?&sp)+(?:(?:with|via)(?&sp)+\S+?(?&sp)+)?(?:by|as|using)"
    rf"(?=(?:(?&sp)+password)?(?&sp)*{_OLD_FUNCTION}))"
    rf"|(?i:set(?&sp)+password(?=(?:(?&sp)+for(?&sp)+\S+?)?(?&sp)*(?:=|(?&sp)to(?&sp))(?&sp)*{_OLD_FUNCTION}))"
)
_TYPED = rf"{_OF_SERVERS}|{_SSHPASS}|{_CURL}|{_URL}|{_STATEMENT}|{_CONNECTION}"
# What a program hands on is no secret: connect(password=args.password). No shell's option is given like that.
_HANDED_ON = r"[A-Za-z_][\w.]*(?:[()\[]|,(?:\s|$))"
_BY_SHELL = (
    rf"{_BEGINS}(?:(?=-)(?&name)=|(?!-)(?&name)=(?!{_HANDED_ON}))(?&typed)"
    rf"|(?<![\w.-])(?&name)\h*=(?=\h*+[\"'])(?=\h*+(?&typed))|{_TYPED}"
)
_NO_COMMENT = r"^(?!\s*[#;])"

SETTING = _whole(
    rf"{_NO_COMMENT}(?:\s*\KSetCredential=(?&name)(?=\s*:\s*\S)"
    rf"|.*?\K(?:(?<![A-Za-z0-9_])(?&name)\s*=(?&given)|{_TYPED}))"
)
"""In a unit, a profile or a service's defaults. systemd.exec(5): SetCredential= holds it in plain text."""

# Nothing is expanded there: whatever stands for a password is one, but the words of a switch.
_SET = rf"(?!\s*{_QUOTES}(?i:yes|no|true|false|on|off|force(?:_plus_permanent)?){_ENDS})(?=\s*{_QUOTES}[^\s\"'])"
OPTION = _whole(rf"^\s*\K(?:{_OPTION_NAME})\s*={_SET}|{_NO_COMMENT}.*?\K{_URL}")
"""In an option file of the servers. wsrep_sst_auth is Galera's `user:password`."""

SCRIPT = _whole(rf"{_NO_COMMENT}.*?\K(?:{_BY_SHELL})")
"""In a script or a table of cron's."""

HISTORY = _whole(
    rf"^.*?\K(?:{_BY_SHELL}|(?:(?<=\\040)|{_BEGINS})(?&name)(?=(?&sp)*=(?&quoted))"
    rf"(?!(?&sp)*=(?&sp)*{_QUOTES}(?&elsewhere))"
    rf"|{_BEGINS}(?:setenv|set(?:\h++-\S+)++)\h++\K(?&name)(?=\h++(?&word)))"
    r"|^\t\s*\K(?&name)\h*=(?&given)"
)
"""In what a person typed to a shell (csh and fish have `setenv` and `set -x`), a client or vim (registers: a tab)."""

_RECORD_OF_PROGRAM = (
    r"^(?:(?:(?:[^\s=]*/)?s?bin/|\./)?(?:mysql|mariadb)"
    rf"|(?:[^\s=]*/)?(?:(?:mysql|mariadb)d[a-z_-]*|(?:{_LONGER_NAME})[a-z_-]*))$"
)
ARGUMENT = _whole(rf"{_RECORD_OF_PROGRAM}|^(?&p)(?=.)|^(?&name)=(?=[^=])|^(?s:.*?)\K(?:{_BY_SHELL})")
"""A record of /proc/pid/cmdline. It may be a whole line for a shell: there `-p` is printed with a blank before it."""

VARIABLE = _whole(
    rf"^(?:PATH|INVOCATION_ID|(?&name)(?==.)(?!=(?&elsewhere))|[A-Za-z_]\w*(?==(?s:.*?)(?:{_URL}|{_CONNECTION})))(?==)"
)
"""A record of /proc/pid/environ: named like a secret, or a URL or connection string with a password in it."""

"""Everything this package raises on purpose: one root, three branches, and two probe outcomes.

A control that does not hold is a value (`Verdict.NOT_SATISFIED`), never an exception of this module.
"""


class ProofsError(Exception):
    """Root of every error that is shown to a person as one line."""

    exit_code = 4


class ConfigurationError(ProofsError):
    """The user's own files or options are wrong: found before anything is contacted.

    The message is one line: file, line, key, what was found, what was expected, how to mend it.
    """

    exit_code = 4


class StorageError(ConfigurationError):
    """The place for evidence does not take it: read-only, full, gone. What was written before stays."""


class ChannelError(ProofsError):
    """The target could not be looked at: unreachable, time-out, another protocol, a limit reached.

    Never evidence for or against a control: a probe that meets one is `indeterminate`.
    """

    exit_code = 3


class IntegrityError(ProofsError):
    """A bundle, journal or key is not what it claims to be. The message is the first reason."""

    exit_code = 1


class UnreadableError(IntegrityError):
    """A bundle or key file cannot be read at all."""

    exit_code = 2


class ProbeOutcome(Exception):  # noqa: N818 - an outcome a probe reports, not an error of the program
    """Base of the two outcomes a probe can raise besides failing an assertion."""


class Indeterminate(ProbeOutcome):
    """The probe could not decide: what it would have had to see was not seen."""


class NotApplicable(ProbeOutcome):
    """The probe does not apply to this target, for the reason given (engine, version, feature absent)."""

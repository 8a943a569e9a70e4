"""The one exception that reaches a user, and the exit codes of the command line."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What the process returns; the values follow BSD's ``sysexits.h`` where it has one."""

    OK = 0
    USAGE = 2
    DAMAGED = 65
    NO_INPUT = 66
    SYSTEM = 71
    CANNOT_WRITE = 74
    LOCKED = 75
    CONFIGURATION = 78


class StreamerError(Exception):
    """Something a person can mend: one line that says what is wrong, and one that says what to do.

    Args:
        problem: What is wrong, as one sentence with neither capital nor full stop.
        hint: What to do about it, in the same form; empty where nothing can be said.
        code: The exit code with which the command line ends.
    """

    def __init__(self, problem: str, *, hint: str = "", code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.problem} ({self.hint})" if self.hint else self.problem

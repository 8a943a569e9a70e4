"""The one exception that users see, and the exit codes of the command line."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The exit codes. The values follow BSD's ``sysexits.h`` where it has one."""

    OK = 0
    USAGE = 2
    DAMAGED = 65
    NO_INPUT = 66
    SYSTEM = 71
    CANNOT_WRITE = 74
    LOCKED = 75
    CONFIGURATION = 78


class StreamerError(Exception):
    """An error that a user can fix: one line says what is wrong, and one says what to do.

    Args:
        problem: What is wrong, in one sentence without a capital or a full stop.
        hint: What to do, in the same form; empty if there is nothing to say.
        code: The exit code of the command line.
    """

    def __init__(self, problem: str, *, hint: str = "", code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.problem} ({self.hint})" if self.hint else self.problem

"""The door: ``python -m streamer`` and the ``streamer`` script."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from typing import NoReturn

import click

from streamer.cli.app import cli
from streamer.cli.console import tell
from streamer.errors import ExitCode, StreamerError
from streamer.service.signals import Stopped


def main() -> None:
    """Run a command; end with one line and an exit code where something is wrong."""
    _open_standard_files()
    try:
        cli(prog_name="streamer", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except SystemExit as end:
        # Where it does not handle errors itself, click ends the process only for a broken pipe, with 1.
        _discard_output()
        sys.exit(ExitCode.OK if end.code == 1 else end.code)
    except Stopped:
        print("streamer: stopped before it began; nothing has changed", file=sys.stderr)
        sys.exit(ExitCode.OK)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(128 + signal.SIGINT)
    except StreamerError as error:
        tell(error)
        sys.exit(error.code)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has had enough; Python would complain once more at its exit.
        _discard_output()
        sys.exit(ExitCode.OK)
    except MemoryError:
        _out_of_memory()
    except OSError as error:
        if error.errno == errno.ENOMEM:
            _out_of_memory()
        _discard_output()
        print(f"streamer: {error}", file=sys.stderr)
        sys.exit(ExitCode.CANNOT_WRITE)


def _open_standard_files() -> None:
    """Let all text be written, and give the numbers 0, 1 and 2 to nobody else, where who started us left them closed.

    A checkpoint that became number 2 would have written into it what a library has to complain about.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # words and names have letters that not all encodings have


def _out_of_memory() -> NoReturn:
    print("streamer: out of memory", file=sys.stderr)
    print("  hint: what the last checkpoint holds is safe: give it more, and start it again", file=sys.stderr)
    sys.exit(ExitCode.SYSTEM)


def _discard_output() -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

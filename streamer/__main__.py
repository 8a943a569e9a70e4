"""The entry point: ``python -m streamer`` and the ``streamer`` script."""

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
    """Run a command. If something is wrong, print it in one line and exit with its code."""
    _open_standard_files()
    try:
        cli(prog_name="streamer", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except SystemExit as end:
        # In this mode, click exits by itself only for a broken pipe, with code 1.
        _discard_output()
        sys.exit(ExitCode.OK if end.code == 1 else end.code)
    except Stopped:
        print("streamer: stopped before training began; nothing has changed", file=sys.stderr)
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
        # The reader of our output, such as `head`, has closed it. Python would report that again at exit.
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
    """Make stdout accept all text, and open descriptors 0, 1 and 2 if they are closed.

    If a checkpoint got descriptor 2, the messages of a library to stderr would be written into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every encoding has the letters of all words


def _out_of_memory() -> NoReturn:
    print("streamer: out of memory", file=sys.stderr)
    print("  hint: the last checkpoint is safe: free some memory and start again", file=sys.stderr)
    sys.exit(ExitCode.SYSTEM)


def _discard_output() -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

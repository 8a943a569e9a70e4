"""The door: ``python -m streamer`` and the ``streamer`` script."""

from __future__ import annotations

import os
import sys

from streamer.cli import cli
from streamer.errors import ExitCode, StreamerError


def main() -> None:
    """Run a command; end with one line and an exit code where something is wrong."""
    try:
        cli(prog_name="streamer")
    except StreamerError as error:
        print(f"streamer: {error.problem}", file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        sys.exit(error.code)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has had enough; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)


if __name__ == "__main__":
    main()

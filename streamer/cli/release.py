"""The command that lets files be trained that are held."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.console import log_to_stderr, say
from streamer.cli.options import command, common_options


@command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@common_options
def release(files: tuple[str, ...], checkpoints: Path) -> None:
    """Let files be trained that --hold-unusual held.

    FILE is a name as `streamer files --outcome held` shows it, or the path of the file.

    They are trained with the next files. If a trainer runs, it is asked to do so.

    \b
        streamer files --outcome held
        streamer release news/2026-11-03.txt
    """
    log_to_stderr()
    from streamer.service.releasing import release

    done = release(checkpoints, files)
    what = f"{len(files):,} file{'' if len(files) == 1 else 's'}"
    say(f"released {what}: trained when a trainer runs" if done else f"asked the trainer to release {what}")

"""What the Tab key offers beside options and files: words of the vocabulary, names of checkpoints.

Whoever presses it waits for the answer and looks at the line being typed, so what goes wrong is no answer, and silent.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from streamer.errors import StreamerError
from streamer.settings import DEFAULT_CHECKPOINTS

OFFERED = 50
"""Words offered at most, so that a shell shows them without asking whether it should."""


def complete_word(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the most frequent words that begin with what was typed, the most frequent first.

    Not those with an apostrophe, at which a shell would begin a quotation.
    """
    from streamer.answers import words

    try:
        return words.beginning_with(_folder(context), incomplete, OFFERED)
    except (StreamerError, OSError):
        return []


def complete_checkpoint(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of checkpoints that begin with what was typed, the newest first."""
    names = (path.name for path in _folder(context).glob("checkpoint-*.h5"))
    return sorted((name for name in names if name.startswith(incomplete)), reverse=True)


def _folder(context: click.Context) -> Path:
    return Path(os.fspath(context.params.get("checkpoints") or DEFAULT_CHECKPOINTS))

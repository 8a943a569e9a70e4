"""Tab completion of words of the vocabulary and names of checkpoints.

The user is typing and waits for the answer, so an error gives no suggestions and no message.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from streamer.errors import StreamerError
from streamer.settings import DEFAULT_CHECKPOINTS

OFFERED = 50
"""Most words offered: few enough that a shell shows them without asking first."""


def complete_word(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the most frequent words that begin with what was typed, most frequent first.

    Words with an apostrophe are left out: a shell would take it for a quotation mark.
    """
    from streamer.answers import words

    try:
        return words.beginning_with(_folder(context), incomplete, OFFERED, without="'")
    except (StreamerError, OSError):
        return []


def complete_checkpoint(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of checkpoints that begin with what was typed, newest first."""
    names = (path.name for path in _folder(context).glob("checkpoint-*.h5"))
    return sorted((name for name in names if name.startswith(incomplete)), reverse=True)


def _folder(context: click.Context) -> Path:
    return Path(os.fspath(context.params.get("checkpoints") or DEFAULT_CHECKPOINTS))

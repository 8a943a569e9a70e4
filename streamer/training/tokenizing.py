"""The tokenizer of a model that is trained: built, and compared with the one that it began with."""

from __future__ import annotations

import structlog

from streamer.errors import ExitCode, StreamerError
from streamer.settings import TOKENIZERS, ModelSettings
from streamer.state import State
from streamer.state.tokenizing import TokenizerRecord, rules
from streamer.text.tokenizer import Tokenizer, TokenizerError
from streamer.text.tokenizers import tokenizer

_log = structlog.get_logger(__name__)


def new_state(settings: ModelSettings) -> State:
    """Return the state of a model that has seen nothing.

    Raises:
        StreamerError: 78 if its tokenizer is a function that can't be imported.
    """
    try:
        return State.new(settings)
    except TokenizerError as error:
        raise _failed(settings.tokenizer, error) from error


def new_tokenizer(settings: ModelSettings) -> Tokenizer:
    """Return the tokenizer that a new model with these settings has.

    Raises:
        StreamerError: 78 if it is a function that can't be imported.
    """
    try:
        return tokenizer(rules(settings, TokenizerRecord.of(settings.tokenizer)))
    except TokenizerError as error:
        raise _failed(settings.tokenizer, error) from error


def tokenizer_of(state: State, named: str | None) -> Tokenizer:
    """Return the tokenizer of a state, and record its version.

    If another version of ICU or of the user's module cuts the texts from now on, a warning says so once.

    Args:
        state: The state; what it records about its tokenizer is brought up to date.
        named: The tokenizer that the user named in this process. A function of the user runs only if it is named:
            a checkpoint alone imports no code.

    Raises:
        StreamerError: 78 if it is a function of the user that was not named or can't be imported.
    """
    name, before = state.settings.tokenizer, state.tokenizer
    if name not in TOKENIZERS and name != named:
        raise StreamerError(
            f"the texts of this model are cut by your own code, {name}",
            hint=f"name it again, so that it may run: --tokenizer {name}",
            code=ExitCode.CONFIGURATION,
        )
    try:
        found, now = tokenizer(state.rules), TokenizerRecord.of(name, before.version)
    except TokenizerError as error:
        raise _failed(name, error) from error
    if now.icu != before.icu:
        _log.warning("tokenizer.changed", icu=now.icu, before=before.icu, hint="some words may be cut in other places")
    if now.source != before.source:
        _log.warning("tokenizer.changed", source=name, hint="its module is another than before, and may cut otherwise")
    state.record_tokenizer(now)
    return found


def _failed(name: str, error: TokenizerError) -> StreamerError:
    return StreamerError(
        f"--tokenizer {name} can't be used: {error}",
        hint="name a function as module:function; its module must be in the current folder or installed",
        code=ExitCode.CONFIGURATION,
    )

"""Hints about the text: said once, when the first files are read and when there are enough words to judge."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from streamer.state import State
from streamer.text.advice import ENOUGH_WORDS, SAMPLE, Advice, advised, unusual

FIRST_FILES = 3
"""Files of a process that are looked at."""

_log = structlog.get_logger(__name__)


class Adviser:
    """Looks at texts and words, and changes nothing.

    Args:
        state: The model. What its tokenizer should have been is said only while it is new.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._is_new = not state.words_seen
        self._left = FIRST_FILES
        self._judged = state.words_seen >= ENOUGH_WORDS

    @property
    def looks(self) -> bool:
        """Whether it wants to see the next file."""
        return self._left > 0

    def look(self, path: str, beginning: Callable[[int], str]) -> None:
        """Say what the text of a file looks like, if another tokenizer suits it better.

        Args:
            path: The name of the file.
            beginning: Returns the first so many characters, if it is asked.
        """
        if not self.looks:
            return
        self._left -= 1
        found = advised(beginning(SAMPLE), self._state.rules)
        if found and (self._is_new or found.tokenizer == "words"):
            self._left = 0
            _log.info("text.looked_at", path=path, looks_like=found.looks_like, hint=_hint(found))

    def judge(self) -> None:
        """Say what is unusual about the words, once, when there are enough of them."""
        vocabulary = self._state.model.vocabulary
        if self._judged or self._state.words_seen < ENOUGH_WORDS:
            return
        self._judged = True
        known = zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)
        counts = [*known, *vocabulary.candidates.items()]
        digits = sum(count for word, count in counts if any(map(str.isdigit, word)))
        once = sum(1 for _, count in counts if count == 1)
        if reason := unusual(self._state.words_seen, digits, once):
            _log.warning("words.unusual", reason=reason, hint="see how a file is cut: streamer words FILE")


def _hint(found: Advice) -> str:
    return f"for a new model in another --checkpoints folder: --tokenizer {found.tokenizer}"

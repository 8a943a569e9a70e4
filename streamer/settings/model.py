"""The settings that shape a model: they are stored with it."""

from __future__ import annotations

import re

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.settings.fields import invalid, setting

TOKENIZERS = ("words", "logs", "social", "code", "spaces")
LINES = ("logs", "social")
"""Tokenizers of texts in which a line is a context."""
MOST_WORDS = 10_000_000
"""Most words in the pieces of all lanes together: they are in memory at a time, as one block."""
BOUNDS = ("max_candidates", "max_vocabulary")
"""Settings that a resumed run may change; the model records when."""
FEWEST = 1_000
"""Least bound on candidates and on words: a block of text has more new words than that."""
CANDIDATES = 2_000_000
"""The bound on candidates of new models."""
_WORD_BYTES = 6
"""Bytes of a word of text, with the space: enough for most languages."""


@attrs.frozen(kw_only=True)
class ModelSettings:
    """Settings that shape the model. They are stored in every checkpoint; a resumed run can change :data:`BOUNDS`."""

    vector_size: int = setting(100, "Dimensions of the vectors.", low=1, high=10_000)
    window: int = setting(5, "Words on each side that count as context.", low=1, high=100)
    negative: int = setting(5, "Weight of all noise words together, relative to one context word.", low=1, high=100)
    sample: float = setting(
        1e-3, "Words more frequent than this share of the text are subsampled; 0 keeps all.", low=0, high=1
    )
    min_count: int = setting(5, "Times a word must be seen, in total, before it gets a vector.", low=1)
    max_candidates: int = setting(
        CANDIDATES,
        "Most words to remember that were seen less often than that; 0 for no bound. A resumed run may change it.",
        low=0,
        metavar="WORDS",
    )
    max_vocabulary: int = setting(
        0,
        "Most words with vectors; the others are kept on disk until they come back. 0 for no bound. A resumed run may "
        "change it.",
        low=0,
        high=1_000_000_000,
        metavar="WORDS",
    )
    learning_rate: float = setting(0.15, "Step size of AdaGrad.", low=1e-6, high=10)
    architecture: str = setting(
        "skipgram", "Predict the context from the word, or the word from its context.", choices=("skipgram", "cbow")
    )
    max_group: int = setting(8, "Most chunks under way at a time; more cores than this do not help.", low=1, high=64)
    lanes: int = setting(
        1, "Pieces of text that are trained at a time from the same weights, on many machines.", low=1, high=250
    )
    lane_size: int = setting(
        40_000, "Words of text in such a piece, before subsampling.", low=1_000, high=10_000_000, metavar="WORDS"
    )
    seed: int = setting(1, "Seed of all random numbers.", low=0, high=2**63 - 1)
    tokenizer: str = setting(
        "words",
        "How text is cut into words: words, logs, social, code, spaces (tokenized already), or your own function.",
        metavar="NAME",
    )
    boundary: str = setting(
        attrs.Factory(lambda self: "line" if self.tokenizer in LINES else "paragraph", takes_self=True),
        "What ends a context: a blank line, a line end, or nothing.",
        choices=("paragraph", "line", "file"),
    )
    keep_case: bool = setting(False, "Do not convert words to lower case.")
    min_length: int = setting(1, "Leave out words with fewer characters.", low=1, high=100)
    stop_words: tuple[str, ...] = setting(
        (), "Leave out the words in this file, one a line.", metavar="FILE", lines=True
    )
    phrases: tuple[str, ...] = setting(
        (), "Treat each line of this file as one word: New York, AT&T.", metavar="FILE", lines=True
    )

    def __attrs_post_init__(self) -> None:
        for name in BOUNDS:
            if 0 < getattr(self, name) < FEWEST:
                raise invalid(name, getattr(self, name), f"must be at least {FEWEST}, or 0 for no bound")
        if self.lanes * self.lane_size > MOST_WORDS:
            raise StreamerError(
                f"--lanes {self.lanes} with --lane-size {self.lane_size} is {self.lanes * self.lane_size:,} words at a "
                f"time, and {MOST_WORDS:,} are the most",
                hint="use fewer lanes, or smaller ones",
                code=ExitCode.CONFIGURATION,
            )
        own = re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", self.tokenizer)
        if self.tokenizer not in TOKENIZERS and not own:
            raise invalid("tokenizer", self.tokenizer, f"must be one of {', '.join(TOKENIZERS)}, or module:function")
        if self.keep_case and (own or self.tokenizer == "spaces"):
            raise StreamerError(
                f"--keep-case does not go with --tokenizer {self.tokenizer}, which never changes case",
                hint="leave out --keep-case",
                code=ExitCode.CONFIGURATION,
            )

    @property
    def round_bytes(self) -> int:
        """Bytes of text that all lanes train at a time, about; 0 if there is one lane."""
        return _WORD_BYTES * self.lanes * self.lane_size if self.lanes > 1 else 0

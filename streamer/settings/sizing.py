"""What a model takes on a machine: memory and disk by its sizes, and the bounds that keep it within some memory.

The figures behind the formula are in ``docs/sizing.md``; ``tests/settings/test_sizing.py`` holds it to real processes.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Collection, Iterable

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.settings.amounts import as_amount
from streamer.settings.fields import flag
from streamer.settings.levels import Level
from streamer.settings.model import BOUNDS, CANDIDATES, FEWEST, ModelSettings

_PROGRAM = 105_000_000
"""Bytes of the program itself while it trains, on one core."""
_WORKER = 25_000_000
"""Bytes of each worker process."""
_TOKENIZER = 34_000_000
"""Bytes of the process that tokenizes ahead, and of what it sends, with two cores and more."""
_BLOCK, _CHUNK = 24_000, 23_300
"""Bytes for each dimension, while a block is trained; and of the sums of each chunk under way."""
_SOURCES = 49
"""Bytes of the record of where a word comes from."""
_WORD = 150 + _SOURCES
"""Bytes of a word in the vocabulary besides its vectors: the word, its id, its count, its share of the noise."""
_WORD_COPIED = 80 + _SOURCES
"""Bytes of a word while a checkpoint is written, besides its vectors."""
_SNAPSHOT = 16
"""Bytes of a word in a snapshot besides the word itself, and its vector of one byte a dimension."""
_CANDIDATE = 200
"""Bytes of a candidate."""
_FILE = 600
"""Bytes of a file in the ledger."""
_LETTERS = 9
"""Bytes of a word and its line end: what words of several languages have on average."""
_KEPT = 32_000_000
"""Arrays of up to so many bytes leave memory behind that is kept for the next ones, as much as they take."""
_SHARE = 8
"""Candidates take at most one part in so many of the memory that ``--memory`` leaves for words."""
MOST_FILES = 100_000
"""Files in the ledger that ``--memory`` leaves room for."""
_MOST_WORDS = 10**9
"""What the setting allows."""
_MORE = "give it more; a new model may have fewer dimensions or a lower --max-group"


@attrs.frozen
class Extent:
    """How large a model is.

    Attributes:
        vocabulary: Words with vectors.
        candidates: Words that were seen too seldom for that.
        files: Files in the ledger.
        cold: Words that left the vocabulary.
    """

    vocabulary: int
    candidates: int = 0
    files: int = 0
    cold: int = 0


def expected_memory(settings: ModelSettings, extent: Extent, threads: int) -> dict[str, int]:
    """Return the bytes of memory that the trainer's processes take at their peak, by what they are for.

    What processes share is counted once. Pages of cold words that are mapped from files are not counted: the system
    takes them back when it needs memory.

    Args:
        settings: The settings of the model.
        extent: How large it is.
        threads: The cores that it is trained on.
    """
    words, vectors = extent.vocabulary, _vectors(settings)
    workers = min(threads, settings.max_group)
    return {
        "vectors": words * vectors,
        "words": words * _WORD,
        "copy": words * (vectors + _WORD_COPIED),
        "candidates": extent.candidates * _CANDIDATE,
        "cold": min(extent.cold, words) * (vectors + _LETTERS + 32),
        "files": extent.files * _FILE,
        "snapshot": words * _in_snapshot(settings),
        "workers": workers * _WORKER + _TOKENIZER if workers > 1 else 0,
        "kept": min(_KEPT, words * vectors + 60 * extent.candidates),
        "program": _PROGRAM + (_BLOCK + _CHUNK * settings.max_group) * settings.vector_size,
    }


def expected_disk(
    settings: ModelSettings, extent: Extent, keep: int, snapshots: int = 0, states: int = 0
) -> dict[str, int]:
    """Return the bytes on disk that the folder of checkpoints takes at its peak, by what they are for.

    Args:
        settings: The settings of the model.
        extent: How large it is.
        keep: Checkpoints that are kept; one more is being written.
        snapshots: Snapshots that are kept; see :func:`most_kept`.
        states: Whole states that are kept for days and weeks, in the same way.
    """
    vectors = _vectors(settings)
    one = extent.vocabulary * (vectors + _LETTERS + 14 + _SOURCES) + extent.candidates * (_LETTERS + 16)
    one += extent.files * 190 + 50_000
    return {
        "checkpoints": (keep + 1) * one,
        "states": states * one,
        "cold": 2 * extent.cold * (vectors + _LETTERS + 24),
        "snapshots": snapshots * extent.vocabulary * _in_snapshot(settings),
    }


def most_kept(chosen: Iterable[Level]) -> int:
    """Return how many things some levels keep after ten years; of those that keep everything, nobody can say."""
    return sum(min(level.periods, 10) if level.unit == "y" else level.periods for level in chosen)


def within(given: int, settings: ModelSettings, named: Collection[str]) -> ModelSettings:
    """Return settings whose bounds keep the trainer within so many bytes of memory.

    They depend on the settings of the model alone, and not on the cores or on what was learned so far: a run that is
    stopped and resumed, or goes on on another machine, has the same bounds.

    Args:
        given: The bytes.
        settings: The settings without such bounds.
        named: The settings that the user chose; bounds among them stay as they are.

    Raises:
        StreamerError: 78 if it can't be kept within them.
    """
    chosen = {name: getattr(settings, name) for name in BOUNDS if name in named}
    for name, value in chosen.items():
        if not value:
            raise StreamerError(
                f"{flag(name)} 0 is no bound, so no amount of memory is enough",
                hint=f"leave out {flag(name)}, and --memory chooses it",
                code=ExitCode.CONFIGURATION,
            )

    def taken(max_vocabulary: int = FEWEST, max_candidates: int = FEWEST) -> int:
        extent = Extent(max_vocabulary, max_candidates, MOST_FILES, cold=max_vocabulary)
        return sum(expected_memory(settings, extent, settings.max_group).values())

    if (least := taken(**chosen)) > given:
        bounds = "".join(f", {flag(name)} {value}" for name, value in chosen.items())
        raise StreamerError(
            f"a model with --vector-size {settings.vector_size}{bounds} takes {rounded_up(least)} of memory or more "
            f"with {settings.max_group} workers, and --memory is {as_amount(given)}",
            hint=f"leave out {bounds[2:]}, and --memory chooses, if it is enough" if chosen else _MORE,
            code=ExitCode.CONFIGURATION,
        )
    candidates = chosen.get("max_candidates", 0)
    if not candidates:
        words = chosen.get("max_vocabulary", 0)
        share = given if words else (given - taken(0, 0)) // _SHARE // _CANDIDATE
        candidates = min(CANDIDATES, _round(share), _most(lambda count: taken(words or FEWEST, count), given))
    vocabulary = chosen.get("max_vocabulary", 0) or _most(lambda count: taken(count, candidates), given)
    return attrs.evolve(settings, max_vocabulary=vocabulary, max_candidates=candidates)


def _most(taken: Callable[[int], int], given: int) -> int:
    """Return the largest bound that takes no more bytes than are given."""
    return _round(bisect.bisect_right(range(_MOST_WORDS), given, key=taken) - 1)


def rounded_up(count: int) -> str:
    """Return a number of bytes in MB, rounded up: so much is enough, and what is too much is shown to be more."""
    return f"{-(-count // 10**6):,} MB"


def _vectors(settings: ModelSettings) -> int:
    """Return the bytes of both vectors of a word, and of their accumulators."""
    return 2 * 4 * (settings.vector_size + 1)


def _in_snapshot(settings: ModelSettings) -> int:
    """Return the bytes of a word in a snapshot."""
    return settings.vector_size + _LETTERS + _SNAPSHOT


def _round(count: float) -> int:
    """Return a bound that reads well: rounded down to three digits."""
    digits: int = 10 ** max(0, len(str(int(count))) - 3)
    return max(FEWEST, int(count) // digits * digits)

"""What no trainer can have written: the leaf of a checkpoint, and what is put in its place."""

from __future__ import annotations

from typing import Any

import numpy as np


def _first(value: Any) -> Any:
    """Return what puts a value into the first place of an array."""

    def change(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        changed = array.copy()
        changed.reshape(-1)[0] = value
        return changed

    return change


def _last(value: Any) -> Any:
    return lambda array: _first(value)(array[::-1])[::-1].copy()


def _blob(old: bytes, new: bytes) -> Any:
    return lambda array: np.frombuffer(array.tobytes().replace(old, new, 1), np.uint8)


NONSENSE: dict[str, tuple[str, Any]] = {
    "a negative count": ("vocabulary/counts", _first(-1)),
    "a word that was never seen": ("vocabulary/counts", _first(0)),
    "a count that admits nobody": ("vocabulary/counts", _first(1)),
    "counts that overflow": ("vocabulary/counts", lambda array: np.full_like(array, 2**62)),
    "counts and their sum": ("vocabulary/words_seen", lambda total: total + 1),
    "fewer than no words": ("vocabulary/words_seen", lambda total: -1),
    "a candidate that was never seen": ("candidates/counts", _first(0)),
    "a candidate seen often enough": ("candidates/counts", _first(2)),
    "an error above the floor": ("candidates/errors", _first(1)),
    "a negative error": ("candidates/errors", _first(-1)),
    "a floor from nothing": ("candidates/floor", lambda floor: 3),
    "forgotten words and no floor": ("candidates/forgotten", lambda words: 1),
    "fewer than no candidates": ("settings/max_candidates", lambda limit: -1),
    "too few candidates": ("settings/max_candidates", lambda limit: 7),
    "too few words": ("settings/max_vocabulary", lambda limit: 7),
    "cold words that nobody has": ("cold/word_count", lambda count: count + 1),
    "more came back than left": ("cold/returned", lambda count: count + 1),
    "bounds of another model": ("bounds/max_candidates", _last(4_000)),
    "bounds that begin late": ("bounds/blocks", _first(1)),
    "no bounds": ("bounds/blocks", lambda array: array[:0]),
    "a word without letters": ("vocabulary/words", lambda array: np.frombuffer(b"\n" + array.tobytes(), np.uint8)),
    "words that are not UTF-8": ("candidates/words", _blob(b"word", b"wo\xffd")),
    "a surrogate": ("vocabulary/words", _blob(b"word", b"\xed\xa0\x80d")),
    "a weight that is no number": ("embeddings/input", _first(np.nan)),
    "an infinite weight": ("embeddings/output", _last(np.inf)),
    "squares that are no number": ("embeddings/input_squares", _last(np.nan)),
    "negative squares": ("embeddings/output_squares", _first(-1e-6)),
    "squares of nothing": ("embeddings/output_squares", _first(0)),
    "more noise than words": ("noise/counts", _first(2**40)),
    "negative noise": ("noise/counts", _last(-5)),
    "no noise": ("noise/counts", lambda array: array[:0]),
    "noise for ever": ("noise/due", lambda due: 2**60),
    "noise before the beginning": ("noise/due", lambda due: -1),
    "negative blocks": ("progress/blocks", lambda blocks: -1),
    "more blocks than there are": ("progress/blocks", lambda blocks: 2**63 - 1),
    "negative progress": ("progress/words_trained", lambda words: -1),
    "a sequence that cannot go on": ("sequence", lambda sequence: 2**63 - 1),
    "a negative sequence": ("sequence", lambda sequence: -1),
    "a truth for a number": ("sequence", lambda sequence: True),
    "a tokenizer that there is not": ("settings/tokenizer", lambda name: "nosuch"),
    "a tokenizer to come": ("tokenizer/version", lambda version: version + 90),
    "no version of a tokenizer": ("tokenizer/version", lambda version: 0),
    "a number for a truth": ("settings/keep_case", lambda kept: 1),
    "words of no length": ("settings/min_length", lambda length: 0),
    "a stop word twice": ("settings/stop_words", lambda array: np.frombuffer(b"a\na\n", np.uint8)),
    "half of a phrase": ("settings/phrases", lambda array: np.frombuffer(b"a b", np.uint8)),
    "vectors of 10⁹ numbers": ("settings/vector_size", lambda size: 10**9),
    "vectors of another size": ("settings/vector_size", lambda size: size + 1),
    "a rate that is no number": ("settings/learning_rate", lambda rate: float("nan")),
    "a seed below 0": ("settings/seed", lambda seed: -1),
    "no architecture": ("settings/architecture", lambda name: "transformer"),
    "lanes that fill the memory": ("settings/lane_size", lambda size: 10**12),
    "lanes that are none": ("settings/lanes", lambda lanes: 0),
    "groups that fill the memory": ("batching/group", lambda group: 10**12),
    "spans that fill the memory": ("batching/span", lambda span: 10**12),
    "noise that fills the memory": ("batching/noise", lambda noise: 10**12),
    "a truth for a size": ("batching/noise", lambda noise: True),
    "chunks of nothing": ("batching/chunk", lambda chunk: 0),
    "an outcome that there is not": ("ledger/outcome", _first(5)),
    "a reason that there is not": ("ledger/reason", _first(99)),
    "a reason from the end": ("ledger/reason", _first(2**32 - 1)),
    "an offset behind the end": ("ledger/more/offset", _first(2**40)),
    "a negative offset": ("ledger/more/offset", _last(-1)),
    "negative bytes": ("ledger/more/bytes_trained", _first(-1)),
    "more trained than there is": ("ledger/more/bytes_trained", lambda array: array + 1),
    "negative words": ("ledger/words", _first(-1)),
    "negative passes": ("ledger/passes", _first(2**32 - 1)),
    "a refused file that was trained": ("ledger/words", lambda array: array + 1),
    "an impossible size": ("ledger/size", _first(-2)),
    "a path twice": ("ledger/paths", lambda array: np.frombuffer(b"a1.txt\0" * 6, np.uint8)),
    "a path without a name": ("ledger/paths", _blob(b"a1\xe9.txt", b"")),
    "paths without an end": ("ledger/paths", lambda array: array[:-1]),
    "reasons without an end": ("ledger/reasons", lambda array: array[:-1]),
    "a format that there is not": ("ledger/format", _first(99)),
    "a format of another program": ("ledger/formats", lambda array: np.frombuffer(b"parquet\0", np.uint8)),
    "formats without an end": ("ledger/formats", lambda array: array[:-1]),
    "an encoding that there is not": ("ledger/encoding", _first(99)),
    "an encoding that nobody knows": ("ledger/encodings", lambda array: np.frombuffer(b"klingon\0", np.uint8)),
    "encodings without an end": ("ledger/encodings", lambda array: array[:-1]),
    "a row of another file": ("ledger/more/row", _first(9)),
    "a copy of nothing": ("ledger/more/source", _first(9)),
    "a span of no file": ("ledger/spans/row", _first(9)),
    "spans of other lengths": ("ledger/spans/blocks", lambda array: array[:-1]),
    "a span that ends in a way that there is not": ("ledger/spans/ended", _first(3)),
    "a future given up that has no end": ("given_up/after", lambda array: np.array([1])),
    "a folded file without a name": ("ledger/folded/name", _first(0)),
    "a folded file with a copy longer than itself": ("ledger/folded/start", _first(2**31)),
    "a folded file of fewer bytes than its copy": ("ledger/folded/text_bytes", lambda array: array * np.uint32(0)),
    "folded files that were all refused": ("ledger/folded/reasons", lambda array: np.insert(array, 0, ord("x"))),
    "a folded file refused for what there is not": ("ledger/folded/reason", _last(9)),
    "a folded file that was moved twice": ("ledger/folded/moved", _first(2)),
    "a folded file of a format that there is not": ("ledger/folded/format", _first(9)),
    "a folded file of an encoding that there is not": ("ledger/folded/encoding", _last(9)),
    "encodings that no folded file has": ("ledger/folded/encodings", _blob(b"cp1251\0", b"cp1251\0utf-16-le\0")),
    "a folded encoding that nobody knows": ("ledger/folded/encodings", _blob(b"cp1251\0", b"klingon\0")),
    "a folded format of another program": ("ledger/folded/formats", _blob(b"text\0", b"parquet\0")),
    "a digest of 15 bytes": ("ledger/folded/sha256", lambda array: array[:, :15].copy()),
    "one name for two folded files": ("ledger/folded/name", lambda array: array[:1]),
    "a nameless span of the future": ("ledger/spans/row", _first(2**32 - 2)),
    "a word from a file that there is not": ("sources/first", _first(99)),
    "a word that a file of the future moved": ("sources/movers", _last(99)),
    "a file that moved a word backwards": ("sources/moves", _first(-1.0)),
    "a distance that is no number": ("sources/run", _last(np.nan)),
    "words of files that had none": ("sources/files", lambda array: (array == 0).astype(np.uint32)),
    "a word that came back twice": ("sources/anew", _first(2)),
    "half a digest": ("ledger/sha256", lambda array: array[:, :16].copy()),
    "digests in a row": ("ledger/sha256", lambda array: array.reshape(-1)),
    "a history that runs backwards": ("history/words_seen", _first(1e4)),
    "a history of more words than there were": ("progress/words_trained", lambda words: 7),
    "a loss that is no number": ("history/loss_total", _first(np.nan)),
    "negative seconds": ("history/seconds", _first(-1)),
    "no resolution": ("history/resolution", lambda resolution: 0),
    "a score that is no number": ("scores/score", _first(np.nan)),
    "a score above all": ("scores/score", _first(1.7e308)),
    "a score of more rows than there are": ("scores/scored", _first(6)),
    "negative rows": ("scores/rows", _first(-1)),
    "a test that there is not": ("scores/test", _last(2)),
    "a test from the end": ("scores/test", _first(-1)),
    "tests without an end": ("scores/tests", lambda array: array[:-1]),
    "scores that run backwards": ("scores/words_trained", _last(1)),
    "scores of more words than there were": ("scores/words_trained", _last(2**40)),
    "scores of whole numbers": ("scores/score", lambda array: array.astype(np.int64)),
    "more words brought than counted": ("initial/words", lambda words: 2**40),
    "fewer than no words brought": ("initial/words", lambda words: -1),
    "more counted than were seen": ("initial/words_seen", lambda words: 2**40),
    "a name that is a number": ("initial/name", lambda name: 7),
    "an epoch without a number": ("epochs/losses", _first(np.nan)),
}  # fmt: skip
"""What no trainer can have written, each behind a digest that is right."""

"""Models that begin with vectors which were trained elsewhere."""

from __future__ import annotations

from streamer.errors import ExitCode, StreamerError
from streamer.history import Origin
from streamer.intake import tokenizer
from streamer.model import pretrained
from streamer.model.training import ModelState
from streamer.vectors import WordVectors


def begin(model: ModelState, vectors: WordVectors, name: str, sha256: str) -> Origin:
    """Give a new model the words of some vectors, as the tokeniser has them, and return the record of it.

    What is no word in a text could never be met again, and is left out; of several that are the same to the tokeniser,
    which folds case, the most frequent counts.

    Raises:
        StreamerError: 78 if the model has begun already, its vectors are of another size, or nothing is a word.
    """
    if vectors.vector_size != model.settings.vector_size:
        raise _refused(f"these vectors have {vectors.vector_size} numbers, the model's {model.settings.vector_size}")
    if model.vocabulary.total:
        raise _refused("a model that has begun cannot begin with other vectors")
    rows: dict[str, int] = {}
    for row, word in enumerate(tokenizer.as_words(vectors.index_to_key)):
        rows.setdefault(word, row)
    rows.pop(tokenizer.NO_WORD, None)
    if not rows:
        raise _refused("none of these vectors is of a word")
    pretrained.begin(model, list(rows), vectors.vectors[list(rows.values())])
    return Origin(name, sha256, len(rows), model.vocabulary.total)


def _refused(problem: str) -> StreamerError:
    return StreamerError(problem, code=ExitCode.CONFIGURATION)

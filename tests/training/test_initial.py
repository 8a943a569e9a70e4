"""Beginning with vectors from elsewhere: which words are taken, what is recorded, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamer import StreamerError, Trainer, WordVectors
from streamer.errors import ExitCode
from streamer.state import InitialVectors

TEXT = "the cat sat on the mat and the dog sat on the rug " * 200


def vectors(words: list[str], size: int = 8) -> WordVectors:
    """Return vectors of words, the first the most frequent; each vector tells its row."""
    rows = np.arange(1, len(words) + 1, dtype=np.float32)[:, None] * np.ones(size, np.float32)
    return WordVectors(words, rows, np.arange(len(words), 0, -1))


def test_words_are_those_of_the_tokenizer() -> None:
    """Case is folded, the most frequent spelling counts; what no text could ever hold as one word is left out."""
    words = ["the", ",", "The", "New_York", "cat", "don’t", "CAT", "naïve", "a b", "東京", "two\nlines", "dog!"]
    trainer = Trainer(vector_size=8).set_initial_vectors(vectors(words), name="some.txt", sha256="ab")
    assert trainer.state.model.vocabulary.words == ["the", "cat", "don't", "naïve", "東京"]
    assert trainer.state.model.embeddings.input[:, 0].tolist() == [1, 5, 6, 8, 10]
    assert trainer.initial == InitialVectors("some.txt", "ab", 5, int(trainer.state.model.vocabulary.counts.sum()))
    assert trainer.words_seen == 0


def test_it_goes_on_from_its_checkpoint_bit_for_bit(tmp_path: Path) -> None:
    """What began with vectors is saved and resumed as any other trainer, and its words are there at once."""
    known = vectors(["the", "cat", "dog", "unheard"])
    whole = Trainer(vector_size=8, min_count=2).set_initial_vectors(known)
    assert "unheard" in whole.vectors
    whole.save(tmp_path)
    again = Trainer.resume(tmp_path)
    for trainer in (whole, again):
        trainer.partial_fit([TEXT])
    assert again.vectors.vectors.tobytes() == whole.vectors.vectors.tobytes()
    assert again.initial == whole.initial
    assert again.words_seen == 13 * 200
    assert {"mat", "rug"} <= set(again.vectors.index_to_key)


@pytest.mark.parametrize(
    ("words", "size", "said"),
    [(["the"], 9, "9 dimensions, the model has 8"), ([",", "a b"], 8, "none of the initial vectors")],
)
def test_what_cannot_be_begun_with(words: list[str], size: int, said: str) -> None:
    """Vectors of another size and files without a word are errors 78, and leave the trainer as it was."""
    trainer = Trainer(vector_size=8)
    with pytest.raises(StreamerError, match=said) as caught:
        trainer.set_initial_vectors(vectors(words, size))
    assert caught.value.code == ExitCode.CONFIGURATION
    assert not trainer.state.model.vocabulary.words and trainer.initial == InitialVectors()


def test_a_model_that_has_begun_cannot_begin_again() -> None:
    """After any text, or other vectors, it is too late."""
    for trainer in (
        Trainer(vector_size=8).partial_fit(["a word"]),
        Trainer(vector_size=8).set_initial_vectors(vectors(["a"])),
    ):
        with pytest.raises(StreamerError, match="has begun"):
            trainer.set_initial_vectors(vectors(["b"]))

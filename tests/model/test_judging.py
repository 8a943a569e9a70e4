"""How a text looks to a model before it learns from it, and what is unusual about it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from streamer.model.judging import ENOUGH, LONG, SHORT, Figures, compare, look, needs_weights
from streamer.text.encoded import EncodedText
from streamer.training import Trainer

from ..support.states import bits

USUAL = [Figures(2.5 + number / 1000, 0.2 + number / 1000, 0.05, 0.4) for number in range(-15, 16)]


def prose(rng: random.Random) -> Iterator[list[str]]:
    """Yield sentences in which each word has its own companions."""
    while True:
        about = rng.randrange(40)
        yield [f"w{about}x{rng.randrange(8)}" for _ in range(12)]


def text(seed: int, count: int) -> list[list[str]]:
    """Return sentences with so many words in all."""
    sentences = prose(random.Random(seed))
    return [next(sentences) for _ in range(-(-count // 12))]


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    """Return a trainer that knows the words and their companions."""
    return Trainer(vector_size=16, min_count=2, seed=3, threads=1).partial_fit(text(1, 100_000))


def looked(trainer: Trainer, sentences: list[list[str]]) -> Figures:
    """Return how sentences look."""
    encoded = EncodedText.of(sentences)
    found = look(trainer.state.model, encoded.words, encoded.codes, encoded.segments)
    assert found is not None
    return found


def shuffled(sentences: list[list[str]]) -> list[list[str]]:
    """Return the same words in any order."""
    words = [word for sentence in sentences for word in sentence]
    random.Random(5).shuffle(words)
    return [words[at : at + 12] for at in range(0, len(words), 12)]


def test_order_is_lost_in_shuffled_words(trainer: Trainer) -> None:
    """The words are the same, so is what is unknown of them; but they no longer fit their neighbours, and cost more."""
    usual, odd = looked(trainer, text(2, LONG)), looked(trainer, shuffled(text(2, LONG)))
    assert usual.order > 1
    assert abs(odd.order) < usual.order / 5
    assert odd.loss > usual.loss + 0.5
    assert odd.unknown == usual.unknown == 0


def test_the_figures_of_a_text_are_close_to_those_of_another(trainer: Trainer) -> None:
    """Different texts of one kind, of any size from LONG on, have about the same figures."""
    found = np.array([looked(trainer, text(seed, LONG * (1 + seed % 4))) for seed in range(10, 22)])
    assert found[:, 0].std() < 0.2
    assert found[:, 1].std() < found[:, 1].mean() / 10
    assert found[:, 3].std() < 0.05


def test_the_loss_is_that_of_skip_gram() -> None:
    """Pair by pair, written as the definition says: of near words in a segment, and of noise words."""
    trainer = Trainer(vector_size=8, min_count=1, window=3, sample=0, seed=4, threads=1).partial_fit(text(1, 20_000))
    encoded = EncodedText.of(text(2, LONG))
    state = trainer.state.model
    at = [piece * ((len(encoded) - 64) // 7) + offset for piece in range(8) for offset in range(64)]
    words = [encoded.words[code] for code in encoded.codes[at].tolist()]
    ids, where = state.vocabulary.lookup(words), encoded.segments[at]
    centres, around = (array.astype(np.float64) for array in (state.embeddings.input, state.embeddings.output))
    offset = -0.5 * np.log(state.settings.negative)
    total = weight = near = 0.0
    far = []
    for i, j in np.ndindex(512, 512):
        if i // 32 != j // 32 or i == j:
            continue
        score, distance = centres[ids[i]] @ around[ids[j]], abs(i - j)
        if distance > 3:
            far.append(score)
        elif where[i] == where[j] and i // 64 == j // 64:
            share = (4 - distance) / 3
            total, near, weight = (
                total + share * np.log1p(np.exp(-score - offset)),
                near + share * score,
                weight + share,
            )
    noise = centres[ids[::4]] @ around[state.noise.spread(8)].T + offset
    loss = total / weight + state.settings.negative * np.log1p(np.exp(noise)).mean()
    assert looked(trainer, text(2, LONG))[:2] == pytest.approx((loss, near / weight - np.mean(far)), rel=1e-4)


def test_unknown_words_and_repetition(trainer: Trainer) -> None:
    """Both are shares of the words that were looked at, in shorter and in longer texts."""
    for count in (SHORT, LONG):
        strange = [[f"q{number}"] for number in range(count)]
        assert looked(trainer, strange)[2:] == (1.0, 0.0)
        assert looked(trainer, [["w0x1", "w0x2"]] * count)[2:] == (0.0, 1 - 2 / 512)


def test_a_text_that_is_too_small_is_not_judged(trainer: Trainer) -> None:
    """Below SHORT there are no figures; below LONG, no weights are needed, and there is no loss."""
    for count, figures, weights in ((SHORT - 1, False, False), (SHORT, True, False), (LONG, True, True)):
        encoded = EncodedText.of([[f"w{at % 40}x{at % 8}" for at in range(count)]])
        found = look(trainer.state.model, encoded.words, encoded.codes, encoded.segments)
        assert (found is not None) == figures
        assert needs_weights(count) == weights
        assert (found is not None and found.loss >= 0) == weights


def test_looking_changes_nothing(trainer: Trainer) -> None:
    """A model that judges texts learns the same as one that does not; the same text looks the same again."""
    before = bits(trainer)
    assert looked(trainer, text(8, LONG)) == looked(trainer, text(8, LONG))
    assert bits(trainer) == before


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_a_model_that_knows_nothing(architecture: str) -> None:
    """All words are unknown, and there is no loss."""
    empty = Trainer(vector_size=4, min_count=1, architecture=architecture, threads=1)
    assert looked(empty, text(1, LONG))[:3] == (-1, 0, 1)
    empty.partial_fit([["a", "b"]] * 3)
    assert looked(empty, text(1, LONG))[:3] == (-1, 0, 1)


def test_what_is_unusual() -> None:
    """Each figure alone makes a text unusual, and only beyond its bound."""
    ok = Figures(2.5, 0.2, 0.05, 0.4)
    assert compare(ok, USUAL) == ""
    assert compare(ok._replace(loss=2.5 + 4.9 * 0.025), USUAL) == ""
    assert compare(ok._replace(loss=2.7), USUAL) == "unusual: loss 2.70, usually 2.50"
    assert compare(ok._replace(loss=2.3), USUAL) == "unusual: loss 2.30, usually 2.50"
    assert compare(ok._replace(order=0.06), USUAL) == ""
    assert compare(ok._replace(order=0.01), USUAL) == "unusual: 5% of the usual order of words"
    assert compare(ok._replace(unknown=0.34), USUAL) == ""
    assert compare(ok._replace(unknown=0.36), USUAL) == "unusual: 36% unknown words, usually 5%"
    assert compare(ok._replace(repeated=0.69), USUAL) == ""
    assert compare(ok._replace(repeated=0.71), USUAL) == "unusual: 71% repetition, usually 40%"
    assert compare(ok._replace(repeated=0.05), USUAL) == "unusual: 5% repetition, usually 40%"
    assert compare(Figures(9, -1, 1, 1), USUAL).count(";") == 3


def test_nothing_is_unusual_among_few() -> None:
    """A comparison needs ENOUGH others; for the loss, as many that have one."""
    odd = Figures(9, -1, 1, 1)
    assert compare(odd, USUAL[: ENOUGH - 1]) == ""
    assert compare(odd, USUAL[:ENOUGH])
    without = [one._replace(loss=-1.0) for one in USUAL]
    assert "loss" not in compare(odd, [*without, *USUAL[: ENOUGH - 1]])
    assert "loss" in compare(odd, [*without, *USUAL[:ENOUGH]])


def test_odd_texts_among_the_others_make_no_difference() -> None:
    """Medians are compared: with a third of the others odd, an odd one is still found."""
    odd = Figures(9, -1, 1, 1)
    assert compare(odd, [*USUAL, *[odd] * 12]).count(";") == 3


def test_order_tells_nothing_where_there_is_none() -> None:
    """In a stream of shuffled texts, the next one is like the others."""
    none = [Figures(2.5, 0.01 * (number % 7 - 3) + 0.004, 0.05, 0.4) for number in range(40)]
    assert compare(Figures(2.5, -0.03, 0.05, 0.4), none) == ""

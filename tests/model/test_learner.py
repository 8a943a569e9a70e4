"""Whole updates against a slow SGNS in plain Python, and the same bits on any number of threads."""

from __future__ import annotations

import random

import attrs
import numpy as np
import pytest

from streamer.model.learner import Learner, ModelState
from streamer.model.pipeline import LOSS_EVERY
from streamer.settings import ModelSettings

from .reference import SMALL, Block, SlowLearner, leaves, product_learner

SETTINGS = ModelSettings(vector_size=6, window=3, min_count=2, sample=0.02, seed=3)


def text(seed: int, sentences: int, words: int = 60) -> list[str]:
    """Return random sentences, of one word to thirty, whose words are frequent and rare."""
    rng = random.Random(seed)
    return [
        " ".join(f"w{min(int(rng.paretovariate(0.7)), words)}" for _ in range(rng.randint(1, 30)))
        for _ in range(sentences)
    ]


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize(("group", "growth"), [(1, 10**9), (2, 10**9), (3, 10**9), (1, 40)])
def test_blocks_train_what_a_slow_learner_trains(architecture: str, group: int, growth: int) -> None:
    """Counting, admission, subsampling, noise, gradients, growing groups and AdaGrad, over blocks of several chunks.

    The second block admits more words, the third is too short for a chunk, the fourth holds nothing known.
    """
    settings, batching = (
        attrs.evolve(SETTINGS, architecture=architecture),
        attrs.evolve(SMALL, group=group, growth=growth),
    )
    learner, slow = product_learner(settings, batching), SlowLearner(settings, batching)
    blocks = [Block.of(*text(1, 30)), Block.of(*text(2, 20, 100)), Block.of("w1 w2 w1"), Block.of("x y z", "")]
    trained = 0
    for block in blocks:
        report = learner.train_block(*block)
        total, weight = slow.train_block(block)
        state = learner.state
        assert state.vocabulary.words == slow.words
        assert state.vocabulary.counts.tolist() == [slow.counts[word] for word in slow.words]
        assert report.tokens == len(block.codes)
        assert report.trained == sum(block.words[code] in slow.words for code in block.codes)
        trained += report.trained
        assert (state.blocks, state.words_trained) == (slow.blocks, trained)
        assert report.loss.weight == pytest.approx(weight, rel=1e-5)
        assert report.loss.total == pytest.approx(total, rel=1e-4)
        for name in ("input", "output", "input_squares", "output_squares"):
            found = getattr(state.embeddings, name)[: state.embeddings.size]
            np.testing.assert_allclose(found, np.array(getattr(slow, name)), rtol=1e-3, atol=1e-4, err_msg=name)
    assert slow.noise.counts.tolist() == learner.state.noise.counts.tolist()


def test_more_chunks_are_under_way_as_the_model_grows() -> None:
    """One more for each ``growth`` words trained before the block, up to ``max_group``; a limit of 1 holds at once."""
    learner = product_learner(attrs.evolve(SETTINGS, min_count=1, max_group=4), attrs.evolve(SMALL, growth=10))
    found = [(learner.prepare(*Block.of("a b c d e f g"))[1].group, learner.state.words_trained) for _ in range(6)]
    assert found == [(2, 7), (2, 14), (3, 21), (4, 28), (4, 35), (4, 42)]
    alone = product_learner(attrs.evolve(SETTINGS, min_count=1, max_group=1), SMALL)
    assert alone.prepare(*Block.of("a b c"))[1].group == 1


LANES = attrs.evolve(SETTINGS, lanes=3, lane_size=1_000, min_count=1)


def exact(learner: Learner) -> dict[str, bytes]:
    """Return the numbers of a model in a form that compares bit for bit."""
    return {name: array.tobytes() for name, array in leaves(learner.state).items()}


def words(count: int, seed: int = 1) -> Block:
    """Return a block of so many words."""
    rng = random.Random(seed)
    return Block.of(*(" ".join(f"w{rng.randrange(200)}" for _ in range(20)) for _ in range(count // 20)))


def test_lanes_come_when_a_round_is_a_small_share() -> None:
    """Not more words at a time than 2 % of those trained before; a block of one piece has one lane."""
    learner = product_learner(LANES, SMALL)
    found = []
    for count in (99_000, 2_000, 4_000, 46_000, 1_400, 4_600):
        lanes = learner.state.lanes
        _, tokens = learner.prepare(*words(count))
        found.append((lanes, tokens.lanes, max(0, len(tokens.cuts) - 1)))
    assert found == [(1, 1, 0), (1, 1, 0), (2, 2, 4), (2, 2, 46), (3, 1, 0), (3, 3, 6)]


def test_a_young_model_does_not_know_of_lanes() -> None:
    """While there is one lane, the settings for more change no bit."""
    first, second = product_learner(attrs.evolve(LANES, lanes=1), SMALL), product_learner(LANES, SMALL)
    for learner in (first, second):
        learner.train_block(*words(20_000))
        learner.train_block(*words(1_200, 2))
    assert exact(first) == exact(second)
    for learner in (first, second):
        learner.train_block(*words(90_000, 3))
        learner.train_block(*words(3_000, 4))
    assert exact(first) != exact(second)


def test_pieces_are_cut_before_subsampling() -> None:
    """The pieces are equally long in the text; in tokens, those of rare words are longer."""
    learner = product_learner(attrs.evolve(LANES, lanes=2, sample=0.001), SMALL)
    learner.train_block(*words(105_000))
    rare = words(2_000, 7)
    sentences = [" ".join(rare.words[code] for code in rare.codes), *["w1 w2 w3 w4"] * 500]
    _, tokens = learner.prepare(*Block.of(*sentences))
    assert len(tokens.cuts) == 5
    sizes = np.diff(tokens.cuts)
    assert sizes[:2].min() > 1.2 * sizes[2:].max()
    assert tokens.cuts[0] == 0 and tokens.cuts[-1] == len(tokens.ids)


def test_pieces_are_cut_to_the_token() -> None:
    """Where all words are kept, the pieces differ by one at most, and the cuts are those of the formula."""
    learner = product_learner(attrs.evolve(LANES, lanes=2, sample=0.0, min_count=1), SMALL)
    learner.train_block(*words(105_000))
    _, tokens = learner.prepare(*Block.of(" ".join(f"w{number % 50}" for number in range(4_003))))
    count = len(tokens.cuts) - 1
    assert count > 1 and tokens.cuts == tuple(4_003 * piece // count for piece in range(count + 1))


def test_admitted_is_what_the_block_added() -> None:
    """The report says how many words the block brought into the vocabulary."""
    learner = product_learner(SETTINGS, SMALL)
    assert learner.train_block(*Block.of("a a b c")).admitted == 1
    assert learner.train_block(*Block.of("b c d d a")).admitted == 3


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_word_0_learns(architecture: str) -> None:
    """The first word of the vocabulary has rows like any other: both change."""
    settings = attrs.evolve(SETTINGS, architecture=architecture, min_count=1, sample=0.0)
    learner = product_learner(settings, SMALL)
    block = Block.of("a b c a b", "b a c c")
    learner.train_block(*block)
    before = leaves(learner.state)
    learner.train_block(*block)
    after = leaves(learner.state)
    assert (before["input"][0] != after["input"][0]).all()
    assert (before["output"][0] != after["output"][0]).all()
    assert after["input_squares"][0] > before["input_squares"][0]
    assert after["output_squares"][0] > before["output_squares"][0]


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_absent_words_keep_their_bits(architecture: str) -> None:
    """Input rows change only of words in the block, output rows only of those and of noise words."""
    settings = attrs.evolve(SETTINGS, architecture=architecture, min_count=1, sample=0.0)
    learner, slow = product_learner(settings, SMALL), SlowLearner(settings, SMALL)
    everything, few = Block.of(" ".join(f"w{number}" for number in range(300))), Block.of("w7 w8 w299 w7")
    for block in (everything, few):
        before = leaves(learner.state)
        learner.train_block(*block)
        slow.train_block(block)
    after = leaves(learner.state)
    trained, noise = {7, 8, 299}, slow.drawn
    assert not trained >= noise
    for name, changed in (("input", trained), ("output", trained | noise)):
        for what in (name, f"{name}_squares"):
            same = (before[what] == after[what]).reshape(300, -1)
            assert {word for word in range(300) if not same[word].all()} == changed, what


def test_later_passes_count_nothing() -> None:
    """A block trained again changes vectors but neither counts nor candidates, and admits no word."""
    learner, slow = product_learner(SETTINGS, SMALL), SlowLearner(SETTINGS, SMALL)
    first, other = Block.of(*text(1, 10), "rare"), Block.of(*text(1, 4), "rare unseen unseen")
    learner.train_block(*first)
    slow.train_block(first)
    vocabulary, before = learner.state.vocabulary, leaves(learner.state)
    counted = (list(vocabulary.words), dict(vocabulary.candidates), vocabulary.total)
    report = learner.train_block(*other, first_pass=False)
    slow.train_block(other, first_pass=False)
    after = leaves(learner.state)
    assert (vocabulary.words, dict(vocabulary.candidates), vocabulary.total) == counted
    assert report.admitted == 0
    np.testing.assert_array_equal(before["counts"], after["counts"])
    assert (before["input"] != after["input"]).any()
    np.testing.assert_allclose(after["input"], np.array(slow.input), rtol=1e-3, atol=1e-4)


def test_nothing_to_train_changes_no_vector() -> None:
    """An empty block, one of candidates only, and one before any word is known are all survived."""
    learner = product_learner(SETTINGS, SMALL)
    for sentences in (("",), ("a b c",), ("",), ("d",)):
        report = learner.train_block(*Block.of(*sentences))
        assert (report.trained, report.admitted, tuple(report.loss)) == (0, 0, (0, 0))
    assert learner.state.blocks == 4
    assert learner.state.words_trained == 0
    learner.train_block(*Block.of("a b a b"))
    assert np.isfinite(leaves(learner.state)["input"]).all()


def test_the_loss_is_measured_on_some_chunks_only() -> None:
    """With as many chunks as lie between two measurements, and one more, the weight is that of two chunks."""
    settings = attrs.evolve(SETTINGS, min_count=1, sample=0.0, window=1)
    words = [f"w{number % 50}" for number in range(SMALL.chunk * LOSS_EVERY + 1)]
    report = product_learner(settings, SMALL).train_block(*Block.of(" ".join(words), "a"))
    # In a chunk, each token but the two at its ends has two neighbours of weight 1; the last chunk has none.
    assert report.loss.weight == 2 * SMALL.chunk - 2


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_another_seed_gives_other_bits(architecture: str) -> None:
    """The seed reaches the initial rows, the subsampling and the noise; the same seed gives the same again."""
    found = []
    for seed in (1, 1, 2):
        learner = product_learner(attrs.evolve(SETTINGS, architecture=architecture, seed=seed), SMALL)
        learner.train_block(*Block.of(*text(1, 30)))
        found.append(leaves(learner.state)["input"].tobytes())
    assert found[0] == found[1] != found[2]


def test_the_loss_falls() -> None:
    """Passes over a text with some order in it bring the mean loss down, pass after pass."""
    settings = attrs.evolve(SETTINGS, vector_size=20, min_count=1, sample=0.0)
    block = Block.of(*[" ".join(f"w{start + step}" for step in range(8)) for start in (0, 30, 60, 90)] * 60)
    for architecture in ("skipgram", "cbow"):
        learner = product_learner(attrs.evolve(settings, architecture=architecture), SMALL)
        losses = []
        for epoch in range(4):
            report = learner.train_block(*block, first_pass=epoch == 0)
            losses.append(report.loss.total / report.loss.weight)
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < 0.7 * losses[0]


def bounded(limit: int = 20) -> Learner:
    """Return a learner of a model whose vocabulary is bounded more than users may bound it."""
    learner = Learner(ModelState.new(attrs.evolve(SETTINGS, max_vocabulary=1_000), SMALL))
    learner.state.vocabulary.limit, learner.state.vocabulary.halve_at = limit, 64 * limit
    return learner


def known(learner: Learner) -> dict[str, tuple[int, bytes, bytes]]:
    """Return all that is learned of each word in the vocabulary."""
    vocabulary, embeddings = learner.state.vocabulary, learner.state.embeddings
    rows = zip(vocabulary.counts.tolist(), embeddings.vectors, embeddings.squares, strict=False)
    return {
        word: (count, vectors.tobytes(), squares.tobytes())
        for word, (count, vectors, squares) in zip(vocabulary.words, rows, strict=True)
    }


def test_words_leave_and_come_back_with_what_they_had() -> None:
    """Whatever left comes back bit for bit, with its count; every word of the text is counted somewhere."""
    before: dict[str, tuple[int, bytes, bytes]] = {}
    gone: dict[str, tuple[int, bytes, bytes]] = {}
    learner = bounded()
    vocabulary, cold = learner.state.vocabulary, learner.state.cold
    came = 0
    for at in range(60):
        block = Block.of(*(f"w{int(word[1:]) + at % 7 * 15}" for sentence in text(at, 20) for word in sentence.split()))
        inside = set(vocabulary.words)
        before.clear()
        seen, counts = dict(vocabulary.candidates), np.bincount(block.codes).tolist()
        report, tokens = learner.prepare(*block, settle=lambda: before.update(known(learner)))
        assert report.vocabulary == len(vocabulary) == learner.state.embeddings.size <= 20
        assert len(tokens.ids) == 0 or tokens.ids.max() < len(vocabulary)
        now = known(learner)
        for word in gone.keys() & (now.keys() | before.keys()):
            count, vectors, squares = gone.pop(word)
            new = seen.get(word, 0) + counts[block.words.index(word)]
            assert (count + new, vectors, squares) == (now | before)[word], "it came back as it was"
            came += 1
        for word in before.keys() - now.keys():  # all that was there when words left
            gone[word] = before[word]
        for word in inside & now.keys():
            assert not before or before[word] == now[word], "who stays keeps what it has"
        learner.update(tokens)
        assert vocabulary.total == sum(vocabulary.counts) + cold.seen + sum(vocabulary.candidates.values())
        assert cold.words == len(gone)
        assert len(learner.state.noise.counts) <= len(vocabulary)
        assert (learner.state.noise.counts <= vocabulary.counts[: len(learner.state.noise.counts)]).all()
    assert came > 50
    assert cold.returned == came


def test_blocks_under_way_are_waited_for_only_if_words_leave() -> None:
    """Rows that are being trained are not looked at; nobody waits as long as there is room."""
    waited: list[int] = []
    learner = bounded(30)
    for at in range(40):
        left = learner.state.cold.left
        found = len(waited)
        learner.prepare(*Block.of(*text(at, 10, 50 + at)), settle=lambda: waited.append(learner.state.cold.left))
        assert (learner.state.cold.left > left) == (len(waited) > found)
        assert waited[found:] in ([], [left]), "before they leave"
    assert 1 < len(waited) < 40


def test_tokens_of_words_that_leave_at_once_are_not_trained() -> None:
    """A block with more words than there is room for trains those that stay, under the ids that they have then."""
    learner = bounded(20)
    every = [f"w{number}" for number in range(40)]
    _, tokens = learner.prepare(*Block.of(*(" ".join(every[: number + 1]) for number in range(40)), " ".join(every)))
    vocabulary = learner.state.vocabulary
    assert vocabulary.words == [word for word in every if word in vocabulary.index] and len(vocabulary) == 19
    assert vocabulary.words == every[:19], "used most"
    assert sorted(set(tokens.ids.tolist())) == list(range(19))

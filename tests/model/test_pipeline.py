"""Chunks take turns at the weights in one order, whoever computes them: several do to the bit what one does."""

from __future__ import annotations

import threading

import attrs
import numpy as np
import pytest

from streamer.model.embeddings import Weights
from streamer.model.pipeline import LOSS_EVERY, Alone, Pipeline, Tokens, slot_bytes, slots
from streamer.model.sgns import Batching, Loss, noise_words
from streamer.settings import ModelSettings

SETTINGS = ModelSettings(vector_size=6, window=3, min_count=1)
BATCHING = Batching(chunk=32, group=2, noise=8, span=16)
WORDS = 40


def weights(seed: int = 1) -> Weights:
    """Return weights of some words."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(scale=0.25, size=(WORDS, 2, SETTINGS.vector_size)).astype(np.float32)
    return Weights(vectors, np.full((WORDS, 2), 1e-3, np.float32))


def tokens(count: int, batching: Batching = BATCHING, seed: int = 2, group: int = 0) -> Tokens:
    """Return a block of so many tokens, in segments of about a dozen, and its noise words."""
    rng = np.random.default_rng(seed)
    whole, last = divmod(count, batching.chunk)
    noise = whole * noise_words(batching, batching.chunk) + noise_words(batching, last)
    segments = np.cumsum(rng.random(count) < 0.08).astype(np.int32)
    return Tokens(rng.integers(0, WORDS, count), segments, rng.integers(0, WORDS, noise), group or batching.group)


def copied(given: Weights) -> Weights:
    """Return weights that share no memory with these."""
    return Weights(*(array.copy() for array in given))


def bits(given: Weights) -> tuple[bytes, ...]:
    """Return weights in a form that compares bit for bit."""
    return tuple(array.tobytes() for array in given)


class Threads:
    """Turns of a part that is a thread, handed round by semaphores.

    Args:
        part: The number of the part.
        signals: For each part, a semaphore for each shard and one for chunks that are computed.
        order: Takes whose turn it was, one letter a turn, shard by shard.
    """

    def __init__(self, part: int, signals: list[list[threading.Semaphore]], order: list[str]) -> None:
        self.part, self.parts, self.shards = part, len(signals), len(signals[0]) - 1
        self._signals, self._order = signals, order

    def come(self, shard: int) -> None:
        """Wait for the turn."""
        assert self._signals[self.part][shard].acquire(timeout=10)
        self._order[shard] += "abcde"[self.part]

    def go(self, shard: int) -> None:
        """Hand it on."""
        self._signals[(self.part + 1) % self.parts][shard].release()

    def computed(self, part: int) -> None:
        """Tell another part."""
        assert part != self.part
        self._signals[part][-1].release()

    def wait(self) -> None:
        """Wait to be told."""
        assert self._signals[self.part][-1].acquire(timeout=10)


def together(
    parts: int, shards: int, batching: Batching, blocks: list[Tokens]
) -> tuple[Weights, list[list[tuple[int, Loss]]], list[str]]:
    """Train blocks by several pipelines in as many threads, which hand their turns round.

    Returns:
        The weights, the losses of each block, and for each shard whose turn it was, one letter a turn.
    """
    shared, order = weights(), [""] * shards
    found: list[list[tuple[int, Loss]]] = [[] for _ in blocks]
    signals = [[threading.Semaphore(part == 0) for _ in range(shards)] for part in range(parts)]
    for signal in signals:
        signal.append(threading.Semaphore(0))
    errors: list[BaseException] = []
    size = slot_bytes(batching, SETTINGS.vector_size, shards)
    most = max(block.group for block in blocks)
    under_way = slots(np.zeros(most * size, np.uint8), batching, SETTINGS.vector_size, shards)
    assert len(under_way) == most

    def work(part: int) -> None:
        try:
            pipeline = Pipeline(batching, SETTINGS, Threads(part, signals, order), under_way)
            for number, block in enumerate(blocks):
                found[number] += pipeline.train(shared, block)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    return shared, [sorted(each) for each in found], order


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("parts", [1, 2, 3, 5])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_several_do_what_one_does(architecture: str, parts: int, shards: int) -> None:
    """Over blocks of many chunks, of fewer than there are parts, of one token and of none: bits, losses and turns.

    The blocks have any numbers of chunks under way, more and fewer than there are parts.
    """
    blocks = [
        tokens(count, BATCHING, seed, group)
        for seed, (count, group) in enumerate(
            [(700, 1), (33, 2), (1, 4), (0, 2), (500, 5), (64, 3), (600, 4), (900, 7), (300, 2)]
        )
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.SETTINGS", attrs.evolve(SETTINGS, architecture=architecture))
        alone, pipeline = weights(), Pipeline(BATCHING, SETTINGS)
        expected = [pipeline.train(alone, block) for block in blocks]
        shared, found, order = together(parts, shards, BATCHING, blocks)
    assert bits(shared) == bits(alone)
    assert found == expected
    for turns in order:
        assert turns == "abcde"[:parts] * (len(turns) // parts), "one after the other"


def test_a_chunk_misses_those_of_its_group_and_nothing_else() -> None:
    """The chunks of one group are computed from the same weights; the next group sees all that they did."""
    given = tokens(2 * BATCHING.chunk)
    both = weights()
    Pipeline(BATCHING, SETTINGS).train(both, given)
    noise = len(given.noise) // 2
    halves = [
        Tokens(given.ids[:32], given.segments[:32], given.noise[:noise], 2),
        Tokens(given.ids[32:], given.segments[32:], given.noise[noise:], 2),
    ]
    one_by_one = weights()
    for half in halves:
        Pipeline(BATCHING, SETTINGS).train(one_by_one, half)
    assert bits(both) != bits(one_by_one), "the second half was computed without what the first did"
    one_of_one = weights()
    Pipeline(BATCHING, SETTINGS).train(one_of_one, given._replace(group=1))
    assert bits(one_of_one) == bits(one_by_one), "in groups of one, each sees all before it"


def test_losses_are_measured_on_some_chunks() -> None:
    """On the first and every sixteenth after it, each with its number; a positive number with a positive weight."""
    losses = Pipeline(BATCHING, SETTINGS).train(weights(), tokens(40 * BATCHING.chunk))
    assert [number for number, _ in losses] == [0, LOSS_EVERY, 2 * LOSS_EVERY]
    assert all(loss.total > 0 < loss.weight for _, loss in losses)


def test_a_block_of_nothing_takes_no_turn() -> None:
    """Nothing is changed, nobody is waited for."""
    before = weights()
    given = copied(before)

    class Never(Alone):
        def come(self, shard: int) -> None:
            raise AssertionError

    assert Pipeline(BATCHING, SETTINGS, Never()).train(given, tokens(0)) == []
    assert bits(given) == bits(before)


def test_a_pipeline_forgets_the_block_before() -> None:
    """What a pipeline did before leaves no trace in what it does next: it is as good as a new one."""
    used = Pipeline(BATCHING, SETTINGS)
    used.train(weights(7), tokens(333, seed=8))
    one, other = weights(), weights()
    assert used.train(one, tokens(200)) == Pipeline(BATCHING, SETTINGS).train(other, tokens(200))
    assert bits(one) == bits(other)


def test_only_rows_in_the_block_are_touched() -> None:
    """Rows of words that are neither tokens nor noise keep their bits, and those that are do not."""
    given = tokens(200)
    few = given._replace(ids=given.ids % 10, noise=given.noise % 10 + 20)
    before = weights()
    after = copied(before)
    Pipeline(BATCHING, SETTINGS).train(after, few)
    changed = (after.vectors != before.vectors).any(axis=2)
    assert changed[:10].all()
    assert changed[20:30, 1].all(), "noise words change as context"
    assert not changed[20:30, 0].any()
    assert not changed[10:20].any() and not changed[30:].any()

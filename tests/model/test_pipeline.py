"""Chunks take turns at the weights in one order, whoever computes them: several do to the bit what one does."""

from __future__ import annotations

import threading

import attrs
import numpy as np
import pytest

from streamer.model.embeddings import Weights
from streamer.model.pipeline import LOSS_EVERY, Alone, Pipeline, Tokens, slot_bytes, slots, turns_of
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


class Shared:
    """What threads share that take the turns of some blocks: who comes first takes the next one.

    Args:
        shards: The number of shards.
        blocks: The blocks.
    """

    def __init__(self, shards: int, blocks: list[Tokens]) -> None:
        turns = [(block, number) for block in blocks for number in turns_of(block, BATCHING)]
        self.claims = iter(list(enumerate(turns)))
        self.claim = threading.Lock()
        self.turns = [[threading.Semaphore(0) for _ in range(shards)] for _ in range(len(turns) + 1)]
        self.slots = [threading.Semaphore(0) for _ in range(16)]
        self.order: list[list[int]] = [[] for _ in range(shards)]
        for first in self.turns[0]:
            first.release()


class Threads:
    """The turns of a thread, handed on by semaphores."""

    alone = False

    def __init__(self, shared: Shared) -> None:
        self.shards, self._shared = len(shared.order), shared
        self.at = -1

    def come(self, shard: int) -> None:
        """Wait for the turn."""
        assert self._shared.turns[self.at][shard].acquire(timeout=10)
        self._shared.order[shard].append(self.at)

    def go(self, shard: int) -> None:
        """Hand it on."""
        self._shared.turns[self.at + 1][shard].release()

    def computed(self, slot: int) -> None:
        """Tell whoever waits."""
        self._shared.slots[slot].release()

    def wait(self, slot: int) -> None:
        """Wait to be told."""
        assert self._shared.slots[slot].acquire(timeout=10)


def together(
    parts: int, shards: int, settings: ModelSettings, blocks: list[Tokens]
) -> tuple[Weights, list[tuple[int, Loss]], list[list[int]]]:
    """Train blocks by several pipelines in as many threads.

    Returns:
        The weights, the losses in any order, and for each shard the turns in their order.
    """
    weights_of_all, shared = weights(), Shared(shards, blocks)
    found: list[tuple[int, Loss]] = []
    errors: list[BaseException] = []
    size = slot_bytes(BATCHING, settings.vector_size, shards)
    most = max(block.group for block in blocks)
    under_way = slots(np.zeros(most * size, np.uint8), BATCHING, settings.vector_size, shards)
    assert len(under_way) == most

    def work() -> None:
        turns = Threads(shared)
        pipeline = Pipeline(BATCHING, settings, turns, under_way)
        try:
            while True:
                with shared.claim:
                    claim = next(shared.claims, None)
                if claim is None:
                    return
                turns.at, (block, number) = claim
                pipeline.turn(weights_of_all, block, number, lambda chunk, loss: found.append((chunk, loss)))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    return weights_of_all, sorted(found), shared.order


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("parts", [1, 2, 3, 5])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_several_do_what_one_does(architecture: str, parts: int, shards: int) -> None:
    """Over blocks of many chunks, of fewer than there are parts, of one token and of none: bits, losses and turns.

    The blocks have any numbers of chunks under way, more and fewer than there are parts.
    """
    sizes = [(700, 1), (33, 2), (1, 4), (0, 2), (500, 5), (64, 3), (600, 4), (900, 7), (300, 2)]
    blocks = [tokens(count, BATCHING, seed, group) for seed, (count, group) in enumerate(sizes)]
    settings = attrs.evolve(SETTINGS, architecture=architecture)
    alone, pipeline = weights(), Pipeline(BATCHING, settings)
    expected = [pipeline.train(alone, block) for block in blocks]
    shared, found, order = together(parts, shards, settings, blocks)
    assert bits(shared) == bits(alone)
    assert found == sorted(loss for block in expected for loss in block)
    for turns in order:
        assert turns == list(range(sum(len(turns_of(block, BATCHING)) for block in blocks))), "one after the other"


def test_a_block_has_no_turn_in_which_nothing_is_done() -> None:
    """A small file is one chunk, whose gradients are applied when as many turns as are under way would have passed."""
    assert turns_of(tokens(20, group=8), BATCHING) == [0, 8]
    assert turns_of(tokens(3 * 32, group=2), BATCHING) == [0, 1, 2, 3, 4]
    assert turns_of(tokens(0, group=8), BATCHING) == []


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

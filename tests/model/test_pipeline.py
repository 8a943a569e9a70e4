"""Chunks take turns at the weights in one order, whoever computes them: several do to the bit what one does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import attrs
import numpy as np
import pytest

from streamer.model.embeddings import Weights
from streamer.model.pipeline import LOSS_EVERY, Pipeline, Tokens
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


def tokens(count: int, batching: Batching = BATCHING, seed: int = 2) -> Tokens:
    """Return a block of so many tokens, in segments of about a dozen, and its noise words."""
    rng = np.random.default_rng(seed)
    whole, last = divmod(count, batching.chunk)
    noise = whole * noise_words(batching, batching.chunk) + noise_words(batching, last)
    segments = np.cumsum(rng.random(count) < 0.08).astype(np.int32)
    return Tokens(rng.integers(0, WORDS, count), segments, rng.integers(0, WORDS, noise))


def copied(given: Weights) -> Weights:
    """Return weights that share no memory with these."""
    return Weights(*(array.copy() for array in given))


def bits(given: Weights) -> tuple[bytes, ...]:
    """Return weights in a form that compares bit for bit."""
    return tuple(array.tobytes() for array in given)


def together(parts: int, batching: Batching, blocks: list[Tokens]) -> tuple[Weights, list[list[tuple[int, Loss]]], str]:
    """Train blocks by several pipelines in as many threads, which hand their turns round.

    Returns:
        The weights, the losses of each block, and whose turn it was, one letter a turn.
    """
    shared, order = weights(), ""
    found: list[list[tuple[int, Loss]]] = [[] for _ in blocks]
    signals = [threading.Semaphore(part == 0) for part in range(parts)]
    errors: list[BaseException] = []

    def work(part: int) -> None:
        @contextlib.contextmanager
        def turn() -> Iterator[None]:
            nonlocal order
            assert signals[part].acquire(timeout=10)
            order += "abcd"[part]
            yield
            signals[(part + 1) % parts].release()

        try:
            pipeline = Pipeline(batching, SETTINGS, part, parts)
            for number, block in enumerate(blocks):
                found[number] += pipeline.train(shared, block, turn)
                barrier.wait(10)
        except BaseException as error:
            errors.append(error)

    barrier = threading.Barrier(parts)
    threads = [threading.Thread(target=work, args=(part,)) for part in range(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    return shared, [sorted(each) for each in found], order


@pytest.mark.parametrize(("parts", "group"), [(2, 2), (2, 4), (4, 4), (3, 3)])
def test_several_do_what_one_does(parts: int, group: int) -> None:
    """Over blocks of many chunks, of fewer than there are parts, of one token and of none: bits, losses and turns."""
    batching = attrs.evolve(BATCHING, group=group)
    blocks = [tokens(count, batching, seed) for seed, count in enumerate((700, 33, 1, 0, 500, 64))]
    alone, pipeline = weights(), Pipeline(batching, SETTINGS)
    expected = [pipeline.train(alone, block) for block in blocks]
    shared, found, order = together(parts, batching, blocks)
    assert bits(shared) == bits(alone)
    assert found == expected
    assert order == "abcd"[:parts] * (len(order) // parts), "one after the other"


def test_a_chunk_misses_those_of_its_group_and_nothing_else() -> None:
    """The chunks of one group are computed from the same weights; the next group sees all that they did."""
    given = tokens(2 * BATCHING.chunk)
    both = weights()
    Pipeline(BATCHING, SETTINGS).train(both, given)
    noise = len(given.noise) // 2
    halves = [
        Tokens(given.ids[:32], given.segments[:32], given.noise[:noise]),
        Tokens(given.ids[32:], given.segments[32:], given.noise[noise:]),
    ]
    one_by_one = weights()
    for half in halves:
        Pipeline(BATCHING, SETTINGS).train(one_by_one, half)
    assert bits(both) != bits(one_by_one), "the second half was computed without what the first did"
    one_of_one, pipeline = weights(), Pipeline(attrs.evolve(BATCHING, group=1), SETTINGS)
    pipeline.train(one_of_one, given)
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

    def turn() -> contextlib.AbstractContextManager[object]:
        raise AssertionError

    assert Pipeline(BATCHING, SETTINGS).train(given, tokens(0), turn) == []
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
    few = Tokens(given.ids % 10, given.segments, given.noise % 10 + 20)
    before = weights()
    after = copied(before)
    Pipeline(BATCHING, SETTINGS).train(after, few)
    changed = (after.vectors != before.vectors).any(axis=2)
    assert changed[:10].all()
    assert changed[20:30, 1].all(), "noise words change as context"
    assert not changed[20:30, 0].any()
    assert not changed[10:20].any() and not changed[30:].any()


@pytest.mark.parametrize(("group", "parts"), [(2, 3), (3, 2), (1, 2), (4, 3)])
def test_a_group_that_has_no_equal_parts_is_refused(group: int, parts: int) -> None:
    """Otherwise two workers would fight for one slot."""
    with pytest.raises(ValueError, match=f"{parts}"):
        Pipeline(attrs.evolve(BATCHING, group=group), SETTINGS, 0, parts)

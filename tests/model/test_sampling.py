"""Random streams, subsampling and the noise distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamer.model.sampling import NoiseDistribution, Purpose, Streams, generator, keep_probability


def test_streams_repeat_and_differ() -> None:
    """The same seed, block and purpose draw the same numbers; where one differs, all numbers do."""

    def draw(seed: int, block: int, purpose: Purpose) -> tuple[float, ...]:
        return tuple(generator(seed, block, purpose).random(50))

    streams = [
        draw(seed, block, purpose) for seed in (0, 1, 2, 2**63 - 1) for block in (0, 1, 2, 10**9) for purpose in Purpose
    ]
    assert len({number for stream in streams for number in stream}) == 50 * len(streams)
    assert streams[5] == draw(0, 1, Purpose.NOISE)


def test_streams_of_two_purposes_never_meet() -> None:
    """However many numbers one purpose draws in a block, they are not those that another begins with."""
    many = generator(3, 4, Purpose.INITIALISE).random(200_000)
    assert not np.isin(generator(3, 4, Purpose.SUBSAMPLE).random(20), many).any()


def test_a_stream_begins_anew_whatever_was_drawn_before() -> None:
    """One generator is put to the beginning of each stream: its numbers are those of a Philox with that key."""
    streams = Streams(2**63 - 1)
    for block, purpose in ((0, Purpose.NOISE), (5, Purpose.SUBSAMPLE), (2**40, Purpose.INITIALISE), (5, Purpose.NOISE)):
        found = streams.begin(block, purpose)
        expected = np.random.Generator(np.random.Philox(key=[2**63 - 1, block], counter=[0, 0, 0, int(purpose)]))
        assert found.random(3, np.float32).tolist() == expected.random(3, np.float32).tolist()  # leaves half a number
        assert found.random(7).tolist() == expected.random(7).tolist()  # leaves numbers in the buffer


@pytest.mark.parametrize("few", [1, 16, 255, 256])
def test_few_draws_are_the_first_of_many(few: int) -> None:
    """Few are looked up as they are drawn and many in sorted order, with the same result."""
    noise = NoiseDistribution()
    noise.refresh(np.random.default_rng(1).integers(1, 1000, 20_000), 10**7)
    for block in range(20):
        found, many = (noise.draw(generator(3, block, Purpose.NOISE), size) for size in (few, 2000))
        np.testing.assert_array_equal(found, many[:few])
        assert found.dtype == many.dtype


def test_keep_probability_is_the_formula_of_word2vec() -> None:
    """P = min(1, √(t/f) + t/f) with f = count / total; rare words are always kept, and t = 0 keeps all."""
    counts, total = np.array([1, 900, 1_000, 2_700, 50_000]), 1_000_000
    found = keep_probability(counts, total, 1e-3)
    for count, probability in zip(counts.tolist(), found, strict=True):
        f = count / total
        assert probability == pytest.approx(min(1, math.sqrt(1e-3 / f) + 1e-3 / f), rel=1e-12)
    assert found[:3].tolist() == [1, 1, 1]
    assert found[-1] < 0.2
    assert keep_probability(counts, total, 0).tolist() == [1] * 5


def test_noise_is_drawn_by_count_to_the_three_quarters() -> None:
    """Each word gets its share of count^0.75, by a χ² test, in any part of the draws; all ids are in range."""
    counts = np.array([1, 5, 20, 100, 1000, 3, 50_000, 1])
    noise = NoiseDistribution()
    noise.refresh(counts, int(counts.sum()))
    drawn = noise.draw(generator(1, 0, Purpose.NOISE), 600_000)
    share = counts**0.75 / (counts**0.75).sum()
    for part in (drawn[:200_000], drawn[200_000:400_000], drawn[400_000:], drawn[::3]):
        found, expected = np.bincount(part, minlength=8), share * 200_000
        assert len(found) == 8
        assert ((found - expected) ** 2 / expected).sum() < 26  # 7 degrees of freedom, p = 0.0005
        assert found.min() > 0


def test_noise_words_do_not_depend_on_those_before() -> None:
    """A word follows itself as often as chance has it."""
    noise = NoiseDistribution()
    noise.refresh(np.ones(10, np.int64), 10)
    drawn = noise.draw(generator(2, 0, Purpose.NOISE), 100_000)
    assert np.mean(drawn[1:] == drawn[:-1]) == pytest.approx(0.1, abs=0.005)


class Fixed:
    """A generator whose draws are chosen."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self, size: int) -> np.ndarray:
        """Return the chosen number again and again, or the largest below 1."""
        return np.full(size, min(self.value, np.nextafter(1, 0)))

    @property
    def bit_generator(self) -> Fixed:
        """Return what gives its raw numbers: itself."""
        return self

    def random_raw(self, size: int) -> np.ndarray:
        """Return the 64 bits at that share of all again and again."""
        return np.full(size, min(int(self.value * 2**64), 2**64 - 1), np.uint64)


@pytest.mark.parametrize("size", [2, 2000])
def test_the_ends_of_the_unit_interval_draw_the_first_and_the_last_word(size: int) -> None:
    """Neither 0, nor the largest number below 1, nor a product rounded up to the very end leaves the table."""
    noise = NoiseDistribution()
    noise.refresh(np.array([3, 1, 7]), 11)
    for value, word in ((0.0, 0), (np.nextafter(1, 0), 2), (1.0, 2)):
        assert noise.draw(Fixed(value), size).tolist() == [word] * size  # type: ignore[arg-type]
    noise.restore(np.array([1, 1]), 0)
    for value, word in ((np.nextafter(0.5, 0), 0), (0.5, 1)):  # each word has its share without the upper end
        assert noise.draw(Fixed(value), size).tolist() == [word] * size  # type: ignore[arg-type]


def test_one_word_is_its_own_noise() -> None:
    """A vocabulary of one word draws that word."""
    noise = NoiseDistribution()
    noise.refresh(np.array([5]), 5)
    assert not noise.draw(generator(1, 0, Purpose.NOISE), 100).any()


def test_refresh_waits_for_two_tokens_a_word() -> None:
    """Built at n tokens with V words, it stays as it is until n + 2V, whatever the counts do; then it follows them."""
    noise, counts = NoiseDistribution(), np.array([10, 20, 30])
    noise.refresh(np.zeros(0, np.int64), 100)
    assert noise.due == 0  # nothing to build from yet
    noise.refresh(counts, 60)
    assert noise.due == 66
    counts += 1
    noise.refresh(counts, 65)
    assert (noise.counts.tolist(), noise.due) == ([10, 20, 30], 66)
    noise.refresh(np.array([11, 21, 31, 3]), 66)
    assert (noise.counts.tolist(), noise.due) == ([11, 21, 31, 3], 74)


def test_a_restored_distribution_draws_the_same() -> None:
    """What it was built from is all there is to store."""
    first, second = NoiseDistribution(), NoiseDistribution()
    first.refresh(np.array([4, 9, 2, 5]), 20)
    second.restore(first.counts.copy(), first.due)
    draws = [noise.draw(generator(7, 3, Purpose.NOISE), 1000) for noise in (first, second)]
    np.testing.assert_array_equal(draws[0], draws[1])
    for noise in (first, second):
        noise.refresh(np.array([5, 9, 2, 5]), 27)
        assert noise.counts.tolist() == [4, 9, 2, 5]
        noise.refresh(np.array([5, 9, 2, 5]), 28)
        assert noise.counts.tolist() == [5, 9, 2, 5]


def test_words_that_leave_are_drawn_no_more() -> None:
    """The others keep their counts, under the ids that they have then; when it is rebuilt next stays."""
    noise = NoiseDistribution()
    noise.restore(np.array([5, 6, 7, 8]), 99)
    noise.remove(np.array([1, 3, 6]), 95, 4)  # it does not know the last one yet
    assert (noise.counts.tolist(), noise.due) == ([5, 7], 99)
    assert set(noise.draw(generator(1, 0, Purpose.NOISE), 100).tolist()) == {0, 1}
    noise.remove(np.array([1]), 95, 1)
    assert (noise.counts.tolist(), noise.due) == ([5], 97), "it is due as soon as one that was built now"
    noise.remove(np.array([0]), 96, 3)
    assert noise.due == 0, "words have come that it does not know"
    noise.refresh(np.array([9, 9, 9]), 96)
    assert noise.counts.tolist() == [9, 9, 9]

"""The time left: right for large files, for tiny ones and for both, without jumps, and without a clock of its own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator

import pytest

from streamer.service.time_left import FIRST_SECONDS, TimeLeft


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the seconds that it shows."""
        return self.now


Cost = Callable[[int], float]


def run(sizes: Iterable[int], cost: Cost, piece: int = 1 << 20) -> Iterator[tuple[float, float | None]]:
    """Yield the time that has passed and the estimate, eight times a second of a run with files of these sizes."""
    clock = Clock()
    left = TimeLeft(clock)
    sizes = list(sizes)
    left.add(len(sizes), sum(sizes))
    drawn = clock.now
    for size in sizes:
        left.begin(size)
        for start in range(0, size, piece):
            clock.now += cost(size) * min(piece, size - start) / size
            left.reach(min(1.0, (start + piece) / size))
            if clock.now >= drawn + 0.125:
                drawn = clock.now
                yield clock.now - 1000.0, left.seconds()
        left.end()
    yield clock.now - 1000.0, left.seconds()


def errors(seen: list[tuple[float, float | None]], begin: float = 0.4, end: float = 0.6) -> list[float]:
    """Return the errors in a part of the run, as shares of the time left."""
    whole = seen[-1][0]
    part = [(at, left) for at, left in seen if begin <= at / whole <= end]
    assert part and all(left is not None for _, left in part)
    return [(left - (whole - at)) / (whole - at) for at, left in part if left is not None]


def a_cost(per_file: float, per_byte: float, noise: float = 0.0) -> Cost:
    """Return what a file of a size takes, give or take some."""
    rng = random.Random(1)
    return lambda size: (per_file + per_byte * size) * rng.uniform(1 - noise, 1 + noise)


BOOKS = [200_000 + 137_000 * number % 800_000 for number in range(126)]
TINY = [500 + number % 300 for number in range(20_000)]


@pytest.mark.parametrize("slow", [0.4, 1, 20])
@pytest.mark.parametrize("sizes", [BOOKS, TINY], ids=["books", "tiny"])
def test_files_of_one_kind(sizes: list[int], slow: float) -> None:
    """However fast the machine is, the estimate is right to a few percent in the middle of the run."""
    seen = list(run(sizes, a_cost(2e-3 * slow, 1.2e-7 * slow, 0.3)))
    assert max(map(abs, errors(seen))) < 0.1


def test_tiny_files_and_then_large_ones() -> None:
    """As soon as some of both were seen, what is left of either is estimated from its own cost."""
    sizes = TINY[:10_000] + BOOKS
    seen = list(run(sizes, a_cost(2e-3, 4e-7, 0.2)))
    assert max(map(abs, errors(seen, 0.65, 0.9))) < 0.1, "the large ones begin at 46 %"
    mixed = random.Random(2).sample(TINY[:5_000] + BOOKS, 5_126)
    seen = list(run(mixed, a_cost(2e-3, 4e-7, 0.2)))
    assert max(map(abs, errors(seen))) < 0.1


def test_a_slow_start_is_forgotten() -> None:
    """The first seconds, in which other processes start, do not count to the end."""
    cost, number = a_cost(2e-3, 1.2e-7), iter(range(10**6))
    seen = list(run(20 * BOOKS, lambda size: cost(size) * (10 if next(number) < 20 else 1)))
    assert max(map(abs, errors(seen))) < 0.15


def test_it_does_not_jump() -> None:
    """From one look to the next, the estimate differs from the time that passed by a small share of it."""
    seen = [(at, left) for at, left in run(4 * BOOKS, a_cost(2e-3, 1.2e-7, 0.5)) if left is not None]
    for (before, was), (after, now) in itertools.pairwise(seen):
        assert abs(now - (was - (after - before))) <= 0.05 * was + 0.1


def test_a_stall_counts_down() -> None:
    """While nothing is reported, as during a checkpoint, the time left runs on and does not become negative."""
    clock = Clock()
    left = TimeLeft(clock)
    left.add(100, 1_000_000)
    for _ in range(50):
        left.begin(10_000)
        clock.now += 0.1
        left.end()
    first = left.seconds()
    assert first is not None and first == pytest.approx(5.0, abs=0.1)
    clock.now += 1.0
    assert first > (left.seconds() or 0) > 0
    clock.now += 1000.0
    assert (left.seconds() or 0) >= 0


def test_too_early_to_say() -> None:
    """No estimate is shown before a second of work, nor for nothing."""
    clock = Clock()
    left = TimeLeft(clock)
    assert left.seconds() is None
    left.add(10, 10_000)
    left.begin(1_000)
    clock.now += FIRST_SECONDS / 2
    left.end()
    assert left.seconds() is None
    left.begin(1_000)
    clock.now += FIRST_SECONDS
    left.end()
    assert left.seconds()
    left.rest()
    assert left.seconds() is None


def test_what_is_done_and_what_there_is() -> None:
    """Files and bytes of a backlog that grows; one that was not announced counts, too; the next begins at zero."""
    left = TimeLeft(Clock())
    left.begin(500)
    left.reach(0.5)
    assert (left.files, left.files_done, left.bytes, left.bytes_done) == (1, 0, 500, 250)
    left.end()
    left.add(2, 1_000)
    left.add(1, 0)
    left.begin(600)
    left.end()
    left.begin(400)
    left.reach(0.25)
    assert (left.files, left.files_done, left.bytes, left.bytes_done) == (4, 2, 1_500, 1_200)
    left.rest()
    assert (left.files, left.files_done, left.bytes, left.bytes_done) == (0, 0, 0, 0)


def test_idle_time_does_not_count() -> None:
    """What files cost is known from the last backlog, and the pause between is not work."""
    clock = Clock()
    left = TimeLeft(clock)
    for pause in (0.0, 3600.0):
        clock.now += pause
        left.add(100, 1_000_000)
        for _ in range(50):
            left.begin(10_000)
            clock.now += 0.1
            left.end()
        assert left.seconds() == pytest.approx(5.0, abs=0.2)
        left.rest()


def test_files_without_bytes() -> None:
    """Empty files cost something, too, and there is no division by zero."""
    seen = list(run([1] * 3_000, a_cost(2e-3, 0.0)))
    assert max(map(abs, errors(seen))) < 0.1

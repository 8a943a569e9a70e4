"""Blocks in their order: whoever computes them, reports come as the blocks went in, and a torn state is of no use."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.errors import ExitCode, StreamerError
from streamer.model.learner import BlockReport, Learner, ModelState
from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.training.schedule import Schedule
from streamer.workers import Workers, starter

from ..support.states import bits, block
from ..support.texts import encode

GIVEN = [encode(block(number)) for number in range(6)]


class Fake:
    """Workers that compute in this process, late: a block is trained when it is collected.

    Args:
        model: What they train.
        room: Blocks that may be handed over at a time.
        begins: How often they are asked whether they are ready before they are.
    """

    size = 3

    def __init__(self, model: ModelState, room: int = 2, begins: int = 0) -> None:
        self._learner = Learner(model)
        self._room, self._begins = room, begins
        self._waiting: deque[Tokens] = deque()
        self.calls: list[str] = []
        self.failure: BaseException | None = None

    def ready(self) -> bool:
        """Return whether they were asked often enough."""
        self.calls.append("ready")
        if self.failure:
            raise self.failure
        self._begins -= 1
        return self._begins < 0

    def full(self) -> bool:
        """Return whether as many blocks wait as there is room for."""
        return len(self._waiting) == self._room

    def submit(self, tokens: Tokens) -> None:
        """Take a block, for which there must be room."""
        assert not self.full()
        self.calls.append("submit")
        self._waiting.append(tokens)

    def collect(self) -> tuple[Loss, float]:
        """Train the oldest block."""
        self.calls.append("collect")
        if self.failure:
            raise self.failure
        return self._learner.update(self._waiting.popleft()), time.perf_counter()

    def close(self) -> None:
        """Note that they were ended."""
        self.calls.append("close")


def new_state() -> State:
    """Return the state of a small model."""
    return State.new(ModelSettings(vector_size=12, min_count=2, window=3))


def alone(_: ModelState) -> Workers | None:
    """Start no workers."""
    return None


def scheduled(**options: Any) -> tuple[State, Schedule, Fake]:
    """Return a state, its schedule, and the workers that it has."""
    state = new_state()
    fake = Fake(state.model, **options)
    schedule = Schedule(state, lambda model: fake if model is state.model else None)
    assert schedule.start_workers() == fake.size
    return state, schedule, fake


def without_workers() -> dict[str, Any]:
    """Return the bits of a state that all blocks were trained into here."""
    state = new_state()
    schedule = Schedule(state, alone)
    for encoded in GIVEN:
        schedule.train(encoded)
    return bits(state)


def failing(report: BlockReport, seconds: float) -> None:
    """Raise what nobody expects."""
    raise LookupError


def test_here_each_block_is_done_when_it_returns() -> None:
    """Without workers ``then`` was called before ``train`` returns, once for each block, in order; nothing waits."""
    state = new_state()
    schedule = Schedule(state, alone)
    told: list[tuple[BlockReport, float]] = []
    for number, encoded in enumerate(GIVEN, 1):
        schedule.train(encoded, then=lambda report, seconds: told.append((report, seconds)))
        assert len(told) == number
        assert told[-1][0].words_seen == state.model.vocabulary.total
        assert told[-1][0].tokens == len(encoded)
    assert [report.words_seen for report, _ in told] == sorted({report.words_seen for report, _ in told})
    assert all(seconds > 0 for _, seconds in told)
    schedule.make_room()
    schedule.drain()
    assert len(told) == len(GIVEN)
    assert not schedule.broken


def test_reports_are_the_history() -> None:
    """Each report is in the history before ``then`` is called, with the loss that was measured and the seconds."""
    state = new_state()
    schedule = Schedule(state, alone)
    sums = [0.0, 0.0, 0.0]

    def add(report: BlockReport, seconds: float) -> None:
        for place, number in enumerate((report.loss.total, report.loss.weight, seconds)):
            sums[place] += number
        assert state.history.rows[-1][:3] == [report.words_seen, report.words_trained, report.vocabulary]

    for encoded in GIVEN:
        schedule.train(encoded, then=add)
    assert [sum(row[column] for row in state.history.rows) for column in (3, 4, 5)] == pytest.approx(sums)
    assert sums[1] > 0


def test_later_epochs_count_nothing() -> None:
    """From the second epoch on a block teaches, and none of its words is counted again."""
    state = new_state()
    schedule = Schedule(state, alone)
    schedule.train(GIVEN[0])
    seen, trained = state.model.vocabulary.total, state.model.words_trained
    schedule.train(GIVEN[0], epoch=1)
    assert (state.model.vocabulary.total, state.model.words_trained) == (seen, 2 * trained)


@pytest.mark.parametrize("workers", [False, True])
def test_an_exception_in_then_breaks_it_for_good(workers: bool) -> None:
    """The block is trained and half told: whoever goes on would not know, so nobody can."""
    state, schedule, _ = scheduled()
    if not workers:
        schedule = Schedule(state, alone)
    with pytest.raises(LookupError):
        for encoded in GIVEN:
            schedule.train(encoded, then=failing)
    assert schedule.broken
    attempts: list[Callable[[], None]] = [lambda: schedule.train(GIVEN[0]), schedule.drain, schedule.make_room]
    for attempt in attempts:
        for _ in range(2):
            with pytest.raises(StreamerError) as caught:
                attempt()
            assert caught.value.code == ExitCode.SYSTEM
    schedule.end_workers()
    assert schedule.broken


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, LookupError])
def test_whatever_breaks_off_in_the_middle_breaks_it(error: type[BaseException]) -> None:
    """Ctrl-C and want of memory are let through as they are, and the state is of no more use."""
    _, schedule, fake = scheduled()
    schedule.train(GIVEN[0])
    fake.failure = error()
    with pytest.raises(error):
        schedule.drain()
    assert schedule.broken
    with pytest.raises(StreamerError):
        schedule.drain()


def test_an_error_of_the_workers_is_said_again() -> None:
    """Who tries again is told the same: why it broke, not only that it did."""
    _, schedule, fake = scheduled()
    schedule.train(GIVEN[0])
    fake.failure = died = StreamerError("a process died", code=ExitCode.SYSTEM)
    for _ in range(3):
        with pytest.raises(StreamerError) as caught:
            schedule.drain()
        assert caught.value is died


def test_none_to_start_is_none_there() -> None:
    """Where one thread is all there is, nothing is started, at whatever attempt, and training goes on here."""
    state = new_state()
    for start in (alone, starter(1)):
        schedule = Schedule(state, start)
        assert [schedule.start_workers(), schedule.start_workers()] == [0, 0]
        schedule.train(GIVEN[0])
        schedule.drain()
        schedule.end_workers()
        assert not schedule.broken


def test_workers_are_started_once() -> None:
    """As long as there are some, no others are started; after their end, others can be."""
    state = new_state()
    made: list[Fake] = []

    def start(model: ModelState) -> Workers:
        made.append(Fake(model))
        return made[-1]

    schedule = Schedule(state, start)
    assert [schedule.start_workers(), schedule.start_workers(), len(made)] == [3, 0, 1]
    schedule.end_workers()
    assert made[0].calls == ["close"]
    schedule.end_workers()
    assert made[0].calls == ["close"]
    assert [schedule.start_workers(), len(made)] == [3, 2]


def test_a_block_is_handed_over_when_there_is_room() -> None:
    """Two at a time: the first two are only taken, for each further one the oldest is collected first."""
    _, schedule, fake = scheduled(room=2)
    told: list[int] = []
    for number, encoded in enumerate(GIVEN[:4]):
        schedule.train(encoded, then=lambda report, seconds, number=number: told.append(number))  # type: ignore[misc]
    assert fake.calls == [
        *("ready", "submit") * 2,
        *("ready", "collect", "submit") * 2,
    ]
    assert told == [0, 1]
    schedule.drain()
    assert fake.calls[-2:] == ["collect", "collect"]
    assert told == [0, 1, 2, 3]
    schedule.drain()
    assert fake.calls.count("collect") == 4


def test_making_room_takes_no_more_than_is_needed() -> None:
    """It collects until one more block can be handed over, and nothing where there is room."""
    _, schedule, fake = scheduled(room=2)
    schedule.make_room()
    schedule.train(GIVEN[0])
    schedule.make_room()
    assert "collect" not in fake.calls
    schedule.train(GIVEN[1])
    schedule.make_room()
    schedule.make_room()
    assert fake.calls.count("collect") == 1


@pytest.mark.parametrize("options", [{"room": 1}, {"room": 2}, {"room": 5}, {"begins": 2}, {"room": 9, "begins": 4}])
def test_the_bits_are_the_same_whoever_computes(options: dict[str, int]) -> None:
    """However many blocks are handed over at a time and whenever the workers are ready: the same state and reports."""
    state, schedule, fake = scheduled(**options)
    told: list[BlockReport] = []
    for encoded in GIVEN:
        schedule.train(encoded, then=lambda report, seconds: told.append(report))
    schedule.drain()
    assert bits(state) == without_workers()
    assert [report.tokens for report in told] == [len(encoded) for encoded in GIVEN]
    assert fake.calls.count("submit") == len(GIVEN) - options.get("begins", 0)


def test_until_they_are_ready_this_process_computes() -> None:
    """Workers take a moment to start; blocks that come before are trained here, at once."""
    _, schedule, fake = scheduled(begins=2)
    told: list[int] = []
    then: Callable[[BlockReport, float], None] = lambda report, seconds: told.append(report.tokens)  # noqa: E731
    schedule.train(GIVEN[0], then=then)
    schedule.train(GIVEN[1], then=then)
    assert (fake.calls, len(told)) == (["ready", "ready"], 2)
    schedule.train(GIVEN[2], then=then)
    assert (fake.calls[2:], len(told)) == (["ready", "submit"], 2)


def test_workers_that_never_become_ready_are_done_without() -> None:
    """They have touched nothing: they are closed, it is logged once, and this process does the work from then on."""
    state, schedule, fake = scheduled()
    fake.failure = StreamerError("a process died", code=ExitCode.SYSTEM)
    with capture_logs() as log:
        for encoded in GIVEN:
            schedule.train(encoded)
    assert [(line["event"], line["reason"]) for line in log] == [("workers.unavailable", "a process died")]
    assert fake.calls == ["ready", "close"]
    assert bits(state) == without_workers()
    assert schedule.start_workers() == 0, "what failed once is not tried again"
    schedule.drain()
    assert not schedule.broken


def test_a_system_without_room_is_done_without() -> None:
    """An error of the system when they are started is logged, and not tried again."""
    tries = 0

    def refuse(_: ModelState) -> Workers:
        nonlocal tries
        tries += 1
        raise OSError(11, "Resource temporarily unavailable")

    state = new_state()
    schedule = Schedule(state, refuse)
    with capture_logs() as log:
        assert [schedule.start_workers(), schedule.start_workers()] == [0, 0]
    assert (tries, [line["event"] for line in log]) == (1, ["workers.unavailable"])
    for encoded in GIVEN:
        schedule.train(encoded)
    assert bits(state) == without_workers()


def test_ended_in_the_middle_it_is_broken() -> None:
    """Blocks that were handed over and not collected are lost, and the state with them; the first reason stays."""
    for collected in (False, True):
        _, schedule, fake = scheduled()
        schedule.train(GIVEN[0])
        if collected:
            schedule.drain()
        schedule.end_workers()
        assert fake.calls[-1] == "close"
        assert schedule.broken is not collected
        if not collected:
            with pytest.raises(StreamerError) as caught:
                schedule.train(GIVEN[1])
            assert caught.value.code == ExitCode.SYSTEM


def test_after_their_end_training_goes_on_here() -> None:
    """Workers that were settled and ended leave a schedule as good as before, with the same bits."""
    state, schedule, fake = scheduled()
    for number, encoded in enumerate(GIVEN):
        schedule.train(encoded)
        if number == 2:
            schedule.drain()
            schedule.end_workers()
    assert fake.calls.count("submit") == 3
    assert bits(state) == without_workers()


def test_seconds_of_blocks_do_not_overlap() -> None:
    """With blocks under way side by side, the seconds of all add up to no more than the clock shows."""
    state, schedule, _ = scheduled(room=4)
    seconds: list[float] = []
    started = time.perf_counter()
    for encoded in GIVEN:
        schedule.train(encoded, then=lambda report, spent: seconds.append(spent))
    schedule.drain()
    assert 0 < sum(seconds) <= time.perf_counter() - started
    assert sum(row[5] for row in state.history.rows) == pytest.approx(sum(seconds))


def test_a_block_without_words_is_a_block() -> None:
    """It is handed over and told as any other."""
    _, schedule, fake = scheduled()
    told: list[BlockReport] = []
    schedule.train(encode("..."), then=lambda report, _: told.append(report))
    schedule.drain()
    assert [(report.tokens, report.loss) for report in told] == [(0, Loss(0.0, 0.0))]
    assert fake.calls == ["ready", "submit", "collect"]

"""The saver: when it saves, what it does when the disk or the memory says no, and that nothing learned is left out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from structlog.testing import capture_logs

from streamer.checkpoints import Checkpoint, Image, Store
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Signature
from streamer.model.learner import Learner
from streamer.model.pipeline import Tokens
from streamer.service import saving
from streamer.service.saving import IDLE_SECONDS, LONGEST_WAIT, Saver
from streamer.settings import ModelSettings
from streamer.state import Room, State, copies
from streamer.state.reading import read_ledger, read_state
from streamer.system import failpoints
from streamer.training import Schedule
from streamer.workers import starter
from streamer.workers.here import Here

from ..support.process import until
from ..support.texts import encode

EVERY = 60.0
FRESH = 600.0
NEVER = float("inf")


class Clock:
    """A clock that is set by hand, since tests wait for no minutes."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the seconds that it shows."""
        return self.now

    def time(self) -> float:
        """Return the same, as a date."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that savers look at."""
    clock = Clock()
    monkeypatch.setattr(saving, "time", clock)
    return clock


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """Return the log lines so far."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a folder of checkpoints, held by this process."""
    store = Store(tmp_path / "checkpoints")
    with store.lock():
        yield store


@pytest.fixture
def state() -> State:
    """Return a state that has seen nothing."""
    return State.new(ModelSettings(vector_size=4, min_count=1))


Make = Callable[..., Saver]


@pytest.fixture
def make(store: Store, state: State, clock: Clock) -> Iterator[Make]:
    """Return what makes savers, and closes them in the end."""
    made: list[Saver] = []

    def saver(
        state: State = state, store: Store = store, every: float = EVERY, fresh: float = FRESH, keep: int = 3
    ) -> Saver:
        made.append(Saver(store, state, Schedule(state, starter(1)), every=every, fresh=fresh, keep=keep))
        return made[-1]

    yield saver
    for each in made:
        each.close()


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes places fail."""
    return lambda text: monkeypatch.setattr(failpoints, "_armed", failpoints.arm(text))


def work(saver: Saver, clock: Clock, seconds: float) -> None:
    """Change the state by work of so many seconds."""
    with saver.at_work():
        clock.now += seconds
        saver.changed()


def events(log: list[Any], name: str) -> list[Any]:
    """Return the lines of an event."""
    return [line for line in log if line["event"] == name]


def written(saver: Saver, log: list[Any], count: int, event: str = "checkpoint.saved", *, idle: bool = False) -> None:
    """Look whether to save, as the service does, until there are so many lines of an event."""

    def found() -> bool:
        saver.save_if_due(idle=idle)
        settled = event == "checkpoint.failed" or saver.seconds_until_due(idle=idle) == NEVER
        return len(events(log, event)) >= count and settled

    until(found, f"{count} lines of {event}")
    assert len(events(log, event)) == count


def sequences(store: Store) -> list[int]:
    """Return the numbers of the checkpoints that there are, the oldest first."""
    return [checkpoint.sequence for checkpoint in reversed(store.list())]


def test_nothing_is_due_where_nothing_has_changed(make: Make, store: Store, clock: Clock) -> None:
    """However long it takes, and when all is over, a state that was not changed is not written."""
    saver = make(every=0.0)
    clock.now += 10_000
    for idle in (False, True):
        assert saver.seconds_until_due(idle=idle) == NEVER
        saver.save_if_due(idle=idle)
    saver.finish()
    assert sequences(store) == []


def test_work_is_saved_when_it_is_due(make: Make, store: Store, state: State, clock: Clock, log: list[Any]) -> None:
    """Not a moment before so many seconds since the last, and again after as many."""
    saver = make()
    work(saver, clock, 1.0)
    assert saver.seconds_until_due(idle=False) == EVERY - 1.0
    clock.now += EVERY - 1.5
    saver.save_if_due()
    assert saver.seconds_until_due(idle=False) == 0.5 and state.sequence == 0
    clock.now += 0.5
    written(saver, log, 1)
    assert saver.seconds_until_due(idle=False) == NEVER
    work(saver, clock, 1.0)
    clock.now += EVERY - 1.5
    saver.save_if_due()
    assert sequences(store) == [1]
    clock.now += 0.5
    written(saver, log, 2)
    assert sequences(store) == [1, 2]


def test_a_line_says_what_was_saved(make: Make, store: Store, state: State, log: list[Any]) -> None:
    """Name, size, how far the model was, how long it took, and for how long training paused."""
    state.model.words_trained = 77
    saver = make(every=0.0)
    saver.changed()
    saver.finish()
    (line,) = events(log, "checkpoint.saved")
    assert line.keys() >= {"name", "size_bytes", "words_trained", "seconds", "pause_seconds"}
    (checkpoint,) = store.list()
    assert (line["name"], line["size_bytes"], line["words_trained"]) == (checkpoint.name, checkpoint.size_bytes, 77)


def test_the_newest_are_kept(make: Make, store: Store, log: list[Any]) -> None:
    """So many stay, and they are the last."""
    saver = make(every=0.0, keep=2)
    for number in range(1, 5):
        saver.changed()
        written(saver, log, number)
    assert sequences(store) == [3, 4]


def test_the_first_idle_moment_is_saved_soon(make: Make, clock: Clock, log: list[Any]) -> None:
    """Some seconds after the last change, so that what was learned can be asked for; each change puts it off."""
    saver = make(every=600.0)
    saver.changed()
    clock.now += IDLE_SECONDS - 1
    saver.changed()
    assert saver.seconds_until_due(idle=True) == IDLE_SECONDS
    assert saver.seconds_until_due(idle=False) == 600 - (IDLE_SECONDS - 1)
    clock.now += IDLE_SECONDS
    saver.save_if_due(idle=False)
    assert not log
    written(saver, log, 1, idle=True)
    saver.changed()
    assert saver.seconds_until_due(idle=True) == saver.seconds_until_due(idle=False) > 500, "only the first"


def test_a_checkpoint_of_the_busy_time_is_not_that_of_the_first_idle_moment(
    make: Make, clock: Clock, log: list[Any]
) -> None:
    """When a run that has saved on the way has nothing to do for the first time, it saves the rest soon, too."""
    saver = make()
    work(saver, clock, EVERY)
    written(saver, log, 1)
    work(saver, clock, 1.0)
    assert saver.seconds_until_due(idle=True) == IDLE_SECONDS


def test_while_training_it_is_not_later_for_being_idle(make: Make, clock: Clock) -> None:
    """Where the usual time comes first, that counts."""
    saver = make(every=1.0)
    saver.changed()
    assert saver.seconds_until_due(idle=True) == 1.0


class Slow(Store):
    """A folder whose disk takes ten seconds for a checkpoint."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder)
        self._clock = clock

    def publish(self, image: Image, sequence: int) -> Checkpoint:
        """Write, and let time pass."""
        self._clock.now += 10.0
        return super().publish(image, sequence)


@pytest.fixture
def costly(make: Make, store: Store, clock: Clock, log: list[Any]) -> Saver:
    """Return a saver that has learned that a checkpoint takes ten seconds, and has been idle."""
    saver = make(store=Slow(store.folder, clock))
    saver.changed()
    clock.now += IDLE_SECONDS
    written(saver, log, 1, idle=True)
    return saver


def test_a_checkpoint_waits_until_it_is_worth_it(costly: Saver, clock: Clock, log: list[Any]) -> None:
    """Until a kill would cost as much as writing one; time between files is not work, and the time in it is counted."""
    clock.now += EVERY
    for number in range(9):
        work(costly, clock, 1.0)
        clock.now += 1.0
        costly.save_if_due(idle=number % 2 == 0)
    assert len(events(log, "checkpoint.saved")) == 1
    with costly.at_work():
        clock.now += 0.5
        assert costly.seconds_until_due(idle=False) > 0
        clock.now += 0.5
        assert costly.seconds_until_due(idle=False) <= 0
    written(costly, log, 2)
    work(costly, clock, 1.0)
    assert costly.seconds_until_due(idle=False) > EVERY, "what was saved is not to be done again"


def test_readers_see_it_in_the_end(costly: Saver, clock: Clock, log: list[Any]) -> None:
    """However little was learned, it is saved when the oldest of it is so old; what comes later does not put it off."""
    work(costly, clock, 0.25)
    for _ in range(4):
        clock.now += FRESH / 4 - 1
        work(costly, clock, 0.25)
        costly.save_if_due(idle=True)
    assert len(events(log, "checkpoint.saved")) == 1
    assert costly.seconds_until_due(idle=True) == FRESH - 4 * (FRESH / 4 - 1) - 4 * 0.25
    clock.now += 3.0
    written(costly, log, 2, idle=True)


def test_not_even_for_readers_too_often(make: Make, store: Store, clock: Clock, log: list[Any]) -> None:
    """The least time between checkpoints is kept, and no more than that is waited where nothing shall be old."""
    saver = make(store=Slow(store.folder, clock), fresh=0.0)
    saver.changed()
    clock.now += IDLE_SECONDS
    written(saver, log, 1, idle=True)
    saver.changed()
    assert saver.seconds_until_due(idle=True) == EVERY - 10.0


def test_as_often_as_possible(make: Make, store: Store, clock: Clock, log: list[Any]) -> None:
    """With no time between them, every change is worth a checkpoint, whatever it costs."""
    saver = make(store=Slow(store.folder, clock), every=0.0)
    for number in (1, 2, 3):
        saver.changed()
        written(saver, log, number, idle=number == 2)


def test_work_that_could_not_be_saved_is_not_forgotten(
    costly: Saver, clock: Clock, log: list[Any], armed: Callable[[str], None]
) -> None:
    """A failure is tried again, however little there is; what a kill would cost counts on from the last good one."""
    work(costly, clock, 60.0)
    armed("checkpoint.create:ENOSPC:1")
    written(costly, log, 1, "checkpoint.failed")
    assert costly.seconds_until_due(idle=False) == EVERY - 10.0
    clock.now += EVERY
    written(costly, log, 2)
    assert costly.seconds_until_due(idle=False) == NEVER


def test_a_disk_that_refuses_is_tried_again(
    make: Make, store: Store, clock: Clock, log: list[Any], armed: Callable[[str], None]
) -> None:
    """It is said and never raised, later each time, and the failed number is not given again; then all is well."""
    armed("checkpoint.write:ENOSPC:1,checkpoint.sync:EIO:1")
    saver = make(every=0.0)
    saver.changed()
    for attempt, wait in ((1, 2.0), (2, 4.0)):
        written(saver, log, attempt, "checkpoint.failed")
        assert saver.seconds_until_due(idle=False) == wait
        assert saver.seconds_until_due(idle=True) == wait
        clock.now += wait - 0.5
        saver.save_if_due()
        saver.save_if_due(idle=True)
        assert len(log) == attempt
        clock.now += 0.5
    failed = events(log, "checkpoint.failed")
    assert [line["attempts"] for line in failed] == [1, 2]
    assert all(line["problem"] and line["hint"] for line in failed)
    written(saver, log, 1)
    assert sequences(store) == [3]
    armed("checkpoint.write:ENOSPC:1")
    saver.changed()
    written(saver, log, 3, "checkpoint.failed")
    assert events(log, "checkpoint.failed")[-1]["attempts"] == 1, "a success begins anew"


def test_the_longest_wait(make: Make, clock: Clock, log: list[Any], armed: Callable[[str], None]) -> None:
    """A disk that stays full is asked once a minute, no more seldom."""
    armed("checkpoint.create:ENOSPC:1+")
    saver = make(every=0.0)
    saver.changed()
    waits = []
    for attempt in range(1, 9):
        written(saver, log, attempt, "checkpoint.failed")
        waits.append(saver.seconds_until_due(idle=False))
        clock.now += waits[-1]
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]


def test_a_failure_is_not_sooner_than_the_usual_time(
    make: Make, clock: Clock, log: list[Any], armed: Callable[[str], None]
) -> None:
    """Who saves every minute is not asked to pause after two seconds."""
    armed("checkpoint.create:ENOSPC:1")
    saver = make()
    saver.changed()
    clock.now += EVERY
    written(saver, log, 1, "checkpoint.failed")
    assert saver.seconds_until_due(idle=False) == EVERY


def test_what_is_saved_is_what_was_when_it_began(make: Make, store: Store, state: State, log: list[Any]) -> None:
    """What changes while it is written belongs to the next checkpoint, and is not lost."""
    saver = make(every=0.0)
    saver.changed()
    saver.save_if_due()
    state.ledger.refuse("late.txt", Signature(1, 1, 1), "late")
    saver.changed()
    saver.finish()
    assert sequences(store) == [1, 2]
    assert read_ledger(store.list()[1].path).entries == []
    assert [entry.path for entry in read_ledger(store.list()[0].path).entries] == ["late.txt"]


def test_one_at_a_time(make: Make, store: Store, state: State, clock: Clock) -> None:
    """While one is being written no other is begun, however due it is."""
    with Held(store) as slow:
        saver = make(store=slow, every=0.0)
        for _ in range(3):
            saver.changed()
            clock.now += 100
            saver.save_if_due()
        assert state.sequence == 1
    saver.finish()
    assert sequences(store) == [1, 2]


class Held(Store):
    """A folder whose disk takes nothing until the context ends."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.folder)
        self._free = threading.Event()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self._free.set()

    def publish(self, image: Image, sequence: int) -> Checkpoint:
        """Wait, and write."""
        assert self._free.wait(20)
        return super().publish(image, sequence)


def test_finish_saves_once(make: Make, store: Store) -> None:
    """What has changed is on disk when it returns; nothing is written twice; afterwards there is no more saving."""
    saver = make()
    saver.changed()
    saver.finish()
    assert sequences(store) == [1]
    saver.changed()
    with pytest.raises(RuntimeError):
        saver.finish()
    assert sequences(store) == [1]


def test_finish_waits_for_what_is_under_way(make: Make, store: Store) -> None:
    """If nothing has changed since it began, it is the last."""
    saver = make(every=0.0)
    saver.changed()
    saver.save_if_due()
    saver.finish()
    assert sequences(store) == [1]


def test_finish_makes_up_for_a_failure(make: Make, store: Store, log: list[Any], armed: Callable[[str], None]) -> None:
    """One that was under way and fails is told and written again, without waiting."""
    armed("checkpoint.write:ENOSPC:1")
    saver = make(every=0.0)
    saver.changed()
    saver.save_if_due()
    saver.finish()
    assert [line["event"] for line in log] == ["checkpoint.failed", "checkpoint.saved"]
    assert sequences(store) == [2]


@pytest.mark.parametrize("place", ["checkpoint.create", "checkpoint.write", "checkpoint.sync", "checkpoint.rename"])
def test_finish_on_a_disk_that_refuses(
    place: str, make: Make, store: Store, armed: Callable[[str], None], log: list[Any]
) -> None:
    """74 for who runs the command; the older checkpoint is as it was, and nothing half-written is left."""
    saver = make(every=0.0)
    saver.changed()
    written(saver, log, 1)
    good = store.list()[0].path.read_bytes()
    armed(f"{place}:ENOSPC:1+")
    saver.changed()
    with pytest.raises(StreamerError) as caught:
        saver.finish()
    assert caught.value.code == ExitCode.CANNOT_WRITE and caught.value.hint
    assert store.list()[0].path.read_bytes() == good
    assert {path.name for path in store.folder.iterdir()} == {".lock", "states", "checkpoint-0000000001.h5"}


def test_old_ones_that_cannot_be_removed(
    make: Make, store: Store, log: list[Any], armed: Callable[[str], None], clock: Clock
) -> None:
    """That is a failure like any other: told, and the state is written again under the next number."""
    saver = make(every=0.0, keep=1)
    saver.changed()
    written(saver, log, 1)
    armed("checkpoint.retire:EIO:2")  # the first removes a kept state
    saver.changed()
    written(saver, log, 1, "checkpoint.failed")
    clock.now += 2
    written(saver, log, 2)
    assert sequences(store) == [3]


@attrs.define(eq=False)
class Huge(State):
    """A state of which no machine has room for a copy, as long as it is said to be huge."""

    huge: bool = True

    def image(self, room: Room | None = None) -> Image:
        """Return the image, with an exabyte in it that takes no memory as long as it is not copied."""
        return Image({"huge": np.broadcast_to(np.zeros(1, np.uint8), 1 << 60)}) if self.huge else super().image(room)


def test_no_memory_for_a_copy(make: Make, store: Store, state: State, clock: Clock, log: list[Any]) -> None:
    """It is told and tried again like a full disk, and training goes on meanwhile; 71 if it ends like that."""
    huge = Huge(state.model)
    saver = make(huge, every=0.0)
    saver.changed()
    written(saver, log, 1, "checkpoint.failed")
    assert "memory" in log[0]["problem"] and log[0]["hint"]
    assert saver.seconds_until_due(idle=False) == 2.0
    huge.huge = False
    clock.now += 2
    written(saver, log, 1)
    assert sequences(store) == [2]
    huge.huge = True
    saver.changed()
    with pytest.raises(StreamerError) as caught:
        saver.finish()
    assert caught.value.code == ExitCode.SYSTEM
    assert sequences(store) == [2]


@attrs.define(eq=False)
class Watched(State):
    """A state that tells who makes room for its copy, and which copies had room; there may be none."""

    makers: list[str] = attrs.field(factory=list)
    given: list[bool] = attrs.field(factory=list)
    no_memory: bool = False
    found: threading.Event = attrs.field(factory=threading.Event)

    def room(self) -> Room:
        """Return it, when memory was found."""
        self.makers.append(threading.current_thread().name)
        assert self.found.wait(20)
        if self.no_memory:
            raise MemoryError
        return super().room()

    def image(self, room: Room | None = None) -> Image:
        """Return the image."""
        self.given.append(room is not None)
        return super().image(room)


def test_training_does_not_wait_for_room(
    make: Make, store: Store, state: State, clock: Clock, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a copy of a large model, the thread that writes makes room beforehand, once for each checkpoint."""
    monkeypatch.setattr(copies, "LARGE", 0)
    watched = Watched(state.model)
    saver = make(watched, every=0.0)
    for number in (1, 2):
        saver.changed()
        watched.found.clear()
        saver.save_if_due()
        saver.save_if_due()
        assert len(watched.given) == number - 1, "it was copied before there was room"
        watched.found.set()
        written(saver, log, number)
    assert watched.given == [True, True]
    assert [name.rstrip("_0123456789") for name in watched.makers] == ["checkpoint"] * 2
    saver.changed()
    written(saver, log, 3, idle=True)
    monkeypatch.setattr(copies, "LARGE", 1 << 40)
    saver.changed()
    written(saver, log, 4)
    assert watched.given == [True, True, False, False] and len(watched.makers) == 2


def test_no_memory_for_room(
    make: Make, store: Store, state: State, clock: Clock, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As without room: told, and tried again."""
    monkeypatch.setattr(copies, "LARGE", 0)
    watched = Watched(state.model, no_memory=True)
    watched.found.set()
    saver = make(watched, every=0.0)
    saver.changed()
    written(saver, log, 1, "checkpoint.failed")
    assert "memory" in log[0]["problem"]
    watched.no_memory = False
    clock.now += 2
    written(saver, log, 1)
    assert watched.given == [True] and sequences(store) == [2]


class Short(Image):
    """An image for whose pieces there is no memory."""

    def __init__(self) -> None:
        super().__init__({})

    def __iter__(self) -> Iterator[memoryview]:
        """Raise as NumPy does."""
        yield memoryview(b"some")
        raise MemoryError


def test_no_memory_while_it_is_written(
    make: Make, store: Store, state: State, clock: Clock, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told and tried again, and leaves no file behind."""
    saver = make(state, every=0.0)
    with monkeypatch.context() as patched:
        patched.setattr(State, "image", lambda self, room: Short())
        saver.changed()
        written(saver, log, 1, "checkpoint.failed")
    assert "memory" in log[0]["problem"] and log[0]["hint"]
    assert [path.name for path in store.folder.iterdir() if path.name != ".lock"] == []
    clock.now += 2
    written(saver, log, 1)
    assert sequences(store) == [2]


class Later(Here):
    """Workers that train a block only when somebody waits for it."""

    size = 1

    def __init__(self, state: State) -> None:
        super().__init__(Learner(state.model).update)
        self._handed: deque[Tokens] = deque()

    def submit(self, tokens: Tokens) -> None:
        """Keep a block."""
        self._handed.append(tokens)

    def collect(self) -> Any:
        """Train the oldest block."""
        super().submit(self._handed.popleft())
        return super().collect()


def test_blocks_under_way_are_trained_first(store: Store, state: State, clock: Clock) -> None:
    """A checkpoint holds whole blocks: the vocabulary is not ahead of the weights in it, nor the ledger."""
    schedule = Schedule(state, lambda model: Later(state))
    schedule.start_workers()
    trained: list[int] = []
    encoded = encode("a few words about a few words " * 50)
    schedule.train(encoded, then=lambda report, seconds: trained.append(report.tokens))
    assert not trained
    saver = Saver(store, state, schedule, every=0.0, fresh=FRESH, keep=1)
    saver.changed()
    saver.finish()
    assert trained == [350]
    schedule.end_workers()
    found = read_state(store.folder)
    assert found.history.loss() == state.history.loss() is not None
    assert found.vectors().vectors.tobytes() == state.vectors().vectors.tobytes()
    assert found.model.embeddings.output.any(), "zero before the first update"


def test_a_number_is_that_of_its_state(make: Make, store: Store, log: list[Any]) -> None:
    """The number in the file is that in its name, so that a restored file goes on from its place."""
    saver = make(every=0.0)
    for number in (1, 2):
        saver.changed()
        written(saver, log, number)
    assert [read_state(checkpoint.path).sequence for checkpoint in store.list()] == [2, 1]

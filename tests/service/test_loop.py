"""The loop, in this process: what each file comes to, how a run ends, and what is on disk then."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.answers import reports
from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake.inbox import Candidate
from streamer.ledger.entries import CHANGED, REMOVED, Signature
from streamer.service import loop, saving
from streamer.service.progress import Display
from streamer.service.service import Service
from streamer.service.signals import SIGNALS, StopSignals
from streamer.settings import RunSettings
from streamer.state.reading import read_state
from streamer.system import failpoints

from ..support.corpus import aged, large, put, text

Run = Callable[..., contextlib.AbstractContextManager[Service]]
MODEL = {"vector_size": 4, "min_count": 1}


@pytest.fixture
def signals() -> Iterator[StopSignals]:
    """Return what hears the signals that this process sends itself."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    with StopSignals() as signals:
        yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """Return the log lines so far."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder of three texts, the oldest first, and one that is none."""
    for number in range(3):
        put(tmp_path / "inbox" / f"{number}.txt", text(number, 2_000), age=900 - number)
    put(tmp_path / "inbox" / "bad.txt", bytes(range(256)), age=800)
    return tmp_path / "inbox"


@pytest.fixture
def run(tmp_path: Path, signals: StopSignals) -> Run:
    """Return what starts a trainer of ``checkpoints`` with some settings."""

    def start(
        display: Display | None = None, initial: Path | None = None, **settings: Any
    ) -> contextlib.AbstractContextManager[Service]:
        settings = {"threads": 1, "settle": 0.0, "rescan": 0.05, "checkpoint_every": 600.0, **settings}
        folder = tmp_path / "checkpoints"
        return loop.start(folder, MODEL, RunSettings(**settings), display or Display(), signals, initial)

    return start


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes places fail."""
    return lambda text: monkeypatch.setattr(failpoints, "_armed", failpoints.arm(text))


class Watched(Display):
    """A display that does something when it is told of a file, a block, or a pause."""

    def __init__(
        self,
        *,
        file: Callable[[str], None] = lambda path: None,
        block: Callable[[], None] = lambda: None,
        idle: Callable[[int], None] = lambda waiting: None,
    ) -> None:
        self._file, self._block, self._idle = file, block, idle

    def file(self, path: str, size: int) -> None:
        """Tell of a file."""
        self._file(path)

    def block(self, words: int, loss: Callable[[], float | None], vocabulary: int) -> None:
        """Tell of a block."""
        self._block()

    def waiting(self, files: int) -> None:
        """Remember how many files are not still."""
        self._waiting = files

    def idle(self) -> None:
        """Tell of files that are waited for."""
        self._idle(self._waiting)


def stop_at(name: str, number: signal.Signals = signal.SIGTERM) -> Watched:
    """Return a display that asks for the end as soon as a file is begun."""
    return Watched(file=lambda path: os.kill(os.getpid(), number) if path == name else None)


def stop_after_a_block() -> Watched:
    """Return a display that asks for the end once a block is trained."""
    return Watched(block=lambda: os.kill(os.getpid(), signal.SIGINT))


def events(log: list[Any], name: str) -> list[Any]:
    """Return the lines of an event."""
    return [line for line in log if line["event"] == name]


def outcomes(folder: Path) -> dict[str, str]:
    """Return the outcome of each file in the newest checkpoint."""
    return {row["path"]: row["outcome"] for row in reports.files(folder / "checkpoints")}


def test_one_line_a_file(run: Run, inbox: Path, tmp_path: Path, log: list[Any]) -> None:
    """Each is trained or refused, in order, and told once; all of it is in the one checkpoint at the end."""
    with run() as service:
        loop.watch(inbox, service, once=True)
    assert [line["path"] for line in events(log, "file.trained")] == ["0.txt", "1.txt", "2.txt"]
    ((path, reason),) = [(line["path"], line["reason"]) for line in events(log, "file.skipped")]
    assert path == "bad.txt" and reason
    sizes = [line["bytes"] for line in events(log, "file.trained")]
    assert sizes == [(inbox / f"{number}.txt").stat().st_size for number in range(3)]
    assert service.tally.trained == 3 and service.tally.refused == 1
    assert service.words_seen == sum(line["words"] for line in events(log, "file.trained")) > 900
    assert not service.idle
    assert outcomes(tmp_path) == {"0.txt": "trained", "1.txt": "trained", "2.txt": "trained", "bad.txt": "skipped"}
    assert len(Store(tmp_path / "checkpoints").list()) == 1
    order = [line["event"] for line in log]
    assert order[0] == "service.started" and order[-2:] == ["checkpoint.saved", "service.stopped"]
    assert (log[-1]["reason"], log[-1]["words_seen"]) == ("done", service.words_seen)


def test_nothing_new(run: Run, inbox: Path, tmp_path: Path, log: list[Any]) -> None:
    """A run that has nothing to train is idle, says nothing of files, and writes no checkpoint."""
    for _ in range(2):
        with run() as service:
            loop.watch(inbox, service, once=True)
    assert service.idle and service.tally.refused == 0
    assert len(events(log, "file.trained")) == 3 and len(events(log, "file.skipped")) == 1
    assert [checkpoint.sequence for checkpoint in Store(tmp_path / "checkpoints").list()] == [1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_between_files(number: signal.Signals, run: Run, inbox: Path, tmp_path: Path, log: list[Any]) -> None:
    """A signal ends the run well: what was trained is saved, the rest is for the next run, and which signal is told."""
    with run(stop_at("1.txt", number)) as service:
        loop.watch(inbox, service, once=True)
    assert events(log, "service.stopped")[0]["reason"] == number.name
    assert not service.idle
    assert [line["path"] for line in events(log, "file.trained")] == ["0.txt"]
    assert outcomes(tmp_path)["0.txt"] == "trained" and "2.txt" not in outcomes(tmp_path)


def again(run: Run, inbox: Path, signals: StopSignals) -> Service:
    """Train what is left after a stop."""
    signals.received = None
    with run() as service:
        loop.watch(inbox, service, once=True)
    return service


def test_a_stop_in_the_middle_of_a_file(
    run: Run, inbox: Path, tmp_path: Path, signals: StopSignals, log: list[Any]
) -> None:
    """It stops between two blocks; the next run begins with the rest of that file, and each word is seen once."""
    put(inbox / "large.txt", large(5 << 18), age=1000)
    put(inbox / "older.txt", text(9, 1_000), age=2000)
    (inbox / "older.txt").rename(tmp_path / "older.txt")
    with run(stop_after_a_block()) as service:
        loop.watch(inbox, service, once=True)
    entry = read_state(tmp_path / "checkpoints").ledger.under_way
    assert entry and entry.path == "large.txt" and 0 < entry.offset < entry.text_bytes
    assert events(log, "file.trained") == [] and service.tally.trained == 0
    (tmp_path / "older.txt").rename(inbox / "older.txt")
    rest = again(run, inbox, signals)
    assert [line["path"] for line in events(log, "file.trained")][:2] == ["large.txt", "older.txt"]
    (row,) = [row for row in reports.files(tmp_path / "checkpoints") if row["path"] == "large.txt"]
    assert row["words"] == len(large(5 << 18).split())
    assert service.words_seen + rest.words_seen == read_state(tmp_path / "checkpoints").words_seen


def test_the_file_under_way_is_gone(
    run: Run, inbox: Path, tmp_path: Path, signals: StopSignals, log: list[Any]
) -> None:
    """What was trained of it stays so; its rest is skipped with that reason, once, and the others are trained."""
    put(inbox / "large.txt", large(5 << 18), age=1000)
    with run(stop_after_a_block()) as service:
        loop.watch(inbox, service, once=True)
    (inbox / "large.txt").unlink()
    for _ in range(2):
        again(run, inbox, signals)
    assert [line["reason"] for line in events(log, "file.skipped") if line["path"] == "large.txt"] == [REMOVED]
    row = reports.files(tmp_path / "checkpoints")[0]
    assert (row["path"], row["outcome"], row["reason"]) == ("large.txt", "partial", REMOVED)
    assert row["bytes_trained"] and row["bytes_skipped"]
    assert outcomes(tmp_path)["2.txt"] == "trained"


def test_the_file_under_way_is_another_by_now(run: Run, inbox: Path, tmp_path: Path, signals: StopSignals) -> None:
    """The new content is not taken for the rest of the old one, nor read before it is still."""
    put(inbox / "large.txt", large(5 << 18), age=1000)
    with run(stop_after_a_block()) as service:
        loop.watch(inbox, service, once=True)
    put(inbox / "large.txt", "something else\n", age=0)
    signals.received = None
    with run(Watched(idle=lambda waiting: os.kill(os.getpid(), signal.SIGTERM)), settle=600.0) as service:
        loop.watch(inbox, service)
    assert outcomes(tmp_path).keys() == {"large.txt", "0.txt", "1.txt", "2.txt", "bad.txt"}
    entry = read_state(tmp_path / "checkpoints").ledger.under_way
    assert entry and entry.path == "large.txt", "it is still undecided"
    again(run, inbox, signals)
    rows = [row for row in reports.files(tmp_path / "checkpoints") if row["path"] == "large.txt"]
    assert [(row["outcome"], row["reason"] == CHANGED) for row in rows] == [("partial", True), ("skipped", False)]


def test_an_error_that_a_person_can_mend_saves_first(run: Run, inbox: Path, tmp_path: Path, log: list[Any]) -> None:
    """What was learned until then is kept, and the error goes on."""
    with pytest.raises(StreamerError) as caught, run() as service:
        loop.watch(inbox, service, once=True)
        loop.train([tmp_path / "none.txt"], 1, service, lambda epoch, loss: None)
    assert caught.value.code == ExitCode.NO_INPUT
    assert len(outcomes(tmp_path)) == 4
    assert not events(log, "service.stopped")


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, MemoryError])
def test_any_other_error_saves_nothing(error: type[BaseException], run: Run, inbox: Path, tmp_path: Path) -> None:
    """It may have come in the middle of an update; the folder is free for the next run."""
    with pytest.raises(error), run() as service:
        loop.watch(inbox, service, once=True)
        raise error
    store = Store(tmp_path / "checkpoints")
    assert store.list() == [] and store.holder() is None


def test_a_disk_that_takes_no_last_checkpoint(
    run: Run, inbox: Path, armed: Callable[[str], None], log: list[Any]
) -> None:
    """74, and it is not said that the service stopped well."""
    armed("checkpoint.write:ENOSPC:1+")
    with pytest.raises(StreamerError) as caught, run() as service:
        loop.watch(inbox, service, once=True)
    assert caught.value.code == ExitCode.CANNOT_WRITE
    assert not events(log, "service.stopped")


def test_only_one_trainer_of_a_folder(run: Run, tmp_path: Path) -> None:
    """75 for the second, which names the first; the first goes on, and the folder is free when it ends."""
    with run():
        with pytest.raises(StreamerError) as caught, run():
            pass
        assert caught.value.code == ExitCode.LOCKED and str(os.getpid()) in caught.value.problem
        assert Store(tmp_path / "checkpoints").holder() == os.getpid()
    with run():
        pass


def test_what_killed_processes_left_is_swept(run: Run, inbox: Path, tmp_path: Path) -> None:
    """Half-written files are gone when it has started, and no more checkpoints are there than it keeps."""
    for number in range(3):
        put(inbox / f"more-{number}.txt", text(number, 500))
        with run() as service:
            loop.watch(inbox, service, once=True)
    left = put(tmp_path / "checkpoints" / ".checkpoint-0000000004.h5.tmp-1", "half")
    with run(keep=2):
        assert not left.exists()
        assert [checkpoint.sequence for checkpoint in Store(tmp_path / "checkpoints").list()] == [3, 2]


def test_a_test_that_cannot_be_read_is_told_first(run: Run, tmp_path: Path) -> None:
    """66 before a folder is made or locked."""
    with pytest.raises(StreamerError) as caught, run(pairs=(str(tmp_path / "none.tsv"),)):
        pass
    assert caught.value.code == ExitCode.NO_INPUT
    assert not (tmp_path / "checkpoints").exists()


def test_scores_on_the_way_are_saved(run: Run, inbox: Path, tmp_path: Path, log: list[Any]) -> None:
    """They are measured once so many words are trained, and are in the checkpoint."""
    words = text(0, 2_000).split()
    pairs = put(tmp_path / "pairs.tsv", "".join(f"{words[n]}\t{words[n + 1]}\t{n}\n" for n in range(20)))
    with run(pairs=(str(pairs),), evaluate_every=300) as service:
        loop.watch(inbox, service, once=True)
    measured = [line["words_trained"] for line in events(log, "scores.measured")]
    assert len(measured) >= 2
    assert [row.words_trained for row in read_state(tmp_path / "checkpoints").scores.rows] == measured


def test_initial_vectors_are_worth_a_checkpoint(run: Run, tmp_path: Path) -> None:
    """They are saved though no text comes; not a second time."""
    vectors = put(tmp_path / "vectors.txt", "cat 1 2 3 4\ndog 5 6 7 8\n")
    (tmp_path / "inbox").mkdir()
    for _ in range(2):
        with run(initial=vectors) as service:
            loop.watch(tmp_path / "inbox", service, once=True)
    (checkpoint,) = Store(tmp_path / "checkpoints").list()
    assert checkpoint.sequence == 1
    assert read_state(checkpoint.path).initial.words == 2


def test_settings_that_do_away_with_a_refusal(run: Run, inbox: Path, tmp_path: Path) -> None:
    """What was refused for its encoding is looked at anew with another one, without being touched."""
    put(inbox / "latin.txt", "café crème\n".encode("latin-1"))
    for encoding, outcome in (("utf-8", "skipped"), ("latin-1", "trained")):
        with run(encoding=encoding) as service:
            loop.watch(inbox, service, once=True)
        assert outcomes(tmp_path)["latin.txt"] == outcome


def test_a_file_that_vanished_is_no_refusal(run: Run, tmp_path: Path, log: list[Any]) -> None:
    """Gone since the folder was listed, before a byte was trained: no row, no line, nothing to save."""
    gone = str(tmp_path / "gone.txt")
    with run() as service:
        service.take(Candidate("gone.txt", gone, Signature(1, 1, 1)))
        assert service.state.ledger.entries == []
    assert service.idle and not events(log, "file.skipped")
    assert Store(tmp_path / "checkpoints").list() == []


def test_what_the_scan_refuses(run: Run, tmp_path: Path, log: list[Any]) -> None:
    """Its reason is that of the row and of the line; the file is not opened."""
    with run() as service:
        service.take(Candidate("fifo", "/none", Signature(0, 0, 1), refusal="a FIFO, not a regular file"))
    assert service.tally.refused == 1
    (row,) = reports.files(tmp_path / "checkpoints")
    assert row["reason"] == events(log, "file.skipped")[0]["reason"] == "a FIFO, not a regular file"


def test_the_folder_of_checkpoints_is_no_inbox(run: Run, tmp_path: Path) -> None:
    """2, whatever the folder is called."""
    with pytest.raises(StreamerError) as caught, run() as service:
        loop.watch(tmp_path / "inbox" / ".." / "checkpoints", service, once=True)
    assert caught.value.code == ExitCode.USAGE


def test_while_it_waits_it_saves_and_hears(
    run: Run, inbox: Path, tmp_path: Path, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing to train, a checkpoint that is due is taken and a signal is heard; who waits is told of it."""
    waiting: list[int] = []

    def idle(files: int) -> None:
        waiting.append(files)
        if events(log, "checkpoint.saved"):
            os.kill(os.getpid(), signal.SIGTERM)
        assert len(waiting) < 100

    monkeypatch.setattr(saving, "IDLE_SECONDS", 0.0)
    put(inbox / "young.txt", "not still yet\n", age=0)
    with run(Watched(idle=idle), settle=600.0) as service:
        loop.watch(inbox, service)
    assert set(waiting) == {1}
    assert events(log, "service.stopped")[0]["reason"] == "SIGTERM"
    assert "young.txt" not in outcomes(tmp_path)


def train(run: Run, paths: list[Path], epochs: int) -> tuple[Service, list[tuple[int, float | None]]]:
    """Train files for some epochs; return the service, and what was told of the epochs."""
    told: list[tuple[int, float | None]] = []
    with run() as service:
        loop.train(paths, epochs, service, lambda epoch, loss: told.append((epoch, loss)))
    return service, told


def test_epochs(run: Run, inbox: Path, tmp_path: Path) -> None:
    """Each epoch is told with a loss that falls; again there is none; one more is one more; a byte counts once."""
    service, told = train(run, [inbox], 3)
    assert [epoch for epoch, _ in told] == [1, 2, 3]
    losses = [loss for _, loss in told if loss is not None]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 3
    state = read_state(tmp_path / "checkpoints")
    assert service.words_seen == 3 * state.words_seen
    assert state.epochs.job == "", "no job is under way"
    service, told = train(run, [inbox], 3)
    assert service.idle and told == []
    service, told = train(run, [inbox], 4)
    assert [epoch for epoch, _ in told] == [4]
    assert read_state(tmp_path / "checkpoints").words_seen == state.words_seen


def test_stopped_in_an_epoch(run: Run, inbox: Path, tmp_path: Path, signals: StopSignals) -> None:
    """The same command goes on with the losses of the epoch under way; another begins its own."""
    begun: list[str] = []

    def file(path: str) -> None:
        begun.extend([path] * (path != "bad.txt"))
        if len(begun) == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    whole: list[tuple[int, float | None]] = []
    with loop.start(tmp_path / "whole", MODEL, RunSettings(threads=1, settle=0.0), Display(), signals) as service:
        loop.train([inbox], 2, service, lambda epoch, loss: whole.append((epoch, loss)))
    told: list[tuple[int, float | None]] = []
    with run(Watched(file=file)) as service:
        loop.train([inbox], 2, service, lambda epoch, loss: told.append((epoch, loss)))
    assert begun[3:] == ["0.txt", "1.txt"], "the second file of the second epoch"
    assert told == whole[:1]
    assert read_state(tmp_path / "checkpoints").epochs.job
    signals.received = None
    service, told = train(run, [inbox], 2)
    assert told == whole[1:]
    assert service.tally.trained == 2
    assert read_state(tmp_path / "checkpoints").epochs.job == ""


def test_a_touched_file_is_not_trained_again(run: Run, inbox: Path, log: list[Any]) -> None:
    """Its new time is noted, so that it is read once for that and no more."""
    for _ in range(2):
        with run() as service:
            loop.watch(inbox, service, once=True)
        aged(inbox / "1.txt", 10)
    with run() as service:
        loop.watch(inbox, service, once=True)
    assert len(events(log, "file.trained")) == 3
    assert service.idle

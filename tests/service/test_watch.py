"""The main job: files come, are trained when they are still, once, and a stop or a start changes nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import streamer
from streamer.errors import ExitCode
from streamer.intake.prefetch import WORTH_STARTING
from streamer.training import WORTH_WORKERS

from ..support.corpus import WORDS, aged, large, put, text
from ..support.process import QUICK, done, files, run, started, until

SLOW = ("--settle", "60", "--rescan", "60")


@pytest.mark.slow
def test_the_main_story(tmp_path: Path) -> None:
    """Files that come in every way are trained once, questions are answered meanwhile, a restart trains only news."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    pieces = [text(seed, 8_000) for seed in range(4)]
    with started("watch", inbox, *QUICK, "--settle", "0.5", folder=tmp_path) as trainer:
        trainer.event("service.started", pid=trainer.pid)
        with (inbox / "slow.txt").open("w") as slow:
            for piece in pieces:  # slower than a look at the folder, faster than the time to settle
                slow.write(piece)
                slow.flush()
                time.sleep(0.2)
        put(tmp_path / "elsewhere.tmp", text(10, 20_000), age=0).rename(inbox / "renamed.txt")
        (inbox / "later").mkdir()
        put(inbox / "later" / "nested.txt", text(11, 20_000), age=0)
        for name in ("slow.txt", "renamed.txt", "later/nested.txt"):
            trained = trainer.event("file.trained", path=name)
            assert trained["bytes"] == (inbox / name).stat().st_size
        assert len(trainer.events("file.trained")) == 3

        trainer.event("checkpoint.saved")
        until(lambda: len(files(tmp_path)) == 3, "a checkpoint with three files")
        status = done("status", "--json", folder=tmp_path).json
        assert (status["running"], status["pid"], status["files"]["trained"]) == (True, trainer.pid, 3)
        assert done("similar", WORDS[0], folder=tmp_path).stdout.count("\n") == 11
        second = run("watch", inbox, *QUICK, folder=tmp_path)
        assert second.code == 75
        assert str(trainer.pid) in second.stderr

        put(inbox / "last.txt", text(12, 20_000))
        trainer.event("file.trained", path="last.txt")
        ended = trainer.stopped()
    assert ended.code == 0
    assert ended.events("service.stopped")[0]["reason"] == "SIGTERM"
    status = done("status", "--json", folder=tmp_path).json
    assert (status["running"], status["pid"], status["files"]["trained"]) == (False, None, 4)
    before = files(tmp_path)

    with started("watch", inbox, "--settle", "0.3", "--rescan", "1", folder=tmp_path) as trainer:
        trainer.event("checkpoint.resumed")
        put(inbox / "new.txt", text(13, 20_000), age=0)
        trainer.event("file.trained", path="new.txt")
        ended = trainer.stopped()
    assert ended.code == 0
    assert [line["path"] for line in ended.events("file.trained")] == ["new.txt"]
    after = files(tmp_path)
    assert list(after) == [*before, "new.txt"]
    assert {**after, **before} == after


def test_once_trains_what_is_there_and_each_file_once(undisturbed: Path, inbox: Path) -> None:
    """All files are trained in order; a second run trains nothing and says so; one more file is trained alone."""
    rows = files(undisturbed)
    present = {os.path.relpath(path, inbox): path.stat() for path in inbox.rglob("*") if path.is_file()}
    assert list(rows) == sorted(present, key=lambda path: present[path].st_mtime_ns)
    assert {path for path, row in rows.items() if row["outcome"] != "trained"} == {"empty.txt", "noise.bin"}
    for path, row in rows.items():
        if not path.endswith(".gz"):
            assert row["bytes"] == present[path].st_size
    names = [path.name for path in (undisturbed / "checkpoints").iterdir()]
    again = done("watch", inbox, "--once", folder=undisturbed)
    assert again.stdout == "nothing new to train\n"
    assert not again.events("file.trained")
    assert [path.name for path in (undisturbed / "checkpoints").iterdir()] == names


def test_one_more_file_is_trained_alone(tmp_path: Path) -> None:
    """A file that comes after a run with --once is the only one that the next run trains."""
    put(tmp_path / "inbox" / "a.txt", text(1, 5_000))
    assert done("watch", "inbox", "--once", *QUICK, folder=tmp_path).stdout.startswith("trained 1 file, ")
    put(tmp_path / "inbox" / "0.txt", text(2, 5_000), age=7200)
    ended = done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert [line["path"] for line in ended.events("file.trained")] == ["0.txt"]


def test_once_waits_for_files_that_are_not_still(tmp_path: Path) -> None:
    """A file that was written just now, and goes on being written, is trained whole before --once returns."""
    path = put(tmp_path / "inbox" / "a.txt", text(1, 5_000), age=0)
    with started("watch", "inbox", "--once", *QUICK, "--settle", "0.5", folder=tmp_path) as trainer:
        while not trainer.events("service.started"):  # however long it takes to start
            aged(path, 0)
            time.sleep(0.02)
        with path.open("a") as file:
            file.write(text(2, 5_000))
        ended = trainer.ended()
    assert ended.code == 0
    assert [line["bytes"] for line in ended.events("file.trained")] == [path.stat().st_size]


def test_a_rename_into_place_needs_no_waiting(tmp_path: Path) -> None:
    """A file renamed into place is trained at once: the event says so, long before any scan or settling would."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with started("watch", inbox, *QUICK, *SLOW, folder=tmp_path) as trainer:
        put(inbox / "old.txt", text(1, 5_000)).rename(inbox / "old.txt")
        trainer.event("file.trained", path="old.txt")  # so it watches by now
        put(inbox / "a.txt.part", text(2, 5_000), age=0).rename(inbox / "a.txt")
        trainer.event("file.trained", path="a.txt")
        assert trainer.stopped().code == 0


def test_without_events_files_are_found_all_the_same(tmp_path: Path) -> None:
    """With --poll, a new file is found by the scans alone, and partial and hidden files are left alone."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with started("watch", inbox, *QUICK, "--poll", "--rescan", "0.2", folder=tmp_path) as trainer:
        trainer.event("service.started")
        for name in (".hidden.txt", "a.part", "a.tmp", "a~", "a.crdownload", "a.filepart", "a.partial"):
            put(inbox / name, text(1, 1_000))
        put(inbox / "a.txt", text(1, 1_000), age=0)
        trainer.event("file.trained", path="a.txt")
        ended = trainer.stopped()
    assert ended.code == 0
    assert list(files(tmp_path)) == ["a.txt"]


def test_a_word_comes_when_it_was_seen_often_enough_in_all(tmp_path: Path) -> None:
    """A word twice in each of three files, each trained by its own process, has a vector from the third file on."""
    known = []
    for name in ("a", "b", "c"):
        put(tmp_path / "inbox" / f"{name}.txt", f"{name}: the quokka met a quokka. And so on, and on.\n")
        done("watch", "inbox", "--once", "--min-count", "5", *QUICK, folder=tmp_path)
        known.append("quokka" in streamer.load(tmp_path / "checkpoints"))
    assert known == [False, False, True]
    vectors = streamer.load(tmp_path / "checkpoints")
    assert vectors.counts[vectors.key_to_index["quokka"]] == 6


@pytest.mark.alone
def test_an_idle_trainer_stops_at_once(tmp_path: Path) -> None:
    """With nothing to do and an empty inbox, a signal ends the process within a second, however far the next look."""
    (tmp_path / "inbox").mkdir()
    with started("watch", "inbox", *QUICK, *SLOW, folder=tmp_path) as trainer:
        trainer.event("service.started")
        trainer.send(signal.SIGINT)
        assert trainer.ended(within=1).code == 0


def test_checkpoints_inside_the_inbox_are_not_texts(tmp_path: Path) -> None:
    """The folder of checkpoints may lie in the inbox, and is left out; it cannot be the inbox itself."""
    put(tmp_path / "in" / "a.txt", "some words\n")
    command = ("watch", "in", "--once", "--checkpoints", "in/deep/model", *QUICK)
    assert done(*command, folder=tmp_path).stdout == "trained 1 file, 2 words\n"
    assert done(*command, folder=tmp_path).stdout == "nothing new to train\n"
    same = run("watch", "in", "--once", "--checkpoints", "in", folder=tmp_path)
    assert same.code == 2
    assert "holds the checkpoints" in same.stderr


NONE = "nothing new to train\n"


@pytest.mark.slow
def test_a_file_has_one_name_however_it_came(tmp_path: Path) -> None:
    """By itself or with its folder, first or second, by another spelling, touched, grown: trained once."""
    a, b, c = (put(tmp_path / "in" / name, f"{name} words here\n") for name in ("a.txt", "b.txt", "deep/c.txt"))
    put(tmp_path / "other" / "a.txt", "an a.txt of another folder\n")

    def said(*command: str) -> str:
        return done(*command, *QUICK, folder=tmp_path).stdout

    assert said("train", "in/a.txt").endswith("trained 1 file, 4 words\n")
    assert said("watch", "in", "--once") == "trained 2 files, 9 words\n"
    assert said("train", "in/b.txt", "other/../in", "in/deep", "in") == NONE
    assert said("train", "other", "in").endswith("trained 1 file, 6 words\n")
    assert said("train", "in", "other") == NONE
    for path in (a, b, c):
        path.touch()
    assert said("train", "in/b.txt", "in/deep/c.txt") == NONE
    with b.open("a") as file:
        file.write("two more\n")
    assert said("train", "in/b.txt").endswith("trained 1 file, 2 words\n")
    (tmp_path / "in").rename(tmp_path / "moved")
    # Only the one that came by itself was known by an absolute name, which is now another: it is a copy.
    assert said("watch", "moved", "--once").startswith("nothing new to train; 1 copy")


def test_words_that_come_in_a_later_pass_are_counted(tmp_path: Path) -> None:
    """A file that grows while a second pass is under way: its new words are observed once, like any others."""
    path = put(tmp_path / "in" / "a.txt", large())
    done("train", "in", "--epochs", "1", *QUICK, folder=tmp_path)
    words = files(tmp_path)["a.txt"]["words"]
    with started("train", "in", "--epochs", "2", *QUICK, "--checkpoint-every", "0", folder=tmp_path) as process:
        process.event("checkpoint.saved")
        process.killed()
    assert files(tmp_path)["a.txt"]["outcome"] == "partial"
    with path.open("a") as file:
        file.write("zebra " * 50)
    done("watch", "in", "--once", *QUICK, folder=tmp_path)
    assert files(tmp_path)["a.txt"]["words"] == words + 50
    assert "zebra" in streamer.load(tmp_path / "checkpoints")


def many(folder: Path) -> Path:
    """Fill a folder with enough text for helper processes."""
    for number in range(12):
        put(folder / f"{number:02}.txt", text(number, 800_000))
    assert sum(path.stat().st_size for path in folder.iterdir()) > max(WORTH_STARTING, WORTH_WORKERS)
    return folder


def helpers(pid: int) -> dict[int, str]:
    """Return the processes that a process has started, with their command lines."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_text()
    return found


@pytest.mark.slow
def test_helper_processes_leave_the_same_bits(tmp_path: Path) -> None:
    """With enough to do for a tokenizer and workers: by one process, with theirs, and killed in the middle.

    Whether the trainer is killed or a worker, nothing of it is left running, and the next start goes on. A worker's
    death is an error of one line, exit code 71.
    """
    many(tmp_path / "in")
    exports = []
    for name, threads, killed in (("one", "1", ""), ("two", "2", ""), ("main", "2", "main"), ("worker", "2", "worker")):
        command = ("watch", "in", "--once", *QUICK, "--threads", threads, "--checkpoints", name)
        if killed:
            with started(*command, "--checkpoint-every", "0", folder=tmp_path) as process:
                assert process.event("workers.started")["count"] == 2
                process.event("file.trained", number=4)
                process.event("checkpoint.saved")
                others = helpers(process.pid)
                workers = [pid for pid, line in others.items() if "streamer.workers" in line]
                assert len(workers) == 2
                if killed == "main":
                    process.killed()
                else:
                    os.kill(workers[1], signal.SIGKILL)
                    ended = process.ended()
                    assert ended.code == ExitCode.SYSTEM
                    problem, hint = ended.stderr.splitlines()[-2:]
                    assert "a training process ended unexpectedly" in problem
                    assert "start again" in hint
                for pid in others:
                    until(partial(gone, pid), "the end of a helper")
        ended = done(*command, folder=tmp_path)
        assert killed or bool(ended.events("workers.started")) == (threads != "1")
        done("export", f"{name}.npz", "--checkpoints", name, folder=tmp_path)
        exports.append((tmp_path / f"{name}.npz").read_bytes())
    assert len(set(exports)) == 1


@pytest.mark.slow
def test_lanes_leave_the_same_bits(tmp_path: Path) -> None:
    """By one process, by a pool, and resumed by the other after a kill in the middle; one lane is something else."""
    many(tmp_path / "in")
    exports = []
    lanes = ("--lanes", "4", "--lane-size", "2000")
    for name, threads, flags in (("one", "1", lanes), ("two", "2", lanes), ("killed", "2", lanes), ("none", "2", ())):
        command = ("watch", "in", "--once", *QUICK, *flags, "--checkpoints", name)
        if name == "killed":
            with started(*command, "--threads", threads, "--checkpoint-every", "0", folder=tmp_path) as process:
                process.event("workers.started")
                process.event("file.trained", number=4)
                process.event("checkpoint.saved")
                assert sum("streamer.workers.pool" in line for line in helpers(process.pid).values()) == 2
                others = helpers(process.pid)
                process.killed()
            for pid in others:
                until(partial(gone, pid), "the end of a helper")
        done(*command, "--threads", "1" if name == "killed" else threads, folder=tmp_path)
        done("export", f"{name}.npz", "--checkpoints", name, folder=tmp_path)
        exports.append((tmp_path / f"{name}.npz").read_bytes())
    assert exports[0] == exports[1] == exports[2] != exports[3]


def test_a_line_at_the_end_of_a_large_file_starts_no_helpers(tmp_path: Path) -> None:
    """What counts is what is new, not the size of the file."""
    path = put(tmp_path / "in" / "log.txt", text(1, 9_000_000))
    assert path.stat().st_size > WORTH_WORKERS
    assert done("watch", "in", "--once", *QUICK, folder=tmp_path).events("workers.started")
    with path.open("a") as log:
        log.write("\n\none more line\n")
    ended = done("watch", "in", "--once", *QUICK, folder=tmp_path)
    assert [event["words"] for event in ended.events("file.trained")] == [3]
    assert not ended.events("workers.started")


def gone(pid: int) -> bool:
    """Return whether there is no such process, or only what waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_tokenizing_process_is_the_same_program(tmp_path: Path) -> None:
    """A package of the same name in the current folder is not taken for it, nor are its modules."""
    many(tmp_path / "in")
    put(tmp_path / "streamer" / "__init__.py", "raise SystemExit(9)")
    put(tmp_path / "numpy.py", "raise SystemExit(9)")
    script = (str(Path(sys.executable).with_name("streamer")),)
    ended = done("watch", "in", "--once", *QUICK, "--threads", "2", folder=tmp_path, command=script)
    assert not ended.events("tokenizer.lost")
    assert not ended.events("workers.unavailable")


def test_a_reader_that_goes_away_costs_nothing(tmp_path: Path) -> None:
    """Whoever reads output or log may close the pipe: the training goes on and is saved."""
    put(tmp_path / "in" / "a.txt", text(1, 50_000))
    streamer_ = f"{sys.executable} -m streamer"
    quick = " ".join(QUICK)
    subprocess.run(["bash", "-c", f"{streamer_} train in --epochs 5 {quick} 2>&1 | head -1"], cwd=tmp_path, check=True)
    assert done("train", "in", "--epochs", "5", *QUICK, folder=tmp_path).stdout == NONE
    listed = subprocess.run(
        ["bash", "-c", f"{streamer_} files --json | head -1; exit ${{PIPESTATUS[0]}}"], cwd=tmp_path, check=False
    )
    assert listed.returncode == 0

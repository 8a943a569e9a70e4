"""Tokens come out the same whoever makes them, and nothing is lost with the process that makes them ahead."""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Pipe
from pathlib import Path

import numpy as np
import pytest

from streamer.formats.recipes import ANY, TEXT, Recipe
from streamer.intake import prefetch
from streamer.intake.opened import Refused, open_regular
from streamer.intake.prefetch import Job, Prefetcher, TokenBlock, serve, tokenize
from streamer.ledger.entries import Signature
from streamer.text.encoded import EncodedText
from streamer.text.spaces import Spaces
from streamer.text.tokenizer import Rules, TokenizerError
from streamer.text.tokenizers import tokenizer

CUTS = tokenizer(Rules())


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Five texts of two or three blocks each."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(5):
        words = [f"w{word}" for word in rng.integers(0, 5000, 400_000).tolist()]
        found.append("\n\n".join(" ".join(words[begin : begin + 20]) for begin in range(0, len(words), 20)))
    return found


@pytest.fixture
def files(texts: list[str], tmp_path: Path) -> list[Path]:
    """Return the paths of the texts."""
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    return [tmp_path / f"{number}.txt" for number in range(len(texts))]


@pytest.fixture
def other() -> Iterator[Prefetcher]:
    """Another process, started as soon as it is asked for anything."""
    one = Prefetcher(CUTS, enabled=True)
    yield one
    one.close()


def job_of(path: Path, stop: int | None = None) -> Job:
    signature = Signature.of(path.stat())
    return Job(path, signature, 0, signature.size if stop is None else stop, "utf-8")


def ours(job: Job) -> list[TokenBlock]:
    with open_regular(job.path) as file:
        return list(tokenize(file, job, CUTS, start=0))


def announced(jobs: Iterable[Job]) -> list[Job]:
    """Return jobs as they are announced: nobody has looked at the files yet."""
    return [job._replace(recipe="") for job in jobs]


def theirs(other: Prefetcher, job: Job) -> list[TokenBlock]:
    with open_regular(job.path) as file:
        return list(other.blocks(file, job))


def same(some: list[TokenBlock], others: list[TokenBlock]) -> bool:
    return [(b.start, b.stop, b.tokens.words) for b in some] == [
        (b.start, b.stop, b.tokens.words) for b in others
    ] and all(
        np.array_equal(a.tokens.codes, b.tokens.codes) and np.array_equal(a.tokens.segments, b.tokens.segments)
        for a, b in zip(some, others, strict=True)
    )


def forbid_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def tokenized_here(*_: object, **__: object) -> Iterator[TokenBlock]:
        raise AssertionError("tokenized by the trainer itself")

    monkeypatch.setattr(prefetch, "tokenize", tokenized_here)


def test_the_other_process_makes_the_same_blocks(
    files: list[Path], other: Prefetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files announced come from the other process, block for block what this one would make."""
    jobs = [job_of(path) for path in files]
    expected = [ours(job) for job in jobs]
    assert min(map(len, expected)) > 1
    forbid_ours(monkeypatch)
    other.announce(announced(jobs))
    assert all(same(theirs(other, job), blocks) for job, blocks in zip(jobs, expected, strict=True))


def test_the_other_process_has_the_tokenizer_of_the_model(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """With its settings, such as its stop words: a pipe alone would not hold so many."""
    stop_words = tuple(f"w{number}" for number in range(4900)) + tuple(f"{number}" * 9 for number in range(10_000))
    cuts, job = tokenizer(Rules("spaces", boundary="line", stop_words=stop_words)), job_of(files[0])
    with open_regular(files[0]) as file:
        expected = list(tokenize(file, job, cuts, start=0))
    assert not same(expected, ours(job))
    forbid_ours(monkeypatch)
    with contextlib.closing(Prefetcher(cuts, enabled=True)) as other:
        other.announce(announced(job_of(path) for path in files))
        assert same(theirs(other, job), expected)


def test_blocks_that_are_as_large_as_a_round(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with lanes has larger blocks; here and there they are the same."""
    with contextlib.closing(Prefetcher(CUTS, enabled=True, size=9 << 20)) as other:
        job = job_of(files[0])
        with open_regular(files[0]) as file:
            expected = list(tokenize(file, job, CUTS, start=0, size=9 << 20))
        assert len(expected) == 1 < len(ours(job))
        assert same(theirs(other, job), expected)
        forbid_ours(monkeypatch)
        other.announce(announced(job_of(path) for path in files))
        assert same(theirs(other, job), expected)


def test_a_short_first_file_is_not_waited_for(
    tmp_path: Path, files: list[Path], other: Prefetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the process starts, the first file is tokenized here; all others come from the process."""
    first = tmp_path / "first.txt"
    first.write_bytes(files[0].read_bytes()[:500_000])
    jobs = [job_of(path) for path in (first, *files)]
    expected = [ours(job) for job in jobs]
    other.announce(announced(jobs))
    assert same(theirs(other, jobs[0]), expected[0])
    forbid_ours(monkeypatch)
    assert all(same(theirs(other, job), blocks) for job, blocks in zip(jobs[1:], expected[1:], strict=True))
    other.announce(announced([*jobs, jobs[0]]))  # it runs now, so it can have the first file too
    assert same(theirs(other, jobs[0]), expected[0])


def test_little_to_do_starts_no_process(files: list[Path], other: Prefetcher) -> None:
    """A single file of two MiB is tokenized here: starting a process would take longer."""
    job = job_of(files[0])
    other.announce(announced([job]))
    assert other._process is None
    assert same(theirs(other, job), ours(job))


def test_one_that_is_switched_off_starts_no_process(files: list[Path]) -> None:
    """With one thread all is done here."""
    none = Prefetcher(CUTS, enabled=False)
    jobs = [job_of(path) for path in files]
    none.announce(announced(jobs))
    assert none._process is None
    assert same(theirs(none, jobs[0]), ours(jobs[0]))


@pytest.mark.parametrize("after", [0, 1])
def test_a_process_that_dies_is_reported_and_done_without(
    files: list[Path], other: Prefetcher, after: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed before or between blocks, it costs nothing but a warning, and the next announcement starts another."""
    jobs = [job_of(path) for path in files]
    other.announce(announced(jobs))
    got = []
    with open_regular(files[0]) as file:
        blocks = other.blocks(file, jobs[0])
        got += [next(blocks) for _ in range(after)]
        assert other._process
        other._process.send_signal(signal.SIGKILL)
        other._process.wait()
        got += blocks
    assert same(got, ours(jobs[0]))
    assert all(same(theirs(other, job), ours(job)) for job in jobs[1:])
    assert "tokenizer.lost" in capsys.readouterr().out
    other.announce(announced(jobs))
    assert other._process is not None
    assert same(theirs(other, jobs[1]), ours(jobs[1]))


def test_a_file_that_changed_meanwhile_is_read_here(files: list[Path], other: Prefetcher) -> None:
    """What the other process was asked for is compared with what is there now."""
    before = [job_of(path) for path in files]
    files[1].write_text("something else\n\n" * 5000)
    other.announce(announced(before))
    now = job_of(files[1])
    assert same(theirs(other, before[0]), ours(before[0]))
    assert same(theirs(other, now), ours(now))
    assert same(theirs(other, before[2]), ours(before[2]))


def test_a_job_given_up_in_the_middle_does_not_hold_up_the_next(files: list[Path], other: Prefetcher) -> None:
    """Its remaining blocks are thrown away; so are those of jobs that nobody asks for."""
    jobs = [job_of(path) for path in files]
    other.announce(announced(jobs))
    with open_regular(files[0]) as file:
        next(other.blocks(file, jobs[0]))
    assert same(theirs(other, jobs[3]), ours(jobs[3]))


def test_a_compressed_file_and_one_read_from_the_middle_are_read_here(files: list[Path], other: Prefetcher) -> None:
    """Only whole plain files are announced; anything else is another job and works all the same."""
    packed = files[0].with_suffix(".gz")
    packed.write_bytes(gzip.compress(files[0].read_bytes(), 1))
    jobs = [job_of(path) for path in [packed, *files]]
    other.announce(announced(jobs))
    assert same(theirs(other, job_of(packed, files[0].stat().st_size)), ours(jobs[1]))
    middle = Job(files[1], jobs[2].signature, 1000, jobs[2].stop, "utf-8")
    assert theirs(other, middle)[0].start == 1000
    assert same(theirs(other, jobs[3]), ours(jobs[3]))


def test_closing_ends_the_process(files: list[Path]) -> None:
    """No process stays behind, not even one that is in the middle of something."""
    one = Prefetcher(CUTS, enabled=True)
    one.announce(announced(job_of(path) for path in files))
    process = one._process
    assert process is not None
    one.close()
    assert process.returncode is not None


def test_it_ends_when_the_trainer_is_killed(files: list[Path]) -> None:
    """After kill -9 of the trainer, no process stays behind."""
    code = """
import sys, time
from pathlib import Path
from streamer.intake.prefetch import Prefetcher, Job
from streamer.ledger.entries import Signature
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import tokenizer
one = Prefetcher(tokenizer(Rules(boundary="line")), enabled=True)
paths = [Path(name) for name in sys.argv[1:]]
one.announce(Job(p, Signature.of(p.stat()), 0, p.stat().st_size, "utf-8", "") for p in paths)
print(one._process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, *map(str, files)], stdout=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout
        pid = int(trainer.stdout.readline())
        trainer.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):  # nor is it a zombie for long: init reaps it
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)


def test_a_file_that_is_not_what_was_announced_is_not_tokenized(files: list[Path]) -> None:
    """The other process answers a job whose file looks different now with nothing."""
    here, there = Pipe()
    thread = threading.Thread(target=serve, args=(os.dup(there.fileno()),))
    thread.start()
    there.close()
    here.send(CUTS)
    here.send(ANY)
    here.send(0)
    here.send(None)
    job = job_of(files[0])._replace(recipe="")
    here.send(job._replace(signature=job.signature._replace(mtime_ns=1)))
    assert here.recv() is None
    here.send(job._replace(stop=100))
    assert here.recv() == ("utf-8", TEXT)
    assert here.recv().stop == 100
    here.close()
    thread.join()


class Fails(Spaces):
    """A tokenizer that fails, as one of the user may."""

    def encode(self, text: str) -> EncodedText:
        """Fail."""
        raise TokenizerError("it fails")


def test_a_tokenizer_that_fails_refuses_the_file(tmp_path: Path) -> None:
    """It is the reason, and no end of the run."""
    (tmp_path / "a.txt").write_text("a b c")
    job = job_of(tmp_path / "a.txt")
    with open_regular(tmp_path / "a.txt") as file, pytest.raises(Refused, match="it fails"):
        list(tokenize(file, job, Fails(Rules("spaces")), start=0))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["jsonl", "jsonl text", "text"])
def test_files_with_markup_are_tokenized_ahead(recipe: str, tmp_path: Path) -> None:
    """The other process looks for itself which format a file has; with another recipe, its blocks are not taken."""
    path = tmp_path / "file"
    path.write_text("".join(f'{{"text": "word{n % 999} and more", "other": "not wanted"}}\n' for n in range(200_000)))
    job = job_of(path)._replace(recipe=recipe)
    one = Prefetcher(CUTS, enabled=True, wanted=Recipe("auto", ("text",)))
    with contextlib.closing(one), open_regular(path) as file:
        one.announce(announced([job]))
        process = one._process
        found = list(one.blocks(file, job))
        assert process is not None
        expected = list(tokenize(file, job, CUTS, start=0))
    assert [block[:2] for block in found] == [block[:2] for block in expected]
    assert [block.tokens.tokens() for block in found] == [block.tokens.tokens() for block in expected]
    assert ("other" in found[0].tokens.words) == (recipe == "text")
    assert ("wanted" in found[0].tokens.words) == (recipe != "jsonl text")


@pytest.mark.slow
def test_dates_come_from_the_other_process_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as here, from the field that is named."""
    path = tmp_path / "file"
    path.write_text("".join(f'{{"text": "word{n % 999} and more", "at": {10**9 + n}}}\n' for n in range(200_000)))
    job = job_of(path)._replace(recipe="jsonl")
    with open_regular(path) as file:
        expected = list(tokenize(file, job, CUTS, start=0, date_field="at"))
    assert [block.date for block in tokenize_bare(path, job)] == [None] * len(expected)
    dates = [block.date or 0.0 for block in expected]
    assert len(dates) > 1 and dates == sorted(dates) and dates[-1] == 10**9 + 199_999
    forbid_ours(monkeypatch)
    with contextlib.closing(Prefetcher(CUTS, enabled=True, date_field="at")) as other:
        other.announce(announced([job]))
        assert [block.date for block in theirs(other, job)] == dates


def tokenize_bare(path: Path, job: Job) -> list[TokenBlock]:
    """Return the blocks of a file if nobody asks for dates."""
    with open_regular(path) as file:
        return list(tokenize(file, job, CUTS, start=0))

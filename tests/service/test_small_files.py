"""Many small files: the same bits whether they come one by one or lie there all at once, whoever trains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.service import loop
from streamer.service import service as service_module
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings
from streamer.state.reading import read_cold

from ..support.corpus import put, text

SIZES = (40, 600, 60, 3_000, 5, 600, 1_500, 80, 12_000, 50, 40, 900)
"""Characters of the files: of one word and of some chunks, short ones after long ones."""


def files(inbox: Path, times: int = 1) -> list[Path]:
    """Fill a folder with small files, the oldest first, and return them."""
    return [put(inbox / f"{n:02}.txt", text(n, times * size), age=900 - n) for n, size in enumerate(SIZES * 2)]


def trained(folder: Path, inbox: Path, threads: int = 1, **settings: Any) -> tuple[bytes, ...]:
    """Train on what is in a folder; return all that was learned so far."""
    model: dict[str, Any] = {"vector_size": 20, "min_count": 2, **settings}
    run = RunSettings(threads=threads, settle=0.0, rescan=0.05, checkpoint_every=600.0)
    with loop.start(folder, model, run, Display(), StopSignals()) as service:
        loop.watch(inbox, service, once=True)
        learned = service.state.model.embeddings
        arrays = (learned.input, learned.output, learned.input_squares, learned.output_squares)
        return tuple(array.tobytes() for array in arrays)


@pytest.mark.parametrize("threads", [1, 2])
def test_one_by_one_or_all_at_once(threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one process and by workers, as one run and as one that ends after each file: the same bits."""
    there = files(tmp_path / "all")
    expected = trained(tmp_path / "alone", tmp_path / "all")
    monkeypatch.setattr(service_module, "WORTH_WORKERS", 1)
    monkeypatch.setattr(service_module, "WORTH_SHARING", 1)
    assert trained(tmp_path / "at once", tmp_path / "all", threads) == expected
    if threads == 1:
        for path in there:
            put(tmp_path / "slowly" / path.name, path.read_bytes(), age=60)
            found = trained(tmp_path / "one by one", tmp_path / "slowly")
        assert found == expected


@pytest.mark.slow
def test_lanes_one_by_one_or_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some rounds, between smaller ones that have no lanes: the same bits, here and at processes."""
    there, several = files(tmp_path / "all", 40), {"lanes": 4, "lane_size": 1_000}
    expected = trained(tmp_path / "alone", tmp_path / "all", **several)
    for path in there:
        put(tmp_path / "slowly" / path.name, path.read_bytes(), age=60)
        found = trained(tmp_path / "one by one", tmp_path / "slowly", **several)
    assert found == expected != trained(tmp_path / "one lane", tmp_path / "all")
    monkeypatch.setattr(service_module, "WORTH_WORKERS", 1)
    monkeypatch.setattr(service_module, "WORTH_SHARING", 1)
    assert trained(tmp_path / "at once", tmp_path / "all", 2, **several) == expected


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 4])
def test_words_that_leave_one_by_one_or_all_at_once(
    lanes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They leave and come back with the same bits, by 1, 2 and 8 threads, and in runs that end after each file."""
    there = []
    for number in range(12):  # the words of six files together are more than there is room for
        words = f"f{number} " + " ".join(f"w{number % 6}x{word % 400}" for word in range(2_400))
        there.append(put(tmp_path / "all" / f"{number:02}.txt", words, age=900 - number))
    bounded = {"max_vocabulary": 1_000, "max_candidates": 1_000, "lanes": lanes, "lane_size": 1_000}
    expected = trained(tmp_path / "alone", tmp_path / "all", **bounded)
    cold = read_cold(tmp_path / "alone")
    assert cold.returned > 1_000 and cold.segments
    for path in there:
        put(tmp_path / "slowly" / path.name, path.read_bytes(), age=60)
        found = trained(tmp_path / "one by one", tmp_path / "slowly", **bounded)
    assert found == expected
    monkeypatch.setattr(service_module, "WORTH_WORKERS", 1)
    monkeypatch.setattr(service_module, "WORTH_SHARING", 1)
    for threads in (2, 8):
        assert trained(tmp_path / str(threads), tmp_path / "all", threads, **bounded) == expected
    folders = [tmp_path / name for name in ("alone", "one by one", "2", "8")]
    assert len({tuple(batch.digest for batch in read_cold(folder).segments) for folder in folders}) == 1


def test_small_files_start_no_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many bytes are waiting, only those in files that are worth handing over count."""
    files(tmp_path / "all")
    monkeypatch.setattr(service_module, "WORTH_WORKERS", sum(SIZES))
    for least, started in ((20_000, 0), (1, 1)):
        monkeypatch.setattr(service_module, "WORTH_SHARING", least)
        with capture_logs() as lines:
            trained(tmp_path / f"{least}", tmp_path / "all", threads=2)
        assert sum(line["event"] == "workers.started" for line in lines) == started

"""What ``sizing`` says of a folder, of a model that there may be one day, and of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer import Trainer
from streamer.answers.sizes import sizes
from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings, RunSettings

RUN = RunSettings(threads=2)


def test_without_a_model_its_size_must_be_said(tmp_path: Path) -> None:
    """By words, by a bound, or by the memory."""
    with pytest.raises(StreamerError, match=r"no model in .* size must be given") as caught:
        sizes(tmp_path, {}, RUN)
    assert caught.value.code == ExitCode.USAGE and "--vocabulary" in caught.value.hint
    found = sizes(tmp_path, {}, RUN, vocabulary=1_000_000, files=5)
    assert (found["vocabulary"], found["files"], found["cold"], found["threads"]) == (1_000_000, 5, 0, 2)
    assert found["candidates"] == found["max_candidates"] == ModelSettings().max_candidates
    assert found["memory_bytes"] == sum(found["memory"].values()) > 2 * 808 * 10**6
    assert found["disk_bytes"] == sum(found["disk"].values()) > 4 * 808 * 10**6
    bounded = sizes(tmp_path, {"max_vocabulary": 50_000}, RUN)
    assert (bounded["vocabulary"], bounded["cold"]) == (50_000, 50_000)
    within = sizes(tmp_path, {"vector_size": 50}, RunSettings(threads=2, memory="2G"))  # type: ignore[arg-type]
    assert within["vocabulary"] == within["max_vocabulary"] > 700_000
    assert within["memory_bytes"] <= 2 * 10**9
    assert sizes(tmp_path, {}, RUN, vocabulary=1_000, candidates=7)["candidates"] == 7
    with pytest.raises(StreamerError, match=r"takes 1\d,\d+ MB of memory, and --memory is 4\.0 GB") as caught:
        sizes(tmp_path, {}, RunSettings(threads=2, memory="4G"), vocabulary=5_000_000)  # type: ignore[arg-type]
    assert caught.value.code == ExitCode.CONFIGURATION and "--memory" in caught.value.hint


def test_of_a_model_it_tells_how_large_it_is_and_may_become(tmp_path: Path) -> None:
    """What is given comes before what the model has; even dimensions, which it can't have."""
    trainer = Trainer(vector_size=20, min_count=1, max_candidates=0, threads=1)
    trainer.partial_fit(["one two three four five six seven"])
    trainer.save(tmp_path)
    found = sizes(tmp_path, {}, RUN)
    assert (found["vocabulary"], found["candidates"], found["cold"], found["vector_size"]) == (7, 0, 0, 20)
    assert found["memory"]["vectors"] == 7 * 2 * 21 * 4
    larger = sizes(tmp_path, {"vector_size": 40}, RUN, vocabulary=14, cold=3)
    assert larger["memory"]["vectors"] == 14 * 2 * 41 * 4
    assert (larger["cold"], larger["disk"]["cold"] > 0) == (3, True)
    with pytest.raises(StreamerError, match="--memory") as caught:
        sizes(tmp_path, {}, RunSettings(memory="10M"))  # type: ignore[arg-type]
    assert caught.value.code == ExitCode.CONFIGURATION
    next(tmp_path.glob("*.h5")).write_bytes(b"x")
    with pytest.raises(StreamerError) as caught:
        sizes(tmp_path, {}, RUN)
    assert caught.value.code == ExitCode.DAMAGED

"""Checkpoints of every shape that version 1 of the format had, written by the code of its time: they load and go on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import streamer
from streamer.answers import reports
from streamer.checkpoints import FORMAT_VERSION
from streamer.state import State
from streamer.state.reading import read_state, verify

from ..support.process import done

SHAPES = Path(__file__).parent / "shapes"
EXPECTED: dict[str, dict[str, Any]] = json.loads((SHAPES / "expected.json").read_text())
LATER = {
    **{"tokenizer": "words", "keep_case": False, "min_length": 1, "stop_words": (), "phrases": ()},
    **{"max_group": 2, "lanes": 1, "lane_size": 40_000, "max_candidates": 0, "max_vocabulary": 0},
}
"""Settings that version 1 did not have; the number of chunks under way was always the same, and there was one lane,
and no bound on candidates or words."""
ENTRY = ("path", "outcome", "reason", "text_bytes", "words", "bytes_trained", "bytes_skipped", "passes", "offset")


def folder_of(name: str, tmp_path: Path) -> Path:
    """Return a folder of checkpoints in which one of a shape is the only one."""
    sequence = EXPECTED[name]["sequence"]
    shutil.copyfile(SHAPES / f"{name}.h5", tmp_path / f"checkpoint-{sequence:010d}.h5")
    return tmp_path


def digest(array: np.ndarray[Any, Any]) -> str:
    """Return the SHA-256 of an array's numbers."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def facts(state: State) -> dict[str, Any]:
    """Return what the code of its time said of a checkpoint, as it is found now."""
    model, history = state.model, state.history
    vocabulary, embeddings = model.vocabulary, model.embeddings
    return {
        "sequence": state.sequence,
        "vocabulary": len(vocabulary.words),
        "candidates": len(vocabulary.candidates),
        "words_counted": vocabulary.total,
        "words_seen": state.words_seen,
        "words_trained": model.words_trained,
        "blocks": model.blocks,
        "words_sha256": hashlib.sha256("".join(f"{word}\n" for word in vocabulary.words).encode()).hexdigest(),
        "counts_sha256": digest(vocabulary.counts),
        "input_sha256": digest(embeddings.input),
        "output_sha256": digest(embeddings.output),
        "input_squares_sha256": digest(embeddings.input_squares),
        "output_squares_sha256": digest(embeddings.output_squares),
        "noise_words": len(model.noise.counts),
        "noise_due": model.noise.due,
        "settings": attrs.asdict(model.settings),
        "batching": attrs.asdict(model.batching),
        "root": state.ledger.root,
        "outcomes": state.ledger.outcomes(),
        "ledger": [{name: getattr(entry, name) for name in ENTRY} for entry in state.ledger.entries],
        "history_rows": len(history.rows),
        "history_resolution": history.resolution,
        "job": state.epochs.job,
        "losses": [list(loss) for loss in state.epochs.losses],
        "scores": [list(row) for row in state.scores.rows],
        "origin": attrs.asdict(state.initial),
    }


def told(name: str) -> dict[str, Any]:
    """Return what the code of its time said; it did not speak of what there was not yet."""
    before = {"root": "", "scores": [], "origin": {"name": "", "sha256": "", "words": 0, "words_seen": 0}}
    said: dict[str, Any] = {key: before.get(key) if value is None else value for key, value in EXPECTED[name].items()}
    del said["commit"], said["continued"]
    said["settings"] = LATER | {name: _tuple(value) for name, value in said["settings"].items()}
    said["batching"] = {"growth": 500_000} | said["batching"]
    said["outcomes"] = said["outcomes"] | {"held": 0, "forgotten": 0}
    return said


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def test_there_is_a_file_for_each_shape() -> None:
    """No shape is without its facts, and no facts are without their shape."""
    assert {path.stem for path in SHAPES.glob("*.h5")} == set(EXPECTED)
    assert len(EXPECTED) >= 25


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_read_as_its_own_code_read_it(name: str, tmp_path: Path) -> None:
    """Every number, word, row and digest is what the code that wrote it said; parts and `verify` agree."""
    folder = folder_of(name, tmp_path)
    assert facts(read_state(folder)) == told(name)
    vectors = streamer.load(folder)
    assert len(vectors) == EXPECTED[name]["vocabulary"]
    assert streamer.load(SHAPES / f"{name}.h5").index_to_key == vectors.index_to_key
    status = reports.status(folder)
    assert (status["words_seen"], status["files"]) == (EXPECTED[name]["words_seen"], told(name)["outcomes"])
    assert verify(folder).sequence == EXPECTED[name]["sequence"]


@pytest.mark.parametrize("name", EXPECTED)
def test_it_goes_on_as_the_last_code_of_version_1_did(name: str, tmp_path: Path) -> None:
    """After one more text it is what 84b5bb0 made of it, up to what processors round differently.

    It is saved as the next number in today's version, and resumed from that. The shapes that 84b5bb0 refused had what
    they lack put into them before.
    """
    folder = folder_of(name, tmp_path)
    resumed = streamer.Trainer.resume(folder, threads=1).partial_fit([(SHAPES / "texts" / "orchard.txt").read_text()])
    model = resumed.state.model
    vocabulary, embeddings = model.vocabulary, model.embeddings
    wanted = dict(EXPECTED[name]["continued"])
    for matrix in ("input", "output", "input_squares", "output_squares"):
        found = float(np.abs(getattr(embeddings, matrix).astype(np.float64)).sum())
        assert found == pytest.approx(wanted.pop(matrix), rel=1e-3), matrix
    assert wanted == {
        "words_counted": vocabulary.total,
        "vocabulary": len(vocabulary.words),
        "candidates": len(vocabulary.candidates),
        "words_trained": model.words_trained,
        "blocks": model.blocks,
        "noise_due": model.noise.due,
    }
    assert resumed.save(folder).sequence == EXPECTED[name]["sequence"] + 1
    again = streamer.Trainer.resume(folder, threads=1)
    assert again.state.to_tree()["format_version"] == FORMAT_VERSION
    assert again.vectors.vectors.tobytes() == resumed.vectors.vectors.tobytes()


@pytest.mark.parametrize(
    "name",
    [
        "in-the-middle",
        "in-the-middle-rootless",
        "second-pass",
        "in-the-middle-of-2",
        "in-the-middle-of-3",
        "in-the-middle-of-4",
        "in-the-middle-of-5",
        "in-the-middle-of-6",
        "in-the-middle-of-7",
        "in-the-middle-of-8",
        "in-the-middle-of-9",
    ],
)
def test_watch_finishes_the_file_in_whose_middle_it_stopped(name: str, tmp_path: Path) -> None:
    """The rest of it is trained, and nothing twice: all bytes of both texts are accounted for."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    folder = folder_of(name, tmp_path)
    for entry in read_state(folder).ledger.entries:
        file = inbox / Path(entry.path).name
        shutil.copyfile(SHAPES / "texts" / file.name, file)
        os.utime(file, ns=(entry.signature.mtime_ns, entry.signature.mtime_ns))
    done("watch", inbox, "--once", "--settle", "0", "--threads", "1", "--checkpoints", folder, folder=tmp_path)
    rows = reports.files(folder)
    assert {row["outcome"] for row in rows} == {"trained"}
    assert [row["bytes_trained"] for row in rows] == [(inbox / Path(row["path"]).name).stat().st_size for row in rows]
    assert sum(row["words"] for row in rows) == reports.status(folder)["words_seen"]

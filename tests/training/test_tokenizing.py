"""The tokenizer of a model: kept for ever, and never run unasked if it is a user's code."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import structlog

import streamer
from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.state.tokenizing import TokenizerRecord
from streamer.training import Trainer
from streamer.training.tokenizing import new_state, new_tokenizer, tokenizer_of

OWN = "trainingcutter:cut"
SMALL = {"vector_size": 4, "min_count": 1}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a module in the current folder that cuts at bars, and writes a file when it is imported."""
    path = tmp_path / "trainingcutter.py"
    path.write_text("import pathlib\npathlib.Path('imported').touch()\ndef cut(text): return [text.split('|')]\n")
    monkeypatch.chdir(tmp_path)
    yield path
    sys.modules.pop("trainingcutter", None)


def test_a_model_of_before_keeps_the_first_version() -> None:
    """Its words would change under it otherwise."""
    state = State.new(ModelSettings())
    state.record_tokenizer(TokenizerRecord())
    assert tokenizer_of(state, None).encode("Straße 我们在").tokens() == ["straße", "我们在"]
    assert tokenizer_of(State.new(ModelSettings()), None).encode("Straße 我们在").tokens() == ["strasse", "我们", "在"]
    assert state.tokenizer == TokenizerRecord()


def test_another_icu_is_said_once() -> None:
    """And is the one that is recorded from then on."""
    state = new_state(ModelSettings())
    state.record_tokenizer(attrs.evolve(state.tokenizer, icu="1.0"))
    with structlog.testing.capture_logs() as lines:
        tokenizer_of(state, None)
        tokenizer_of(state, None)
    assert [line["event"] for line in lines] == ["tokenizer.changed"]
    assert lines[0]["before"] == "1.0"


def test_code_of_the_user_runs_only_if_it_is_named(module: Path) -> None:
    """A checkpoint alone imports nothing; asking needs no import."""
    Trainer(tokenizer=OWN, **SMALL).partial_fit(["A b|c", ["D"]]).save("checkpoints")
    (module.parent / "imported").unlink()
    del sys.modules["trainingcutter"]
    assert "A b" in streamer.load("checkpoints")
    with pytest.raises(StreamerError) as error:
        Trainer.resume("checkpoints")
    assert error.value.code == ExitCode.CONFIGURATION
    assert f"--tokenizer {OWN}" in str(error.value.hint)
    assert not (module.parent / "imported").exists()
    trainer = Trainer.resume("checkpoints", tokenizer=OWN).partial_fit(["e|f"])
    assert (module.parent / "imported").exists()
    assert [*trainer.vectors] == ["A b", "c", "D", "e", "f"]
    assert [*pickle.loads(pickle.dumps(trainer)).partial_fit(["g"]).vectors][-1] == "g"


def test_another_source_is_said_once(module: Path) -> None:
    """Whoever mends a bug may go on, and knows that the stream has changed."""
    Trainer(tokenizer=OWN, **SMALL).partial_fit(["a"]).save("checkpoints")
    module.write_text("def cut(text): return [[text]]\n")
    with structlog.testing.capture_logs() as lines:
        Trainer.resume("checkpoints", tokenizer=OWN).save("checkpoints")
        Trainer.resume("checkpoints", tokenizer=OWN)
    assert [line["event"] for line in lines if line["event"].startswith("tokenizer")] == ["tokenizer.changed"]


@pytest.mark.parametrize("name", ["trainingcutter:nosuch", "nosuch:cut"])
def test_a_function_that_is_not_there(name: str, module: Path) -> None:
    """One line says so, when the model is made."""
    with pytest.raises(StreamerError, match=f"--tokenizer {name} can't be used") as error:
        Trainer(tokenizer=name)
    assert error.value.code == ExitCode.CONFIGURATION


def test_a_new_model_has_the_newest_version() -> None:
    """Whatever older models have."""
    assert new_tokenizer(ModelSettings()).rules.version == 2

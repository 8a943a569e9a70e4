"""One judgement of settings wherever they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings, model_settings, read_toml


def test_a_stored_setting_cannot_be_contradicted() -> None:
    """What was stored is used; the same value given again is fine, another one is an error that names both."""
    stored = ModelSettings(window=7, learning_rate=0.1)
    assert model_settings(stored, {}) == stored
    assert model_settings(stored, {"window": 7, "learning_rate": 0.1}) == stored
    with pytest.raises(StreamerError, match=r"--window 5 .*7") as caught:
        model_settings(stored, {"window": 5})
    assert caught.value.code == ExitCode.CONFIGURATION
    assert "--window" in caught.value.hint
    assert model_settings(None, {"window": 9}) == ModelSettings(window=9)


def test_bounds_may_change() -> None:
    """They are no part of what was learned: a resumed run may set others, within the same limits as a new model."""
    stored = ModelSettings(window=7, max_candidates=0)
    assert model_settings(stored, {"max_candidates": 5_000}) == ModelSettings(window=7, max_candidates=5_000)
    for few in (-1, 1, 999):
        with pytest.raises(StreamerError, match="--max-candidates must be at least") as caught:
            model_settings(stored, {"max_candidates": few})
        assert caught.value.code == ExitCode.CONFIGURATION


@pytest.mark.parametrize("stored", [None, ModelSettings()])
def test_unknown_settings_are_named(stored: ModelSettings | None) -> None:
    """For a new model and for a stored one, a setting that does not exist is an error 78, not a TypeError."""
    with pytest.raises(StreamerError, match=r"no such setting: size, windows") as caught:
        model_settings(stored, {"windows": 5, "size": 3})
    assert caught.value.code == ExitCode.CONFIGURATION


def toml(folder: Path, text: str) -> Path:
    """Write a file of settings."""
    path = folder / "streamer.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_names_settings_with_dashes_or_underscores(tmp_path: Path) -> None:
    """Both spellings are read; a list becomes a tuple."""
    path = toml(tmp_path, 'min-count = 2\nvector_size = 30\ninclude = ["*.txt", "*.md"]\npoll = true\nsettle = 1\n')
    expected = {"min_count": 2, "vector_size": 30, "include": ("*.txt", "*.md"), "poll": True, "settle": 1}
    assert read_toml(path) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("min_cuont = 2", "did you mean min_count?"),
        ("zzz = 2", "use one of vector_size, window"),
        ("window = ", "cannot read"),
        ("[model]\nwindow = 3", "sets model, which is not a setting"),
        ("window = 3\nwindow = 4", "cannot read"),
    ],
)
def test_toml_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    """A slip in a name gets a suggestion; all of it is an error 78 that names the file."""
    path = toml(tmp_path, text)
    with pytest.raises(StreamerError) as caught:
        read_toml(path)
    assert caught.value.code == ExitCode.CONFIGURATION
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_toml_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no UTF-8 are errors 78."""
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"window = 3 # \xff")
    for path in (tmp_path / "none.toml", tmp_path, broken):
        with pytest.raises(StreamerError, match="cannot read") as caught:
            read_toml(path)
        assert caught.value.code == ExitCode.CONFIGURATION

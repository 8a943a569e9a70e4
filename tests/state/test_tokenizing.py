"""What a checkpoint holds about the tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.settings import ModelSettings
from streamer.state.tokenizing import TokenizerRecord, rules
from streamer.text.scripts import icu_version
from streamer.text.tokenizer import Rules, TokenizerError


def test_of_streamers_own() -> None:
    """The newest version for a new model, and that of ICU where it cuts words."""
    assert TokenizerRecord.of("words") == TokenizerRecord(version=2, icu=icu_version())
    assert TokenizerRecord.of("words", 1) == TokenizerRecord(version=1)
    assert TokenizerRecord.of("logs") == TokenizerRecord(version=1)


def test_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of its source; a function that is not there is an error."""
    (tmp_path / "recordedcutter.py").write_text("def cut(text): return [text.split()]")
    monkeypatch.chdir(tmp_path)
    found = TokenizerRecord.of("recordedcutter:cut")
    assert (found.version, found.icu, len(found.source)) == (1, "", 64)
    with pytest.raises(TokenizerError):
        TokenizerRecord.of("recordedcutter:nosuch")


def test_rules() -> None:
    """All settings that decide how texts are cut, with the version of the record."""
    settings = ModelSettings(tokenizer="logs", keep_case=True, min_length=2, stop_words=("a",), phrases=("b c",))
    assert rules(settings, TokenizerRecord(version=1)) == Rules("logs", 1, "line", True, 2, ("a",), ("b c",))

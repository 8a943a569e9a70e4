"""How a text is cut, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.answers.cutting import collocations_in, cut
from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings, RunSettings

from ..support.corpus import put


def test_a_cut_says_what_there_is(tmp_path: Path) -> None:
    """Contexts, the most frequent words, and what is odd about them."""
    path = put(tmp_path / "a.txt", "The cat sat.\n\nthe dog 42 the end")
    found = cut(path, ModelSettings(), RunSettings(), topn=2)
    assert found.contexts == [["the", "cat", "sat"], ["the", "dog", "42", "the", "end"]]
    assert found.frequent == [("the", 3), ("cat", 1)]
    assert (found.words, found.distinct, found.with_digits, found.once) == (8, 6, 1, 5)
    assert found.bytes == found.of_bytes == path.stat().st_size
    assert found.advice is None


def test_advice(tmp_path: Path) -> None:
    """What the text looks like, if another tokenizer suits it better."""
    path = put(tmp_path / "a.txt", "2026-11-25 10:00:00 a b\n" * 9)
    found = cut(path, ModelSettings(), RunSettings()).advice
    assert found and found.tokenizer == "logs"


def test_only_the_first_block_is_looked_at(tmp_path: Path) -> None:
    """However large the file is."""
    found = cut(put(tmp_path / "a.txt", "word again\n" * 300_000), ModelSettings(), RunSettings())
    assert found.bytes <= 1 << 20 < found.of_bytes == 3_300_000


def test_the_settings_decide(tmp_path: Path) -> None:
    """As they would for a new model."""
    path = put(tmp_path / "a.log", "GET 10.0.0.1\nGET 10.0.0.2\n")
    settings = ModelSettings(tokenizer="logs", stop_words=("get",))
    assert cut(path, settings, RunSettings()).contexts == [["<ip>"], ["<ip>"]]


@pytest.mark.parametrize(
    ("content", "tokenizer", "code", "problem"),
    [
        (None, "words", ExitCode.NO_INPUT, "there is no such file"),
        (b"", "words", ExitCode.NO_INPUT, "empty"),
        (bytes(range(256)) * 50, "words", ExitCode.NO_INPUT, "can't be decoded"),
        (b"text", "nosuch:function", ExitCode.CONFIGURATION, "nosuch"),
        (b"text", "json:loads", ExitCode.CONFIGURATION, "JSONDecodeError"),
    ],
)
def test_what_cannot_be_cut(
    content: bytes | None, tokenizer: str, code: ExitCode, problem: str, tmp_path: Path
) -> None:
    """One error says why, as the trainer would."""
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StreamerError, match=problem) as error:
        cut(path, ModelSettings(tokenizer=tokenizer), RunSettings())
    assert error.value.code == code


def test_collocations_of_files_and_folders(tmp_path: Path) -> None:
    """Files that the trainer would refuse are left out."""
    put(tmp_path / "in" / "a.txt", "new york and the sea " * 30 + "and the sea and the sky " * 100)
    (tmp_path / "in" / "b.bin").write_bytes(bytes(range(256)) * 9)
    one = put(tmp_path / "c.txt", "new york " * 5)
    found = collocations_in([tmp_path / "in", one], ModelSettings(), RunSettings(), min_count=5, threshold=10)
    assert found[0].words == ("new", "york")
    assert found[0].times == 35
    with pytest.raises(StreamerError, match="no file or folder"):
        collocations_in([tmp_path / "nosuch"], ModelSettings(), RunSettings(), min_count=5, threshold=10)


def test_collocations_without_words_that_are_left_out(tmp_path: Path) -> None:
    """Those that are next to each other in the text, and are both kept."""
    path = put(tmp_path / "a.txt", "bank of england and new york " * 40 + "the sea of the sky and " * 200)
    settings = ModelSettings(stop_words=("of", "the"))
    found = {each.words for each in collocations_in([path], settings, RunSettings(), min_count=5, threshold=3)}
    assert ("new", "york") in found
    assert not any("of" in pair or "the" in pair for pair in found)
    assert ("bank", "england") not in found


def test_no_collocations_of_code(tmp_path: Path) -> None:
    """An identifier and its parts always follow each other."""
    path = put(tmp_path / "a.py", "getUserById(x) " * 99)
    with pytest.raises(StreamerError, match="--tokenizer code"):
        collocations_in([path], ModelSettings(tokenizer="code"), RunSettings(), min_count=5, threshold=3)

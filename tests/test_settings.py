"""One judgement of settings wherever they come from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import (
    DEFAULT_EXCLUDE,
    TOKENIZERS,
    ModelSettings,
    RunSettings,
    as_duration,
    flag,
    model_settings,
    read_toml,
    seconds,
)

FIELDS = [(cls, field) for cls in (ModelSettings, RunSettings) for field in attrs.fields(cls)]
WRONG: dict[str, list[Any]] = {
    "int": [1.0, "1", True, None],
    "float": ["1", True, None],
    "duration": ["soon", "1x", "-1s", "1h30m", "", "nan", True, None, ("1s",)],
    "str": [1, None, ("a",)],
    "bool": [1, "yes", None],
    "tuple[str, ...]": ["*.txt", (1, 2), None],
}


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=[field.name for _, field in FIELDS])
def test_each_setting_knows_its_type_and_bounds(cls: type, field: attrs.Attribute[Any]) -> None:
    """A value of another type, beyond a bound or not among the choices is an error 78 that names flag and value."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    bad = list(WRONG["duration" if field.metadata["duration"] else str(field.type)])
    for bound, beyond in ((low, -1), (high, 1)):
        if bound is not None:
            kind = int if str(field.type) == "int" else float
            assert getattr(cls(**{field.name: kind(bound)}), field.name) == bound
            bad.append(kind(bound) + beyond if kind is int else math.nextafter(bound, beyond * math.inf))
    if str(field.type) == "float":
        bad += [math.nan, math.inf, -math.inf]
    for choice in choices:
        needed = {"field": ("text",)} if choice == "csv" else {}
        assert getattr(cls(**{field.name: choice}, **needed), field.name) == choice
    bad += ["nonsense"] if choices else []
    for value in bad:
        with pytest.raises(StreamerError) as caught:
            cls(**{field.name: value})
        assert caught.value.code == ExitCode.CONFIGURATION
        assert flag(field.name) in str(caught.value)
        assert repr(value) in str(caught.value)
    assert field.metadata["help"].endswith(".")


def test_defaults_are_those_of_the_contract() -> None:
    """What users were promised."""
    model, run = ModelSettings(), RunSettings()
    assert attrs.astuple(model) == (
        *(100, 5, 5, 1e-3, 5, 0.15, "skipgram", 8, 1),
        *("words", "paragraph", False, 1, (), ()),
    )
    assert run.threads >= 1
    assert attrs.astuple(run)[1:10] == (60, 600, 3, 30 * 86400, 2, 5, False, (), DEFAULT_EXCLUDE)
    assert attrs.astuple(run)[10:] == (("auto",), "auto", (), 0.01, "skip", "skip", (), (), 1_000_000, 0)


@pytest.mark.parametrize("name", ["text", "html", "mail"])
def test_fields_are_for_formats_that_have_some(name: str) -> None:
    """Others refuse them; a table needs one."""
    with pytest.raises(StreamerError, match=f"^--field does not go with --format {name}"):
        RunSettings(format=name, field=("text",))
    with pytest.raises(StreamerError, match=r"^--format csv needs --field"):
        RunSettings(format="csv")
    for bad in ("", "a\0b"):
        with pytest.raises(StreamerError, match="--field must be a name"):
            RunSettings(field=("text", bad))
    assert RunSettings(format="csv", field=("3",)).field == ("3",)


def test_whole_numbers_are_floats_too() -> None:
    """A setting with a fraction may be given without one."""
    assert ModelSettings(learning_rate=1, sample=0).sample == 0


@pytest.mark.parametrize(
    ("text", "length"),
    [
        *(("10", 10), ("0", 0), ("2.5", 2.5), (".5s", 0.5), ("10s", 10), ("10 s", 10), (" 1.5h ", 5400), ("2m", 120)),
        *(("30d", 30 * 86_400), ("2w", 14 * 86_400), ("1mo", 30 * 86_400)),
    ],
)
def test_durations(text: str, length: float) -> None:
    """A number with a unit, or of seconds; a month has 30 days. Settings take them, and numbers."""
    assert seconds(text) == length
    given: Any = text
    assert RunSettings(fresh=given).fresh == RunSettings(fresh=length).fresh == length
    assert isinstance(RunSettings(fresh=given).fresh, float)


@pytest.mark.parametrize("text", ["", "s", "ten", "1x", "-1s", "1h30m", "1M", "1_0s", "1e3", "inf", "٣s", "1. 5s"])
def test_what_is_no_duration(text: str) -> None:
    """78, and one line that names the flag, the value and what would be one."""
    with pytest.raises(ValueError):
        seconds(text)
    given: Any = text
    with pytest.raises(StreamerError, match="--fresh must be a duration, such as 10s") as caught:
        RunSettings(fresh=given)
    assert caught.value.code == ExitCode.CONFIGURATION and repr(text) in caught.value.problem


@pytest.mark.parametrize(
    ("length", "text"), [(0, "0"), (2, "2s"), (0.5, "0.5s"), (60, "1m"), (90, "90s"), (5400, "90m"), (604_800, "1w")]
)
def test_durations_are_shown_as_they_are_written(length: float, text: str) -> None:
    """In the largest unit of which they are a whole number, and they are read back as they were."""
    assert as_duration(length) == text
    assert seconds(text) == length


@pytest.mark.parametrize("encoding", ["auto", "latin-1", "cp1252", "utf-16", "shift_jis", "*.log=cp1252"])
def test_encodings_that_python_knows(encoding: str) -> None:
    """Any codec of text will do; one string is as good as a list of one."""
    assert RunSettings(encoding=(encoding,)).encoding == (encoding,)
    assert RunSettings(**{"encoding": encoding}).encoding == (encoding,)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["klingon", "base64", "", "utf-8\0", "rot13", "=cp1252", "*.log=", "*.log=base64"])
def test_encodings_that_are_none(encoding: str) -> None:
    """A codec that is not one of text is refused before any file is read."""
    with pytest.raises(StreamerError, match="--encoding") as caught:
        RunSettings(encoding=("utf-8", encoding))
    assert caught.value.code == ExitCode.CONFIGURATION
    with pytest.raises(StreamerError, match="--encoding"):
        RunSettings(encoding=())


def test_an_encoding_for_each_file() -> None:
    """A glob is compared with the name, or with a slash with the path; the last that matches decides."""
    run = RunSettings(encoding=("*.log=cp1252", "utf-8", "old/*=koi8-r", "old/new*=auto", "cp1251", "a=b=latin-1"))
    wanted = {"x.log": "cp1252", "in/x.log": "cp1252", "x.txt": "cp1251", "old/x.txt": "koi8-r", "old/new.log": "auto"}
    assert {path: run.encoding_of(path) for path in wanted} == wanted
    assert (run.encoding_of("a=b"), run.encoding_of("X.LOG")) == ("latin-1", "cp1251")
    assert RunSettings(encoding=("*.log=cp1252",)).encoding_of("a.txt") == "auto"
    assert RunSettings().encoding_of("a.txt") == "auto"


def test_a_stored_setting_cannot_be_contradicted() -> None:
    """What was stored is used; the same value given again is fine, another one is an error that names both."""
    stored = ModelSettings(window=7, learning_rate=0.1)
    assert model_settings(stored, {}) is stored
    assert model_settings(stored, {"window": 7, "learning_rate": 0.1}) is stored
    with pytest.raises(StreamerError, match=r"--window 5 .*7") as caught:
        model_settings(stored, {"window": 5})
    assert caught.value.code == ExitCode.CONFIGURATION
    assert "--window" in caught.value.hint
    assert model_settings(None, {"window": 9}) == ModelSettings(window=9)


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


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_a_line_is_a_context_of_logs_and_posts(tokenizer: str) -> None:
    """Unless the boundary is given."""
    assert ModelSettings(tokenizer=tokenizer).boundary == ("line" if tokenizer in ("logs", "social") else "paragraph")
    assert ModelSettings(tokenizer=tokenizer, boundary="file").boundary == "file"


@pytest.mark.parametrize("tokenizer", ["spaces", "module:function"])
def test_case_that_stays_anyway(tokenizer: str) -> None:
    """To ask for it would say that it does something."""
    with pytest.raises(StreamerError, match="leave out --keep-case") as caught:
        ModelSettings(tokenizer=tokenizer, keep_case=True)
    assert caught.value.code == ExitCode.CONFIGURATION


@pytest.mark.parametrize("lines", [("# a comment",), ("the", "i | subject")])
def test_a_stop_list_has_one_word_in_each_line(lines: tuple[str, ...]) -> None:
    """Comments and columns would take away other words."""
    with pytest.raises(StreamerError, match="--stop-words must have one word in each line") as caught:
        ModelSettings(stop_words=lines)
    assert caught.value.code == ExitCode.CONFIGURATION
    assert ModelSettings(phrases=("New York",)).phrases == ("New York",)

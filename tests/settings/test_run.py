"""Settings of a run, and the encoding that they name for a file."""

from __future__ import annotations

import attrs
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import DEFAULT_EXCLUDE, ModelSettings, RunSettings


def test_defaults_are_those_of_the_contract() -> None:
    """What users were promised."""
    model, run = ModelSettings(), RunSettings()
    assert attrs.astuple(model) == (
        *(100, 5, 5, 1e-3, 5, 2_000_000, 0, 0.15, "skipgram", 8, 1, 40_000, 1),
        *("words", "paragraph", False, 1, (), ()),
    )
    assert run.threads >= 1
    assert attrs.astuple(run)[1:4] == (0, "", False)
    assert attrs.astuple(run)[4:10] == (60, 600, 3, "1h", "24h 7d 8w 24mo 1000y", "3d 4w")
    assert attrs.astuple(run)[10:16] == (30 * 86400, 2, 5, False, (), DEFAULT_EXCLUDE)
    assert attrs.astuple(run)[16:19] == (("auto",), "auto", ())
    assert attrs.astuple(run)[19:] == ("trained", "", 0.01, "skip", "skip", False, (), (), 1_000_000, 0)


def test_a_field_of_dates_goes_with_dates_from_fields() -> None:
    """Else it would do nothing; and there are four places that a date may come from."""
    assert RunSettings(date_from="field", date_field="created_at").date_field == "created_at"
    for source in ("trained", "mtime", "name"):
        with pytest.raises(StreamerError, match=f"^--date-field day does not go with --date-from {source}") as raised:
            RunSettings(date_from=source, date_field="day")
        assert raised.value.code == ExitCode.CONFIGURATION
    with pytest.raises(StreamerError, match=r"^--date-from must be one of trained, mtime, name, field"):
        RunSettings(date_from="header")


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

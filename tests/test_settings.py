"""One judgement of settings wherever they come from, and the order in which their sources count."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner

from streamer.cli.options import common_options, resolve, settings_options
from streamer.errors import ExitCode, StreamerError
from streamer.settings import (
    DEFAULT_EXCLUDE,
    ModelSettings,
    RunSettings,
    flag,
    model_settings,
    names,
    read_toml,
)

FIELDS = [(cls, field) for cls in (ModelSettings, RunSettings) for field in attrs.fields(cls)]
WRONG = {"int": [1.0, "1", True, None], "float": ["1", True, None], "str": [1, None, ("a",)], "bool": [1, "yes", None]}
WRONG["tuple[str, ...]"] = ["*.txt", (1, 2), None]


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=[field.name for _, field in FIELDS])
def test_each_setting_knows_its_type_and_bounds(cls: type, field: attrs.Attribute[Any]) -> None:
    """A value of another type, beyond a bound or not among the choices is an error 78 that names flag and value."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    bad = list(WRONG[str(field.type)])
    for bound, beyond in ((low, -1), (high, 1)):
        if bound is not None:
            kind = int if field.type == "int" else float
            assert getattr(cls(**{field.name: kind(bound)}), field.name) == bound
            bad.append(kind(bound) + beyond if kind is int else math.nextafter(bound, beyond * math.inf))
    if field.type == "float":
        bad += [math.nan, math.inf, -math.inf]
    for choice in choices:
        assert getattr(cls(**{field.name: choice}), field.name) == choice
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
    assert attrs.astuple(model) == (100, 5, 5, 1e-3, 5, 0.15, "skipgram", 1, "paragraph")
    assert run.threads >= 1
    assert attrs.astuple(run)[1:] == (60, 3, 2, 5, False, (), DEFAULT_EXCLUDE, "utf-8", 0.01, "skip", (), (), 1_000_000)


def test_whole_numbers_are_floats_too() -> None:
    """A setting with a fraction may be given without one."""
    assert ModelSettings(learning_rate=1, sample=0).sample == 0


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "shift_jis"])
def test_encodings_that_python_knows(encoding: str) -> None:
    """Any codec of text will do."""
    assert RunSettings(encoding=encoding).encoding == encoding


@pytest.mark.parametrize("encoding", ["klingon", "base64", "", "utf-8\0", "rot13"])
def test_encodings_that_are_none(encoding: str) -> None:
    """A codec that is not one of text is refused before any file is read."""
    with pytest.raises(StreamerError, match="--encoding") as caught:
        RunSettings(encoding=encoding)
    assert caught.value.code == ExitCode.CONFIGURATION


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


@pytest.mark.parametrize(
    "line", ["window = 5.5", 'window = "5"', "window = 0", 'include = "*.txt"', "include = [1]", "poll = 1"]
)
def test_toml_values_are_judged_like_all_others(tmp_path: Path, line: str) -> None:
    """A value of the wrong type or out of bounds is told by its flag."""
    with pytest.raises(StreamerError, match="--" + line.split(maxsplit=1)[0]) as caught:
        resolve(read_toml(toml(tmp_path, line)), {})
    assert caught.value.code == ExitCode.CONFIGURATION


def run(*arguments: str, config: Path | None = None, **environment: str) -> tuple[dict[str, Any], RunSettings]:
    """Return what a command with all settings as options gets to see."""
    seen: list[tuple[dict[str, Any], RunSettings]] = []

    @click.command()
    @settings_options
    @common_options
    def command(checkpoints: Path, **flags: Any) -> None:
        seen.append(resolve(click.get_current_context().obj.config, flags))

    arguments = (*arguments, "--config", str(config)) if config else arguments
    result = CliRunner().invoke(command, arguments, env=environment, catch_exceptions=False)
    if not seen:
        raise click.UsageError(result.output)
    return seen[0]


def test_flags_go_before_environment_before_toml_before_defaults(tmp_path: Path) -> None:
    """Each source counts where those before it say nothing."""
    config = toml(tmp_path, "window = 2\nnegative = 2\nmin_count = 2\nkeep = 2\nsettle = 2.5\nrescan = 2.5")
    model, settings = run(
        *("--window", "4", "--keep", "4"),
        config=config,
        STREAMER_WINDOW="3",
        STREAMER_NEGATIVE="3",
        STREAMER_KEEP="3",
        STREAMER_SETTLE="3.5",
    )
    assert model == {"window": 4, "negative": 3, "min_count": 2}
    assert (settings.keep, settings.settle, settings.rescan, settings.checkpoint_every) == (4, 3.5, 2.5, 60)


def test_only_settings_that_were_named_are_given(tmp_path: Path) -> None:
    """A default is no contradiction of a stored model, so it must not look like a setting somebody named."""
    assert run() == ({}, RunSettings())
    assert run("--window", "5")[0] == {"window": 5}


@pytest.mark.parametrize("name", names(ModelSettings, RunSettings))
def test_each_setting_has_a_flag_and_a_variable(name: str) -> None:
    """``--name value`` and ``STREAMER_NAME=value`` both arrive."""
    values = {"int": "9", "float": "0.25", "tuple[str, ...]": "*.x", "bool": "1"}
    field = next(field for _, field in FIELDS if field.name == name)
    value = field.metadata["choices"][-1] if field.metadata["choices"] else values.get(str(field.type), "latin-1")
    expected = {"int": 9, "float": 0.25, "tuple[str, ...]": ("*.x",), "bool": True}.get(str(field.type), value)
    arguments = [flag(name)] if field.type == "bool" else [flag(name), value]
    for model, settings in (run(*arguments), run(**{f"STREAMER_{name.upper()}": value})):
        found = model[name] if name in names(ModelSettings) else getattr(settings, name)
        assert (found, type(found)) == (expected, type(expected))


def test_globs_may_be_several(tmp_path: Path) -> None:
    """A flag is repeated; a variable holds them with spaces between; either replaces the list in TOML."""
    config = toml(tmp_path, 'include = ["a", "b", "c"]')
    assert run("--include", "x", "--include", "y", config=config)[1].include == ("x", "y")
    assert run(config=config, STREAMER_INCLUDE="x y")[1].include == ("x", "y")
    assert run(config=config)[1].include == ("a", "b", "c")


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("false", False)])
def test_a_variable_can_switch_off_what_toml_switched_on(tmp_path: Path, value: str, expected: bool) -> None:
    """``STREAMER_POLL=0`` means no."""
    assert run(config=toml(tmp_path, "poll = true"), STREAMER_POLL=value)[1].poll is expected


def test_values_out_of_bounds_are_told_at_once() -> None:
    """A flag's value is judged before anything is locked or read."""
    with pytest.raises(StreamerError, match="--window must be at least 1, not 0"):
        run("--window", "0")
    with pytest.raises(click.UsageError, match="'x' is not a valid integer"):
        run("--window", "x")
    with pytest.raises(click.UsageError, match="glove"):
        run("--architecture", "glove")

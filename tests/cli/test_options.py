"""Settings as options: the order in which their sources count, numbers of words, what TOML may say of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner

from streamer.cli.options import common_options, resolve, settings_options
from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings, RunSettings, flag, names, read_toml

FIELDS = [field for cls in (ModelSettings, RunSettings) for field in attrs.fields(cls)]


def toml(folder: Path, text: str) -> Path:
    """Write a file of settings."""
    path = folder / "streamer.toml"
    path.write_text(text, encoding="utf-8")
    return path


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
    field = next(field for field in FIELDS if field.name == name)
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

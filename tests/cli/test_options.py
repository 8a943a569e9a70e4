"""Settings as options: the order in which their sources count, numbers of words, what TOML may say of the others."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner

from streamer.cli.options import Common, command, common_options, resolve, settings_options
from streamer.errors import ExitCode, StreamerError
from streamer.settings import DEFAULT_EXCLUDE, ModelSettings, RunSettings, flag, names, read_toml

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
def test_each_setting_has_a_flag_and_a_variable(name: str, tmp_path: Path) -> None:
    """``--name value`` and ``STREAMER_NAME=value`` both arrive."""
    if name in ("stop_words", "phrases"):
        (lines := tmp_path / "lines.txt").write_text("\ufeffthe\n\n  York \r\nthe\n", encoding="utf-8")
        for model, _ in (run(flag(name), str(lines)), run(**{f"STREAMER_{name.upper()}": str(lines)})):  # type: ignore[arg-type]
            assert model[name] == ("the", "York")
        return
    values = {"int": "9", "float": "0.25", "tuple[str, ...]": "*.x", "bool": "1"}
    field = next(field for field in FIELDS if field.name == name)
    value = (
        field.metadata["choices"][-1]
        if field.metadata["choices"]
        else "logs"
        if name == "tokenizer"
        else values.get(str(field.type), "latin-1")
    )
    expected = {"int": 9, "float": 0.25, "tuple[str, ...]": ("*.x",), "bool": True}.get(str(field.type), value)
    if name in ("snapshot_every", "snapshots"):
        value = expected = "3d"
    if name == "lane_size":
        value, expected = "9k", 9_000
    if name in ("max_candidates", "max_vocabulary"):
        value, expected = "5k", 5_000
    if name == "encoding":
        value, expected = "*.x=latin-1", ("*.x=latin-1",)
    arguments = [flag(name)] if field.type == "bool" else [flag(name), value]
    for model, settings in (run(*arguments), run(**{f"STREAMER_{name.upper()}": value})):  # type: ignore[arg-type]
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


@pytest.mark.parametrize(
    ("typed", "words"),
    [("1000000", 10**6), ("1_000_000", 10**6), ("500k", 500_000), ("1M", 10**6), ("2G", 2 * 10**9), (" 7 ", 7)],
)
def test_numbers_of_words(typed: str, words: int) -> None:
    """As people write them, from the line and from the environment."""
    assert run("--evaluate-every", typed)[1].evaluate_every == words
    assert run(STREAMER_EVALUATE_EVERY=typed)[1].evaluate_every == words


@pytest.mark.parametrize("typed", ["", "often", "1.5M", "-1", "1m", "1K", "M", "1 M", "1e6", "_1"])
def test_what_is_no_number_of_words(typed: str) -> None:
    """2, with the value that was typed; of prefixes only those that mean one thing are taken."""
    with pytest.raises(click.UsageError) as caught:
        run("--evaluate-every", typed)
    assert "--evaluate-every" in caught.value.message and repr(typed) in caught.value.message


@pytest.mark.parametrize(("typed", "length"), [("10s", 10), ("1.5h", 5400), ("30d", 2_592_000), ("7", 7), ("0", 0)])
def test_durations(typed: str, length: float, tmp_path: Path) -> None:
    """As people write them, from the line, the environment and TOML, where a number is one, too."""
    for name in ("checkpoint-every", "fresh", "settle", "log-every"):
        key = name.replace("-", "_")
        line = f"{name} = '{typed}'"
        found = (run(f"--{name}", typed), run(**{f"STREAMER_{key.upper()}": typed}), run(config=toml(tmp_path, line)))  # type: ignore[arg-type]
        assert [getattr(settings, key) for _, settings in found] == [length] * 3
        assert getattr(run(config=toml(tmp_path, f"{name} = {length}"))[1], key) == length


@pytest.mark.parametrize("typed", ["soon", "-1s", "1h30m", "5x", "nan"])
def test_what_is_no_duration(typed: str, tmp_path: Path) -> None:
    """2 on the line, 78 in TOML; both with the value and what would be right. Bounds hold in any unit."""
    with pytest.raises(click.UsageError) as caught:
        run("--rescan", typed)
    assert "--rescan" in caught.value.message and repr(typed) in caught.value.message and "1.5h" in caught.value.message
    with pytest.raises(StreamerError, match="--rescan must be a duration, such as 10s"):
        run(config=toml(tmp_path, f"rescan = '{typed}'"))
    with pytest.raises(StreamerError, match=r"--rescan must be at least 0\.05, not 0\.01"):
        run("--rescan", "0.01s")


def common(*arguments: str, toml: Path | None = None, **environment: str) -> tuple[Path, Common]:
    """Return the options that all commands have, as a command gets to see them."""
    seen: list[tuple[Path, Common]] = []

    @click.command()
    @common_options
    def command(checkpoints: Path) -> None:
        seen.append((checkpoints, click.get_current_context().obj))

    arguments = (*arguments, "--config", str(toml)) if toml else arguments
    clean = {name: None for name in os.environ if name.startswith("STREAMER_")}
    result = CliRunner().invoke(command, arguments, env={**clean, **environment}, standalone_mode=False)
    if result.exception:
        raise result.exception
    return seen[0]


def test_the_common_options(tmp_path: Path) -> None:
    """They count as settings do: flag, environment, TOML, default; and are no settings of the model or the run."""
    folder, found = common()
    assert (folder, found) == (Path("checkpoints"), Common({}, "auto", "info"))
    config = toml(tmp_path, "checkpoints = 'c'\nlog-level = 'error'\nlog_format = 'json'\nwindow = 3")
    folder, found = common(toml=config)
    assert (folder, found) == (Path("c"), Common({"window": 3}, "json", "error"))
    folder, found = common(toml=config, STREAMER_CHECKPOINTS="b", STREAMER_LOG_LEVEL="debug")
    assert (folder, found.log_level, found.log_format) == (Path("b"), "debug", "json")
    folder, found = common("--checkpoints", "a", toml=config, STREAMER_CHECKPOINTS="b")
    assert folder == Path("a")
    folder, found = common(STREAMER_CONFIG=str(config))
    assert (folder, found.config) == (Path("c"), {"window": 3})


@pytest.mark.parametrize("line", ["log-level = 'loud'", "log-format = 1", "checkpoints = ['a']"])
def test_common_options_that_toml_has_wrong(tmp_path: Path, line: str) -> None:
    """78, by the name of the flag."""
    with pytest.raises(StreamerError) as caught:
        common(toml=toml(tmp_path, line))
    assert caught.value.code == ExitCode.CONFIGURATION
    assert "--" + line.split(maxsplit=1)[0] in caught.value.problem


@command()
@click.option("--own", help="An option of its own.")
@common_options
@settings_options
def everything(**arguments: Any) -> None:
    """Take every option that there is."""


@command()
@common_options
def little(**arguments: Any) -> None:
    """Take what all commands take."""


def sections(of: click.Command) -> dict[str, list[str]]:
    """Return the options under each heading of a command's help, those of 110 columns."""
    shown = CliRunner().invoke(of, ["--help"], terminal_width=110, max_content_width=110).output
    assert "\u00a0" not in shown, "what keeps a line whole is not printed"
    found = dict(re.findall(r"(?m)^(\w.*):\n((?:  .*\n)+)", shown))
    return {title: re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)", text) for title, text in found.items()}


def test_help_has_sections() -> None:
    """A command's own options come first, then settings of the model, of the run, and what all commands have."""
    found = sections(everything)
    own, model, run_, shared = found.values()
    assert [title.split(",")[0] for title in found] == ["Options", "Model", "Run", "Common"]
    assert own[0] == "own"
    assert model == [name.replace("_", "-") for name in names(ModelSettings)]
    assert run_ == [name.replace("_", "-") for name in names(RunSettings)]
    assert shared[:4] == ["checkpoints", "log-format", "log-level", "config"]
    assert not {"Model, fixed once it is begun", "Run"} & sections(little).keys(), "no heading without options"


def test_help_says_the_defaults() -> None:
    """Those of the settings as people would write them, on one line; none where it is nothing or no."""
    shown = CliRunner().invoke(everything, ["--help"], terminal_width=80, max_content_width=80).output
    options = dict(re.findall(r"(?m)^  --([a-z-]+)(.*\n(?: {4,}.*\n)*)", shown))
    found = {name: re.search(r"\[default: ([^\]]+)\]", text) for name, text in options.items()}
    defaults = {name: " ".join(match[1].split()) for name, match in found.items() if match}
    model = ModelSettings()
    assert defaults["vector-size"] == str(model.vector_size)
    assert defaults["sample"] == f"{model.sample:g}"
    assert defaults["evaluate-every"] == "1M"
    assert defaults["lane-size"] == "40k"
    assert (defaults["fresh"], defaults["settle"]) == ("10m", "2s")
    assert defaults["architecture"] == "skipgram"
    assert defaults["exclude"] == " ".join(DEFAULT_EXCLUDE)
    assert defaults.keys().isdisjoint(
        {"include", "poll", "pairs", "analogies", "config", "keep-case", "phrases", "field"}
    )
    assert defaults["boundary"] == "paragraph; line for logs and social"
    without = {
        "include",
        "poll",
        "pairs",
        "analogies",
        "config",
        "own",
        "help",
        "keep-case",
        "stop-words",
        "phrases",
        "field",
        "log-every",
        "memory",
        "cluster",
        "allow-mixed",
        "max-vocabulary",
    }
    assert options.keys() - defaults.keys() == without
    assert not re.search(r"\[default:\s*\n", shown)


def test_defaults_on_a_narrow_terminal() -> None:
    """At 60 columns, too, no default is broken in the middle of a word."""
    shown = CliRunner().invoke(little, ["--help"], terminal_width=60, max_content_width=60).output
    assert "checkpoints]" in shown
    assert shown.count("[default:") == 3

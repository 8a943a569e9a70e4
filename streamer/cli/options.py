"""Settings as command-line options, generated from :mod:`streamer.settings`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs
import click

from streamer.errors import ExitCode, StreamerError
from streamer.settings import (
    AMOUNTS,
    BOUNDS,
    DEFAULT_CHECKPOINTS,
    DURATIONS,
    ModelSettings,
    RunSettings,
    as_duration,
    flag,
    in_bytes,
    invalid,
    model_settings,
    names,
    read_lines,
    read_toml,
    seconds,
)

Function = TypeVar("Function", bound=Callable[..., Any])

_KEPT = "[default:\u00a0"
"""No line is broken at this space. It is printed as a plain one."""


class _Words(click.ParamType[int]):
    """A number of words: ``1000000``, ``1_000_000``, ``1000k`` or ``1M``."""

    name = "words"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or raise click's error."""
        parts = re.fullmatch(r"(\d[\d_]*)([kMG]?)", str(value).strip())
        if not parts:
            self.fail(f"{value!r} is not a number of words, such as 500k, 1M or 1000000", param, ctx)
        return int(parts[1].replace("_", "")) * {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[parts[2]]


WORDS = _Words()


class _Quantity(click.ParamType[float]):
    """A number with a unit: ``1.5h`` or ``4G``.

    Args:
        name: What it is a number of.
        parse: Returns the number in its smallest unit, or raises ValueError.
        rule: What it must be.
    """

    def __init__(self, name: str, parse: Callable[[str], float], rule: str) -> None:
        self.name, self._parse, self._rule = name, parse, rule

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or raise click's error."""
        try:
            return self._parse(str(value))
        except ValueError:
            self.fail(f"{value!r} is not {self._rule}", param, ctx)


_TYPES = {"int": click.INT, "float": click.FLOAT, "str": click.STRING, "tuple[str, ...]": click.STRING}


TEXT = (
    *("tokenizer", "boundary", "keep_case", "min_length", "stop_words", "phrases"),
    *("format", "field", "encoding", "max_bad_ratio"),
)
"""The settings on which it depends how a text is cut."""


SIZES = ("vector_size", *BOUNDS, "max_group", "threads", "memory", "keep")
"""The settings on which it depends how much a model takes."""


def some_options(chosen: Collection[str]) -> Callable[[Function], Function]:
    """Return what adds an option for each of some settings to a command; those that are not given are None."""

    def decorated(function: Function) -> Function:
        for cls in (RunSettings, ModelSettings):
            for field in reversed(attrs.fields(cls)):
                function = _option(field)(function) if field.name in chosen else function
        return function

    return decorated


settings_options = some_options(names(RunSettings, ModelSettings))
text_options = some_options(TEXT)
sizes_options = some_options(SIZES)


class Command(click.Command):
    """A command whose help lists its own options first, then those that it shares with others."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in groups."""
        options = {param.name: param for param in self.get_params(ctx) if isinstance(param, click.Option)}
        # Those that a variable can set are settings or common; a command may have another option of such a name.
        common = {name for name, option in options.items() if option.envvar}
        shared = {title: [name for name in group if name in common] for title, group in _HEADINGS.items()}
        own = [name for name in options if not any(name in group for group in shared.values())]
        for title, group in {"Options": own, **shared}.items():
            records = filter(None, (options[name].get_help_record(ctx) for name in group))
            if rows := [(name, text.replace("[default: ", _KEPT)) for name, text in records]:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=min(38, formatter.width // 2 - 1))
        formatter.buffer[:] = [part.replace(_KEPT, "[default: ") for part in formatter.buffer]


command = functools.partial(click.command, cls=Command)


@attrs.frozen
class Common:
    """The values of the common options, except ``--checkpoints``: settings from TOML, and how to log."""

    config: dict[str, Any]
    log_format: str
    log_level: str


def common_options(function: Function) -> Function:
    """Add the common options to a command: ``checkpoints`` as an argument, the others as the context's object."""

    @functools.wraps(function)
    def command(config: dict[str, Any], log_format: str, log_level: str, **arguments: Any) -> Any:
        click.get_current_context().obj = Common(config, log_format, log_level)
        return function(**arguments)

    for name, (kind, default, text) in reversed(_COMMON.items()):
        command = click.option(
            flag(name),
            type=kind,
            default=default,
            show_default=True,
            envvar=f"STREAMER_{name.upper()}",
            metavar="DIR" if name == "checkpoints" else None,
            help=text,
        )(command)
    return cast(
        Function,
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            is_eager=True,
            callback=_read_config,
            envvar="STREAMER_CONFIG",
            metavar="FILE",
            help="Settings in TOML.",
        )(command),
    )


_COMMON: dict[str, tuple[click.ParamType[Any], str, str]] = {
    "checkpoints": (click.Path(path_type=Path), DEFAULT_CHECKPOINTS, "Folder of checkpoints."),
    "log_format": (
        click.Choice(["auto", "console", "json"]),
        "auto",
        "auto: console on a terminal, else json.",
    ),
    "log_level": (click.Choice(["debug", "info", "warning", "error"]), "info", "The lowest level shown."),
}


_HEADINGS = {
    "Model, fixed once training has begun": names(ModelSettings),
    "Run": names(RunSettings),
    "Common": [*_COMMON, "config"],
}


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> dict[str, Any]:
    """Return the settings in a TOML file; the common options in it become the defaults."""
    table = read_toml(path, also=_COMMON) if path else {}
    common = {name: table.pop(name) for name in _COMMON if name in table}
    for name, value in common.items():
        try:
            if not isinstance(value, str):
                raise invalid(name, value, "must be of type str")
            _COMMON[name][0].convert(value, None, context)
        except click.BadParameter as error:
            raise StreamerError(f"{flag(name)}: {error.message}", code=ExitCode.CONFIGURATION) from None
    context.default_map = common
    return table


def resolve(config: Mapping[str, Any], flags: Mapping[str, Any]) -> tuple[dict[str, Any], RunSettings]:
    """Combine flags, environment and TOML; the first that names a setting wins.

    Returns:
        The model settings that were named, and all settings of the run.

    Raises:
        StreamerError: With exit code 78, if one is out of bounds.
    """
    given = dict(config)
    given |= {name: value for name, value in flags.items() if value is not None and value != ()}
    model = {name: given[name] for name in names(ModelSettings) if name in given}
    for field in attrs.fields(ModelSettings):
        if field.metadata["lines"] and isinstance(given.get(field.name), str):  # else it is a list in TOML
            model[field.name] = read_lines(field.name, given[field.name])
    model_settings(None, model)  # reports a value out of bounds before anything is locked or read
    return model, RunSettings(**{name: given[name] for name in names(RunSettings) if name in given})


def _option(field: attrs.Attribute[Any]) -> Callable[[Function], Function]:
    kind, choices = str(field.type), field.metadata["choices"]
    extra: dict[str, Any] = {"type": click.Choice(choices) if choices else _TYPES.get(kind)}
    name = flag(field.name)
    if kind == "bool":
        extra = {"is_flag": True, "flag_value": True}
    elif kind == "tuple[str, ...]" and not field.metadata["lines"]:
        extra["multiple"] = True
    elif field.metadata["metavar"] == "WORDS":
        extra["type"] = WORDS
    elif field.metadata["duration"]:
        extra["type"] = _Quantity("duration", seconds, DURATIONS)
    elif field.metadata["amount"]:
        extra["type"] = _Quantity("amount", in_bytes, AMOUNTS)
    return click.option(
        name,
        field.name,
        default=None,
        envvar=f"STREAMER_{field.name.upper()}",
        metavar=field.metadata["metavar"],
        help=field.metadata["help"] + _default(field),
        **extra,
    )


def _default(field: attrs.Attribute[Any]) -> str:
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        text = "paragraph; line for logs and social" if field.metadata["choices"] else "all cores"
        return f"  [default: {text}]"
    if field.default in ((), False, ""):
        return ""
    value: Any = field.default
    if isinstance(value, tuple):
        value = " ".join(value)
    elif field.metadata["duration"]:
        value = as_duration(value)
    elif isinstance(value, float):
        value = f"{value:g}"
    elif field.metadata["metavar"] == "WORDS":
        value = f"{value // 10**6}M" if value % 10**6 == 0 else f"{value // 10**3}k"
    return f"  [default: {value}]"

"""Settings as command-line options: made from :mod:`streamer.settings`, so that nothing is said twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from streamer.settings import (
    DEFAULT_CHECKPOINTS,
    ModelSettings,
    RunSettings,
    flag,
    model_settings,
    names,
    read_toml,
)

Function = TypeVar("Function", bound=Callable[..., Any])

_TYPES = {"int": click.INT, "float": click.FLOAT, "str": click.STRING, "tuple[str, ...]": click.STRING}


def settings_options(function: Function) -> Function:
    """Give a command one option for each setting; those that were not named arrive as None."""
    for cls in (RunSettings, ModelSettings):
        for field in reversed(attrs.fields(cls)):
            function = _option(field)(function)
    return function


def checkpoints_option(function: Function) -> Function:
    """Give a command ``--checkpoints``."""
    return click.option(
        "--checkpoints",
        type=click.Path(path_type=Path),
        default=DEFAULT_CHECKPOINTS,
        show_default=True,
        envvar="STREAMER_CHECKPOINTS",
        metavar="DIR",
        help="Folder of checkpoints.",
    )(function)


def resolve(config: Path | None, flags: Mapping[str, Any]) -> tuple[dict[str, Any], RunSettings]:
    """Put flags, environment and TOML together, the first to name a setting winning.

    Returns:
        The model settings that were named, and all settings of the run.

    Raises:
        StreamerError: With exit code 78, if one is out of bounds, or the file can't be used.
    """
    given = read_toml(config) if config else {}
    given |= {name: value for name, value in flags.items() if value is not None and value != ()}
    model = {name: given[name] for name in names(ModelSettings) if name in given}
    model_settings(None, model)  # so that a value out of bounds is told before anything is locked or read
    return model, RunSettings(**{name: given[name] for name in names(RunSettings) if name in given})


def _option(field: attrs.Attribute[Any]) -> Callable[[Function], Function]:
    kind, choices = str(field.type), field.metadata["choices"]
    extra: dict[str, Any] = {"type": click.Choice(choices) if choices else _TYPES.get(kind)}
    name = flag(field.name)
    if kind == "bool":
        extra = {"is_flag": True, "flag_value": True}
    elif kind == "tuple[str, ...]":
        extra |= {"multiple": True, "metavar": "GLOB"}
    return click.option(
        name,
        field.name,
        default=None,
        envvar=f"STREAMER_{field.name.upper()}",
        help=field.metadata["help"] + _default(field),
        **extra,
    )


def _default(field: attrs.Attribute[Any]) -> str:
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return "  [default: all cores]"
    if field.default in ((), False):
        return ""
    value = " ".join(field.default) if isinstance(field.default, tuple) else field.default
    return f"  [default: {value}]"

"""Settings from files and from callers, and those of a model that is stored already."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.settings.fields import distinct_lines, flag, invalid
from streamer.settings.model import BOUNDS, ModelSettings
from streamer.settings.run import RunSettings
from streamer.settings.sizing import within


def names(*classes: type[attrs.AttrsInstance]) -> list[str]:
    """Return the names of the settings of these classes, in order."""
    return [attribute.name for cls in classes for attribute in attrs.fields(cls)]


def read_toml(path: Path, also: Iterable[str] = ()) -> dict[str, Any]:
    """Read settings from a TOML file: one flat table, with ``-`` or ``_`` in the names.

    Args:
        path: The file.
        also: Other names that it may set.

    Raises:
        StreamerError: With exit code 78, if it can't be read, is not TOML, or names an unknown setting.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StreamerError(f"cannot read {path}: {error}", code=ExitCode.CONFIGURATION) from None
    known = [*names(ModelSettings, RunSettings), *also]
    settings: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
            raise StreamerError(f"{path} sets {key}, which is not a setting", hint=hint, code=ExitCode.CONFIGURATION)
        settings[name] = tuple(value) if isinstance(value, list) else value
    return settings


def read_lines(name: str, path: str | Path) -> tuple[str, ...]:
    """Return the lines of the file that a setting names, each once, without white space around them.

    Raises:
        StreamerError: 66 if it can't be read, 78 if it is not text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StreamerError(f"cannot read {path}: {error.strerror or error}", code=ExitCode.NO_INPUT) from None
    except ValueError:
        raise invalid(name, str(path), "must be a file in UTF-8") from None
    return distinct_lines([text])


def model_settings(stored: ModelSettings | None, given: Mapping[str, Any]) -> ModelSettings:
    """Return the stored settings of a model with given bounds; for a new model, the given settings and the defaults.

    Args:
        stored: The settings that are stored with the model.
        given: Those that the user named; and perhaps :attr:`RunSettings.memory`, which chooses the bounds that are not
            among them.

    Raises:
        StreamerError: With exit code 78, if a given setting is unknown, out of bounds or contradicts the stored one, or
            if the model can't be kept within the memory.
    """
    given = dict(given)
    memory = RunSettings(memory=given.pop("memory", 0)).memory
    unknown = sorted(set(given) - set(names(ModelSettings)))
    if unknown:
        raise StreamerError(f"no such setting: {', '.join(unknown)}", code=ExitCode.CONFIGURATION)
    settings = ModelSettings(**given) if stored is None else _resumed(stored, given)
    return within(memory, settings, given) if memory else settings


def _resumed(stored: ModelSettings, given: Mapping[str, Any]) -> ModelSettings:
    wanted = attrs.evolve(stored, **given)
    for name in names(ModelSettings):
        if name in BOUNDS:
            continue
        was, now = getattr(stored, name), getattr(wanted, name)
        if was != now:
            if isinstance(now, tuple):
                was, now = (f"with {len(lines):,} line{'' if len(lines) == 1 else 's'}" for lines in (was, now))
                was = f"other ones, {was}" if was == now else f"those {was}"
            raise StreamerError(
                f"{flag(name)} {now} contradicts the checkpoint, which was trained with {was}",
                hint=f"leave out {flag(name)} to resume, or start a new model with another --checkpoints folder",
                code=ExitCode.CONFIGURATION,
            )
    return attrs.evolve(stored, **{name: getattr(wanted, name) for name in BOUNDS})

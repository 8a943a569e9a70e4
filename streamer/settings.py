"""Every setting, once: its name, type, default, bounds and help.

Flags, environment variables, TOML files and Python all arrive here, so a value is judged the same wherever it comes
from. :class:`ModelSettings` shape the model and are stored with it; :class:`RunSettings` say how one process works
and may change at every start.
"""

from __future__ import annotations

import codecs
import difflib
import math
import numbers
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from streamer.errors import ExitCode, StreamerError

DEFAULT_CHECKPOINTS = "checkpoints"
DEFAULT_EXCLUDE = ("*~", "*.tmp", "*.part", "*.partial", "*.crdownload", "*.filepart")


def available_cores() -> int:
    """Return how many cores this process may use: fewer than the machine has, in a container or under taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    factory: bool = False,
    metavar: str | None = None,
) -> Any:
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "metavar": metavar}
    if factory:
        return attrs.field(factory=default, metadata=metadata, validator=_check, converter=_plain)
    converter = _plain_float if isinstance(default, float) else _plain
    return attrs.field(default=default, metadata=metadata, validator=_check, converter=converter)


def _plain(value: object) -> object:
    """Return NumPy's numbers as Python's and lists as tuples, and the rest as it is, for :func:`_check` to judge."""
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def _plain_float(value: object) -> object:
    value = _plain(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Raise :class:`StreamerError` (78) unless the value has the setting's type and lies in its bounds."""
    expected: Any = {"int": int, "float": float, "str": str, "bool": bool, "tuple[str, ...]": tuple}[
        str(attribute.type)
    ]
    low, high, choices = (attribute.metadata[key] for key in ("low", "high", "choices"))
    right = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
    if not right or (isinstance(value, tuple) and not all(isinstance(item, str) for item in value)):
        wanted = {"tuple[str, ...]": "a list of strings"}.get(str(attribute.type), f"of type {attribute.type}")
        raise invalid(attribute.name, value, f"must be {wanted}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise invalid(attribute.name, value, "must be a finite number")
        if low is not None and value < low:
            raise invalid(attribute.name, value, f"must be at least {low:g}")
        if high is not None and value > high:
            raise invalid(attribute.name, value, f"must be at most {high:g}")
    if choices and value not in choices:
        raise invalid(attribute.name, value, f"must be one of {', '.join(choices)}")


def invalid(name: str, value: object, rule: str) -> StreamerError:
    """Return the error for a setting that breaks its rule."""
    return StreamerError(f"{flag(name)} {rule}, not {value!r}", code=ExitCode.CONFIGURATION)


def flag(name: str) -> str:
    """Return a setting's name as its flag: ``min_count`` becomes ``--min-count``."""
    return "--" + name.replace("_", "-")


@attrs.frozen(kw_only=True)
class ModelSettings:
    """What shapes the model. Stored in every checkpoint; a resumed run cannot change it."""

    vector_size: int = _setting(100, "Numbers in a word's vector.", low=1, high=10_000)
    window: int = _setting(5, "Words to each side that count as context.", low=1, high=100)
    negative: int = _setting(5, "Weight of the noise words against one real context word.", low=1, high=100)
    sample: float = _setting(
        1e-3, "Words more frequent than this share of the text are thinned out; 0 keeps all.", low=0, high=1
    )
    min_count: int = _setting(5, "Times a word must have been seen, in all, before it gets a vector.", low=1)
    learning_rate: float = _setting(0.15, "Step size of AdaGrad.", low=1e-6, high=10)
    architecture: str = _setting(
        "skipgram", "Predict the context from the word, or the word from its context.", choices=("skipgram", "cbow")
    )
    seed: int = _setting(1, "Seed of all that is drawn at random.", low=0, high=2**63 - 1)
    boundary: str = _setting(
        "paragraph", "What ends a context: a blank line, a line end, or nothing.", choices=("paragraph", "line", "file")
    )


@attrs.frozen(kw_only=True)
class RunSettings:
    """How one process works. Never changes what a given text teaches the model once it is decoded."""

    threads: int = _setting(
        available_cores,
        "Cores to train on; the result is the same at any number.",
        low=1,
        high=1024,
        factory=True,
    )
    checkpoint_every: float = _setting(
        60.0, "Seconds between checkpoints while there is text to train; sooner when there is none.", low=0
    )
    keep: int = _setting(3, "Checkpoints to keep.", low=1)
    settle: float = _setting(2.0, "Seconds a file must be still before it is read.", low=0)
    rescan: float = _setting(5.0, "Seconds between looks at the whole folder.", low=0.05)
    poll: bool = _setting(False, "Use no events of the operating system, only looks at the folder.")
    include: tuple[str, ...] = _setting((), "Only files whose name matches one of these globs.", metavar="GLOB")
    exclude: tuple[str, ...] = _setting(
        DEFAULT_EXCLUDE,
        "No files whose name matches one of these globs, nor one of the default ones.",
        metavar="GLOB",
    )
    encoding: str = _setting("utf-8", "Encoding of files that carry no byte-order mark.")
    max_bad_ratio: float = _setting(
        0.01, "Share of characters that can't be decoded above which a file is refused.", low=0, high=1
    )
    on_change: str = _setting(
        "skip", "What to do with a file that was rewritten after it was trained.", choices=("skip", "retrain")
    )
    pairs: tuple[str, ...] = _setting((), "Word pairs with scores, on which to score the vectors.", metavar="FILE")
    analogies: tuple[str, ...] = _setting((), "Analogies, on which to score the vectors.", metavar="FILE")
    evaluate_every: int = _setting(
        1_000_000, "Words trained between scores, where there are pairs or analogies.", low=1, metavar="WORDS"
    )

    def __attrs_post_init__(self) -> None:
        try:
            b"x".decode(self.encoding, "replace")
            codecs.getincrementaldecoder(self.encoding)("replace").decode(b"x", True)
            "\ufffd\n".encode(self.encoding, "ignore")
        except (LookupError, ValueError, TypeError):
            raise invalid("encoding", self.encoding, "must be an encoding that Python knows, such as utf-8") from None


def names(*classes: type[attrs.AttrsInstance]) -> list[str]:
    """Return the names of the settings of some classes, in order."""
    return [attribute.name for cls in classes for attribute in attrs.fields(cls)]


def read_toml(path: Path, also: Iterable[str] = ()) -> dict[str, Any]:
    """Read settings from a TOML file: one flat table, with ``-`` or ``_`` in the names.

    Args:
        path: The file.
        also: Names it may set besides those of settings.

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
            hint = f"did you mean {near[0]}?" if near else f"it may set {', '.join(known)}"
            raise StreamerError(f"{path} sets {key}, which is no setting", hint=hint, code=ExitCode.CONFIGURATION)
        settings[name] = tuple(value) if isinstance(value, list) else value
    return settings


def model_settings(stored: ModelSettings | None, given: Mapping[str, Any]) -> ModelSettings:
    """Return the settings of a model: those it was stored with, or, for a new one, those given and the defaults.

    Raises:
        StreamerError: With exit code 78, if a given setting is unknown, out of bounds or contradicts the stored one.
    """
    unknown = sorted(set(given) - set(names(ModelSettings)))
    if unknown:
        raise StreamerError(f"no such setting: {', '.join(unknown)}", code=ExitCode.CONFIGURATION)
    if stored is None:
        return ModelSettings(**given)
    wanted = attrs.evolve(stored, **given)
    for name in names(ModelSettings):
        was, now = getattr(stored, name), getattr(wanted, name)
        if was != now:
            raise StreamerError(
                f"{flag(name)} {now} contradicts the checkpoint, which was trained with {was}",
                hint=f"leave {flag(name)} out to go on, or use another --checkpoints folder to start anew",
                code=ExitCode.CONFIGURATION,
            )
    return stored

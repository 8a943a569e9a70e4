"""All settings: their names, types, defaults, bounds and help.

Flags, environment variables, TOML files and Python all use these classes, so every value is checked in the same way.
:class:`ModelSettings` shape the model and are stored with it. :class:`RunSettings` control one process and may change
at every start.
"""

from __future__ import annotations

import codecs
import difflib
import fnmatch
import functools
import math
import numbers
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from streamer.errors import ExitCode, StreamerError

DEFAULT_CHECKPOINTS = "checkpoints"
TOKENIZERS = ("words", "logs", "social", "code", "spaces")
LINES = ("logs", "social")
"""Tokenizers of texts in which a line is a context."""
FORMATS = ("auto", "text", "jsonl", "csv", "html", "mail")
DEFAULT_EXCLUDE = ("*~", "*.tmp", "*.part", "*.partial", "*.crdownload", "*.filepart")


def available_cores() -> int:
    """Return how many cores this process may use: in a container or under taskset, fewer than the machine has."""
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
    lines: bool = False,
    single: bool = False,
    duration: bool = False,
) -> Any:
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "metavar": metavar, "lines": lines}
    metadata["duration"] = duration
    if duration:
        metadata["metavar"] = "DURATION"
        return attrs.field(default=default, metadata=metadata, validator=_check, converter=_duration)
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return attrs.field(default=default, metadata=metadata, validator=_check, converter=_plain)
    if factory:
        return attrs.field(factory=default, metadata=metadata, validator=_check, converter=_plain)
    converter = _lines if lines else _listed if single else _plain_float if isinstance(default, float) else _plain
    return attrs.field(default=default, metadata=metadata, validator=_check, converter=converter)


def _plain(value: object) -> object:
    """Convert NumPy numbers to Python numbers and lists to tuples; leave the rest to :func:`_check`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def _listed(value: object) -> object:
    """Convert a single string to a tuple; else as :func:`_plain`."""
    return (value,) if isinstance(value, str) else _plain(value)


def _plain_float(value: object) -> object:
    value = _plain(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400}
DURATIONS = "a duration, such as 10s, 1.5h or 30d"


def seconds(text: str) -> float:
    """Return the seconds of a duration: a number and one of the units s, m, h, d, w, mo, or a number of seconds.

    Raises:
        ValueError: If it is not a duration.
    """
    parts = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(mo|[smhdw]?)", text.strip(), re.ASCII)
    if not parts:
        raise ValueError(text)
    return float(parts[1]) * _SECONDS[parts[2] or "s"]


def as_duration(length: float) -> str:
    """Return seconds as people write a duration, in the largest unit that they are a whole number of."""
    unit = next((unit for unit in ("w", "d", "h", "m") if length and length % _SECONDS[unit] == 0), "s")
    return f"{length / _SECONDS[unit]:g}{unit}" if length else "0"


def _duration(value: object) -> object:
    """Convert a duration to seconds; leave the rest to :func:`_check`."""
    if isinstance(value, str):
        try:
            return seconds(value)
        except ValueError:
            return value
    return _plain_float(value)


def _lines(value: object) -> object:
    """Convert a list of strings to the lines in it, as a checkpoint can hold them; leave the rest to :func:`_check`."""
    value = _plain(value)
    are_strings = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return distinct_lines(value) if are_strings else value  # type: ignore[arg-type]


def distinct_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of some texts, each once, without white space around them; empty ones are left out."""
    return tuple(dict.fromkeys(filter(None, (line.strip() for text in texts for line in text.splitlines()))))


def _check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Raise :class:`StreamerError` (78) unless the value has the setting's type and is within its bounds."""
    expected: Any = {"int": int, "float": float, "str": str, "bool": bool, "tuple[str, ...]": tuple}[
        str(attribute.type)
    ]
    low, high, choices = (attribute.metadata[key] for key in ("low", "high", "choices"))
    right = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
    if not right or (isinstance(value, tuple) and not all(isinstance(item, str) for item in value)):
        wanted = {"tuple[str, ...]": "a list of strings"}.get(str(attribute.type), f"of type {attribute.type}")
        wanted = DURATIONS if attribute.metadata["duration"] else wanted
        raise invalid(attribute.name, value, f"must be {wanted}")
    if attribute.metadata["lines"]:
        _check_lines(attribute.name, value)  # type: ignore[arg-type]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise invalid(attribute.name, value, "must be a finite number")
        if low is not None and value < low:
            raise invalid(attribute.name, value, f"must be at least {low:g}")
        if high is not None and value > high:
            raise invalid(attribute.name, value, f"must be at most {high:g}")
    if choices and value not in choices:
        raise invalid(attribute.name, value, f"must be one of {', '.join(choices)}")


def _check_lines(name: str, lines: tuple[str, ...]) -> None:
    """Raise :class:`StreamerError` (78) if the lines of a word list can't be what they are meant for."""
    if any("\ud800" <= sign <= "\udfff" for sign in "".join(lines)):
        raise invalid(name, lines, "must be text, without halves of surrogate pairs")
    if name == "stop_words" and (several := next((line for line in lines if line.split()[1:]), None)):
        raise StreamerError(
            f"{flag(name)} must have one word in each line, not {several!r}",
            hint="remove comments and columns from the list",
            code=ExitCode.CONFIGURATION,
        )


def invalid(name: str, value: object, rule: str) -> StreamerError:
    """Return the error for a value that breaks the rule of its setting."""
    return StreamerError(f"{flag(name)} {rule}, not {value!r}", code=ExitCode.CONFIGURATION)


def flag(name: str) -> str:
    """Return a setting's name as its flag: ``min_count`` becomes ``--min-count``."""
    return "--" + name.replace("_", "-")


@attrs.frozen(kw_only=True)
class ModelSettings:
    """Settings that shape the model. They are stored in every checkpoint; a resumed run cannot change them."""

    vector_size: int = _setting(100, "Dimensions of the vectors.", low=1, high=10_000)
    window: int = _setting(5, "Words on each side that count as context.", low=1, high=100)
    negative: int = _setting(5, "Weight of all noise words together, relative to one context word.", low=1, high=100)
    sample: float = _setting(
        1e-3, "Words more frequent than this share of the text are subsampled; 0 keeps all.", low=0, high=1
    )
    min_count: int = _setting(5, "Times a word must be seen, in total, before it gets a vector.", low=1)
    learning_rate: float = _setting(0.15, "Step size of AdaGrad.", low=1e-6, high=10)
    architecture: str = _setting(
        "skipgram", "Predict the context from the word, or the word from its context.", choices=("skipgram", "cbow")
    )
    max_group: int = _setting(8, "Most chunks under way at a time; more cores than this do not help.", low=1, high=64)
    seed: int = _setting(1, "Seed of all random numbers.", low=0, high=2**63 - 1)
    tokenizer: str = _setting(
        "words",
        "How text is cut into words: words, logs, social, code, spaces (tokenized already), or your own function.",
        metavar="NAME",
    )
    boundary: str = _setting(
        attrs.Factory(lambda self: "line" if self.tokenizer in LINES else "paragraph", takes_self=True),
        "What ends a context: a blank line, a line end, or nothing.",
        choices=("paragraph", "line", "file"),
    )
    keep_case: bool = _setting(False, "Do not convert words to lower case.")
    min_length: int = _setting(1, "Leave out words with fewer characters.", low=1, high=100)
    stop_words: tuple[str, ...] = _setting(
        (), "Leave out the words in this file, one a line.", metavar="FILE", lines=True
    )
    phrases: tuple[str, ...] = _setting(
        (), "Treat each line of this file as one word: New York, AT&T.", metavar="FILE", lines=True
    )

    def __attrs_post_init__(self) -> None:
        own = re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", self.tokenizer)
        if self.tokenizer not in TOKENIZERS and not own:
            raise invalid("tokenizer", self.tokenizer, f"must be one of {', '.join(TOKENIZERS)}, or module:function")
        if self.keep_case and (own or self.tokenizer == "spaces"):
            raise StreamerError(
                f"--keep-case does not go with --tokenizer {self.tokenizer}, which never changes case",
                hint="leave out --keep-case",
                code=ExitCode.CONFIGURATION,
            )


@attrs.frozen(kw_only=True)
class RunSettings:
    """Settings of one process. They never change what a decoded text teaches the model."""

    threads: int = _setting(
        available_cores, "Cores to train on; the result is the same with any number.", low=1, high=1024, factory=True
    )
    checkpoint_every: float = _setting(
        60.0, "Least time between checkpoints; 0 saves as often as possible.", low=0, duration=True
    )
    fresh: float = _setting(
        600.0, "Longest time until a checkpoint has what was learned, however costly it is.", low=0, duration=True
    )
    keep: int = _setting(3, "Number of checkpoints to keep.", low=1)
    ledger_keep: float = _setting(
        30 * 86400.0,
        "Time for which files that are gone from the folder are still listed; 0: for ever.",
        low=0,
        duration=True,
    )
    settle: float = _setting(2.0, "Time that a file must be unchanged before it is read.", low=0, duration=True)
    rescan: float = _setting(5.0, "Time between scans of the folder.", low=0.05, duration=True)
    poll: bool = _setting(False, "Scan only; use no file system events.")
    include: tuple[str, ...] = _setting((), "Accept only files whose names match one of these globs.", metavar="GLOB")
    exclude: tuple[str, ...] = _setting(
        DEFAULT_EXCLUDE,
        "Ignore files whose names match one of these globs, or one of the default ones.",
        metavar="GLOB",
    )
    encoding: tuple[str, ...] = _setting(
        ("auto",),
        "Encoding of files without a byte-order mark, or GLOB=ENCODING for those of some names; auto finds it out.",
        metavar="ENCODING",
        single=True,
    )
    format: str = _setting("auto", "What the files are; auto looks at how each begins.", choices=FORMATS)
    field: tuple[str, ...] = _setting(
        (), "Train only this field of JSON (a.b) or column of CSV (a name, or a number from 1).", metavar="NAME"
    )
    max_bad_ratio: float = _setting(
        0.01, "Refuse a file if a larger share of its characters can't be decoded.", low=0, high=1
    )
    on_change: str = _setting(
        "skip", "What to do with a file that was rewritten after it was trained.", choices=("skip", "retrain")
    )
    duplicates: str = _setting(
        "skip", "What to do with a text that was trained under another name.", choices=("skip", "train")
    )
    pairs: tuple[str, ...] = _setting((), "Score the vectors on these word pairs during training.", metavar="FILE")
    analogies: tuple[str, ...] = _setting((), "Score the vectors on these analogies during training.", metavar="FILE")
    evaluate_every: int = _setting(
        1_000_000, "Words trained between scores, with --pairs or --analogies.", low=1, metavar="WORDS"
    )
    log_every: float = _setting(
        0.0, "Sum up in the log: a line for all files of this time; 0 writes a line for each.", low=0, duration=True
    )

    def encoding_of(self, path: str) -> str:
        """Return the encoding that is wanted for a file: an encoding, or ``auto``.

        A glob with a ``/`` is compared with the path, another with the name. The last one that matches decides.
        """
        globs, others = _encodings(self.encoding)
        name = path.rpartition("/")[2]
        return next((found for whole, glob, found in globs if glob.match(path if whole else name)), others)

    def __attrs_post_init__(self) -> None:
        for value in self.encoding or ("",):
            glob, _, encoding = value.rpartition("=")
            if ("=" in value and not glob) or (encoding != "auto" and not _is_encoding(encoding)):
                rule = "must be auto, a text encoding that Python knows, like utf-8, or GLOB=ENCODING"
                raise invalid("encoding", value, rule)
        if "" in self.field or any("\0" in name for name in self.field):
            raise invalid("field", next(name for name in self.field if not name or "\0" in name), "must be a name")
        if self.field and self.format in ("text", "html", "mail"):
            raise StreamerError(
                f"--field does not go with --format {self.format}, which has no fields",
                hint="leave out --field",
                code=ExitCode.CONFIGURATION,
            )
        if self.format == "csv" and not self.field:
            raise StreamerError(
                "--format csv needs --field, the column to train",
                hint="name the column, or give its number",
                code=ExitCode.CONFIGURATION,
            )


def _is_encoding(name: str) -> bool:
    try:
        b"x".decode(name, "replace")
        codecs.getincrementaldecoder(name)("replace").decode(b"x", True)
        "\ufffd\n".encode(name, "ignore")
    except (LookupError, ValueError, TypeError):
        return False
    return True


@functools.cache
def _encodings(values: tuple[str, ...]) -> tuple[list[tuple[bool, re.Pattern[str], str]], str]:
    """Return the encodings for names, the last first, and that for all others."""
    named = [value.rpartition("=") for value in values if "=" in value]
    chosen = [("/" in glob, re.compile(fnmatch.translate(glob)), encoding) for glob, _, encoding in reversed(named)]
    return chosen, next((value for value in reversed(values) if "=" not in value), "auto")


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
    """Return the stored settings of a model; for a new model, the given ones and the defaults.

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
            if isinstance(now, tuple):
                was, now = (f"with {len(lines):,} line{'' if len(lines) == 1 else 's'}" for lines in (was, now))
                was = f"other ones, {was}" if was == now else f"those {was}"
            raise StreamerError(
                f"{flag(name)} {now} contradicts the checkpoint, which was trained with {was}",
                hint=f"leave out {flag(name)} to resume, or start a new model with another --checkpoints folder",
                code=ExitCode.CONFIGURATION,
            )
    return stored

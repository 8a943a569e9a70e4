"""One field of a class of settings: its default, its help, its bounds, and the one check of every value."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.settings.amounts import AMOUNTS, in_bytes
from streamer.settings.durations import DURATIONS, seconds


def setting(
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
    amount: bool = False,
    rule: tuple[Callable[[str], object], str] | None = None,
) -> Any:
    """Return a field with its default, its help, and what is checked; see :func:`_check`.

    Args:
        default: The value if none is given.
        help: One sentence, with a full stop.
        low: The smallest value.
        high: The largest value.
        choices: The only values.
        factory: Whether ``default`` is a function that returns it.
        metavar: What the value is called in the help of a command.
        lines: Whether it is a list of lines, from a file.
        single: Whether a single string is taken for a list of one.
        duration: Whether it is a duration, in seconds.
        amount: Whether it is an amount of memory, in bytes.
        rule: What raises ValueError for a text that it may not be, and what it must be.
    """
    metadata: dict[str, Any] = {
        "help": help,
        "low": low,
        "high": high,
        "choices": choices,
        "metavar": metavar,
        "lines": lines,
    }
    metadata |= {"duration": duration, "amount": amount, "rule": rule}
    if amount:
        metadata["metavar"] = "AMOUNT"
        return attrs.field(default=default, metadata=metadata, validator=_check, converter=_amount)
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


def _duration(value: object) -> object:
    """Convert a duration to seconds; leave the rest to :func:`_check`."""
    if isinstance(value, str):
        try:
            return seconds(value)
        except ValueError:
            return value
    return _plain_float(value)


def _amount(value: object) -> object:
    """Convert an amount to bytes; leave the rest to :func:`_check`."""
    if isinstance(value, str):
        try:
            return in_bytes(value)
        except ValueError:
            return value
    return _plain(value)


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
        wanted = AMOUNTS if attribute.metadata["amount"] else wanted
        raise invalid(attribute.name, value, f"must be {wanted}")
    if attribute.metadata["rule"]:
        parse, rule = attribute.metadata["rule"]
        try:
            parse(value)
        except ValueError:
            raise invalid(attribute.name, value, f"must be {rule}") from None
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

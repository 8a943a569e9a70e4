"""Each setting knows its type and its bounds."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings, RunSettings, flag

FIELDS = [(cls, field) for cls in (ModelSettings, RunSettings) for field in attrs.fields(cls)]
WRONG: dict[str, list[Any]] = {
    "int": [1.0, "1", True, None],
    "float": ["1", True, None],
    "duration": ["soon", "1x", "-1s", "1h30m", "", "nan", True, None, ("1s",)],
    "amount": ["much", "1X", "-1M", "", True, None, 1.5, ("1M",)],
    "str": [1, None, ("a",)],
    "bool": [1, "yes", None],
    "tuple[str, ...]": ["*.txt", (1, 2), None],
}


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=[field.name for _, field in FIELDS])
def test_each_setting_knows_its_type_and_bounds(cls: type, field: attrs.Attribute[Any]) -> None:
    """A value of another type, beyond a bound or not among the choices is an error 78 that names flag and value."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    kinds = [kind for kind in ("duration", "amount") if field.metadata[kind]]
    bad = list(WRONG[kinds[0] if kinds else str(field.type)])
    for bound, beyond in ((low, -1), (high, 1)):
        if bound is not None:
            kind = int if str(field.type) == "int" else float
            assert getattr(cls(**{field.name: kind(bound)}), field.name) == bound
            bad.append(kind(bound) + beyond if kind is int else math.nextafter(bound, beyond * math.inf))
    if str(field.type) == "float":
        bad += [math.nan, math.inf, -math.inf]
    for choice in choices:
        needed = {"field": ("text",)} if choice == "csv" else {}
        assert getattr(cls(**{field.name: choice}, **needed), field.name) == choice
    bad += ["nonsense"] if choices else []
    for value in bad:
        with pytest.raises(StreamerError) as caught:
            cls(**{field.name: value})
        assert caught.value.code == ExitCode.CONFIGURATION
        assert flag(field.name) in str(caught.value)
        assert repr(value) in str(caught.value)
    assert field.metadata["help"].endswith(".")


def test_whole_numbers_are_floats_too() -> None:
    """A setting with a fraction may be given without one."""
    assert ModelSettings(learning_rate=1, sample=0).sample == 0

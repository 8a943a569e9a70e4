"""The record of what a model began with."""

from __future__ import annotations

import attrs
import pytest

from streamer.settings import ModelSettings
from streamer.state import InitialVectors, State


def test_a_model_begins_with_nothing_unless_it_is_said() -> None:
    """The record of a new model is empty: no file, no words."""
    assert State.new(ModelSettings()).initial == InitialVectors() == InitialVectors("", "", 0, 0)


def test_the_record_is_never_changed() -> None:
    """A model begins once: the record is replaced as a whole, by its state, or stays as it is."""
    state = State.new(ModelSettings())
    record = InitialVectors("some.vec", "ab", 2, 9)
    state.record_initial(record)
    assert state.initial is record
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.words = 3  # type: ignore[misc]

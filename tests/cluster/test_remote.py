"""What runs on a node, run here."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.cluster import remote
from streamer.cluster.messages import Packed, pack, unpack

from ..support import lanes

ECHO = "tests.support.lanes:echo"


def value_of(answer: remote.Answer, kind: str) -> object:
    """Return what a call says, which must be of this kind."""
    assert answer[0] == kind
    return unpack(Packed(answer[1], answer[2]))


def packed(*arguments: object) -> tuple[object, ...]:
    """Return arguments as a node gets them."""
    data, buffers = pack(arguments)
    return bytes(data), *buffers


def test_a_call() -> None:
    """Its arrays travel beside the pickle, on both ways."""
    rows = np.zeros((100, 100), np.float32)
    answer = remote.run(remote.ask(), ECHO, *packed(rows))  # type: ignore[arg-type]
    assert len(answer[1]) < 1000 and [buffer.nbytes for buffer in answer[2]] == [rows.nbytes]
    np.testing.assert_array_equal(value_of(answer, remote.DONE), rows + 1)


def test_where_something_differs_nothing_is_called() -> None:
    """A result with other bits can't come about, even if a node changed since it was asked."""
    expected = {**remote.ask(), "NumPy": "1.0"}
    answer = remote.run(expected, "tests.support.lanes:die", *packed())  # type: ignore[arg-type]
    assert str(value_of(answer, remote.DIFFERS)).startswith("NumPy is ")
    assert remote.run(None, ECHO, *packed(np.zeros(1)))[0] == remote.DONE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "error"), [("tests.support.lanes:nothing", AttributeError), ("no:where", ImportError)]
)
def test_a_function_that_a_node_does_not_have(name: str, error: type[Exception]) -> None:
    """The caller is told."""
    assert isinstance(value_of(remote.run(None, name, *packed()), remote.RAISED), error)  # type: ignore[arg-type]


def test_names_of_functions() -> None:
    """What can't be found by its name has none."""
    assert remote.name_of(lanes.echo) == ECHO and remote.find(ECHO) is lanes.echo
    for function in (lambda: None, np.float32(1).sum):
        with pytest.raises(TypeError, match="no import path"):
            remote.name_of(function)

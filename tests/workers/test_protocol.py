"""All kinds of workers have the same five methods, with the same arguments, and nobody else has to know their kind."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import streamer.workers
from streamer.workers import Workers
from streamer.workers.here import Here
from streamer.workers.processes import WorkerProcesses

METHODS = ("ready", "full", "submit", "collect", "close")
KINDS = (Here, WorkerProcesses)


def test_the_protocol_has_five_methods_and_a_size() -> None:
    """What it asks for is small enough to be written in a test, as that of the schedule does."""
    own = {name for name, member in vars(Workers).items() if inspect.isfunction(member) and not name.startswith("_")}
    assert own == set(METHODS)
    assert Workers.__annotations__.keys() == {"size"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_has_them(kind: type[Any], method: str) -> None:
    """By the same names, with the same arguments and the same kind of answer."""
    assert inspect.signature(getattr(kind, method)) == inspect.signature(getattr(Workers, method))


def test_every_kind_has_no_others_in_public() -> None:
    """What only one kind could do, nobody could ask of another."""
    for kind in KINDS:
        public = {name for name, member in vars(kind).items() if inspect.isfunction(member) and name[0] != "_"}
        assert public == set(METHODS), kind


def test_nobody_outside_the_room_names_a_kind() -> None:
    """All other code imports from the room itself, never a module in it, and knows no class of processes."""
    package = Path(streamer.workers.__file__).parents[1]
    for path in package.rglob("*.py"):
        if path.parent.name == "workers":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith("streamer.workers."), path
                names = {alias.name for alias in node.names}
                assert node.module != "streamer.workers" or names <= set(streamer.workers.__all__), path
    assert "WorkerProcesses" not in streamer.workers.__all__

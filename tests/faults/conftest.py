"""How much is broken, and what came of it in figures."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import structlog

from streamer.intake import reader
from streamer.service import loop

from ..conftest import FIGURE
from . import lives

Tell = Callable[[str], None]
Amount = Callable[[int, int], int]
BLOCK = 128


@pytest.fixture(scope="session")
def amount(request: pytest.FixtureRequest) -> Amount:
    """Return a function that chooses between an amount for every push and one for ``--long``."""
    return lambda short, long: long if request.config.getoption("--long") else short


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Return a function that puts a line of figures below the results of all tests."""
    return lambda line: request.node.user_properties.append((FIGURE, line))


@pytest.fixture
def small_and_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of some hundred bytes have several blocks, and nobody write a log."""
    monkeypatch.setattr(reader, "PIECE", BLOCK)
    monkeypatch.setattr(loop, "Saver", lives.InStep)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

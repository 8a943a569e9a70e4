"""How much is broken, and what came of it in figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..conftest import FIGURE

Tell = Callable[[str], None]
Amount = Callable[[int, int], int]


@pytest.fixture(scope="session")
def amount(request: pytest.FixtureRequest) -> Amount:
    """Return a function that chooses between an amount for every push and one for ``--long``."""
    return lambda short, long: long if request.config.getoption("--long") else short


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Return a function that puts a line of figures below the results of all tests."""
    return lambda line: request.node.user_properties.append((FIGURE, line))

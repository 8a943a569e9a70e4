"""The option that all the tests understand: how much of what takes long is to be done."""

from __future__ import annotations

import pytest

from .support.undisturbed import expected, inbox, undisturbed

__all__ = ["expected", "inbox", "undisturbed"]  # fixtures for all rooms


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--long``."""
    parser.addoption("--long", action="store_true", help="break things thousands of times: an hour, for tests/faults")

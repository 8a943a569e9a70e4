"""What tests of the inbox have in common."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from .inboxes import Clock

Log = list[MutableMapping[str, Any]]


@pytest.fixture
def clock() -> Clock:
    """Return the clock that the inbox reads, as wall clock and as monotonic clock."""
    return Clock()


@pytest.fixture
def log() -> Iterator[Log]:
    """Return what is logged."""
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty folder."""
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"

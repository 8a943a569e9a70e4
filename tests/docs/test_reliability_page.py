"""docs/reliability.md names every exit code, every failpoint, and tests that are there."""

from __future__ import annotations

import re

from streamer.errors import ExitCode
from streamer.system.failpoints import FAILPOINTS

from .pages import DOCS, ROOT, section, table_rows

PAGE = (DOCS / "reliability.md").read_text(encoding="utf-8")


def test_exit_codes() -> None:
    """The table has all codes, by number and name."""
    rows = [row[:2] for row in table_rows(section(PAGE, "## Exit codes"))]
    assert rows == [[str(int(code)), code.name] for code in ExitCode]


def test_failpoints() -> None:
    """The table has all places, in their order, in their words."""
    rows = [row[:2] for row in table_rows(section(PAGE, "## Breaking it yourself"))]
    assert rows == [[name, text] for name, text in FAILPOINTS.items()]


def test_the_tests_are_there() -> None:
    """Each file that is named as the test of a promise exists."""
    named = set(re.findall(r"`(?:tests/faults/)?((?:tests/\w+/)?\w+\.py)`", PAGE))
    assert named
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "tests" / "faults" / name).exists(), name

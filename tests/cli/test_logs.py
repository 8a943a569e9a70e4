"""Log lines: for people on a terminal, as JSON elsewhere, and what becomes of those that can't be written."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

from ..support.corpus import put
from ..support.process import done

ESCAPE = "\x1b"


def test_log_lines(tmp_path: Path) -> None:
    """Log lines in JSON carry time, level and a dotted event, the contract's among them; console lines are plain."""
    put(tmp_path / "inbox" / "a.txt", "one two three\n" * 10)
    put(tmp_path / "inbox" / "empty.txt", "")
    done("watch", "inbox", "--once", folder=tmp_path)
    put(tmp_path / "inbox" / "b.txt", "four five six\n" * 10)
    lines = [json.loads(line) for line in done("watch", "inbox", "--once", folder=tmp_path).stderr.splitlines()]
    for line in lines:
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
        assert line["level"] in ("info", "warning", "error")
        assert re.fullmatch(r"[a-z]+\.[a-z]+", line["event"])
    events = [
        "checkpoint.resumed",
        "service.started",
        "inbox.watched",
        "file.trained",
        "vocabulary.grown",
        "checkpoint.saved",
    ]
    assert [line["event"] for line in lines] == [*events, "service.stopped"]
    grown = next(line for line in lines if line["event"] == "vocabulary.grown")
    assert (grown["vocabulary"], grown["admitted"]) == (6, 3)

    put(tmp_path / "inbox" / "c.txt", "seven\n")
    plain = done("watch", "inbox", "--once", "--log-format", "console", folder=tmp_path).stderr
    assert "file.trained" in plain and ESCAPE not in plain

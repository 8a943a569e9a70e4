"""Text → tokens, and looks at a large inbox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from streamer.intake.inbox import Inbox
from streamer.intake.ledger import Ledger
from streamer.settings import RunSettings

from ..support.texts import encode
from .text import block


def test_tokenize_a_block(benchmark: Any) -> None:
    """A MiB of made-up English, or the first of ``STREAMER_BENCH_TEXT``."""
    given = os.environ.get("STREAMER_BENCH_TEXT")
    text = block()
    if given:
        text = "\n\n".join(path.read_text(errors="replace") for path in sorted(Path(given).glob("*.txt"))[:3])
    encoded = benchmark(encode, text[: 1 << 20])
    benchmark.extra_info["words_per_second"] = len(encoded) / benchmark.stats["median"]


def test_look_at_ten_thousand_files(benchmark: Any, tmp_path: Path) -> None:
    """One scan of an inbox in which all is new."""
    for number in range(10_000):
        folder = tmp_path / f"{number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").touch()
    ledger = Ledger()
    inbox = Inbox(tmp_path, RunSettings(settle=0.0), ledger.seen)
    assert len(benchmark(inbox.scan).ready) == 10_000

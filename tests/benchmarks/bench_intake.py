"""Text → tokens, and looks at a large inbox."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from streamer.intake.inbox import Inbox
from streamer.ledger.ledger import Ledger
from streamer.settings import RunSettings
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import newest_version, tokenizer

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


LOG = (
    "2026-11-25T10:00:{a:02}.{b:06}Z app[{b}]: request {b:032x} of user-{b} from 10.{a}.0.7: E{a} at /srv/{b}",
    '10.1.{a}.7 - - [25/Nov/2026:10:00:{a:02} +0000] "GET /p{b}.html HTTP/1.1" 200 {b} "-" "curl/8.1"',
)
POST = ("@user{a} likes #topic{a} and so do I 😂👍🏽 https://example.org/{b}", "it's day {a} of the week, love it!")
CHINESE = ("我们在北京大学学习第{a}章，系统管理员安装了软件包。", "网络服务器的配置文件位于目录中。")
CODE = (
    "def get_item_{a}(self): return HTTPServer{a}.getUserById({b})  # the user by id",
    "for (int i = {a}; i < n; i++)",
)


@pytest.mark.parametrize(
    ("name", "lines"), [("logs", LOG), ("social", POST), ("words", CHINESE), ("code", CODE), ("spaces", POST)]
)
def test_tokenize_a_block_of_another_kind(name: str, lines: tuple[str, ...], benchmark: Any) -> None:
    """A MB of made-up lines of the kind that a tokenizer is for, with ids that never repeat."""
    rng = random.Random(1)
    found: list[str] = []
    size = 0
    while size < 1_000_000:
        found.append(rng.choice(lines).format(a=rng.randrange(60), b=rng.getrandbits(40)))
        size += len(found[-1].encode()) + 1
    text = "\n".join(found)
    cuts = tokenizer(Rules(name, newest_version(name), "line"))
    benchmark(cuts.encode, text)
    benchmark.extra_info["bytes_per_second"] = size / benchmark.stats["median"]


def test_look_at_ten_thousand_files(benchmark: Any, tmp_path: Path) -> None:
    """One scan of an inbox in which all is new."""
    for number in range(10_000):
        folder = tmp_path / f"{number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").touch()
    ledger = Ledger()
    inbox = Inbox(tmp_path, RunSettings(settle=0.0), ledger.seen)
    assert len(benchmark(inbox.scan).ready) == 10_000

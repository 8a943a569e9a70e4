"""Which files are held as unusual, and what judging costs.

    python -m tests.benchmarks.judging BOOKS --seed 1

Trains on some books, then on 240 excerpts of others, of which none should be held, with eight files of each odd kind
among the last. Then prints the share of CPU that judging takes where small and large files are mixed. That counts what
training would otherwise do itself, such as hashing words and fetching vectors into the cache: so it is an upper bound.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from streamer.answers import reports
from streamer.service import loop
from streamer.service.judging import Judge
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings

WORD = re.compile(r"[^\W_]+")
ODD = 8


def excerpt(rng: random.Random, books: list[str], words: int) -> str:
    """Return about so many words of any book."""
    book = rng.choice([book for book in books if len(book) > 7 * words])
    start = rng.randrange(len(book) - 7 * words)
    return book[start : start + 6 * words]


def odd(rng: random.Random, books: list[str], size: int) -> Iterator[tuple[str, str]]:
    """Yield files of each odd kind, with their names."""
    common = [word for word, _ in Counter(WORD.findall(" ".join(books[:30]).lower())).most_common(20_000)]
    for number in range(ODD):
        words = WORD.findall(excerpt(rng, books, size))
        line, half = words[: rng.randint(8, 14)], words[: len(words) // 2]
        new = {word: f"x{at}" for at, word in enumerate(sorted(set(words), key=lambda _: rng.random()))}
        yield f"shuffled{number}", " ".join(rng.sample(words, len(words)))
        yield f"list{number}", "\n".join(sorted(rng.sample(common, size)))
        letters = ("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(size))
        yield f"letters{number}", " ".join(letters)
        yield f"line{number}", (" ".join(line) + "\n") * 10_000
        yield f"renamed{number}", " ".join(new[word] for word in words)
        yield f"tenth{number}", " ".join(rng.choice(common) if rng.random() < 0.1 else word for word in words)
        yield f"half{number}", " ".join([*half, *rng.sample(words[len(half) :], len(words) - len(half))])


def put(inbox: Path, name: str, content: str) -> None:
    """Write a file that comes after those before it."""
    path = inbox / f"{name}.txt"
    path.write_text(content, encoding="utf-8")
    os.utime(path, (1e9 + len(list(inbox.iterdir())),) * 2)


def run(inbox: Path, **settings: Any) -> tuple[float, list[dict[str, Any]]]:
    """Train on a folder in this process, with one thread; return the seconds spent on judging, and the files."""
    spent = 0.0

    def timed(method: Any) -> Any:
        def wrapper(*arguments: Any) -> Any:
            nonlocal spent
            began = time.thread_time()
            try:
                return method(*arguments)
            finally:
                spent += time.thread_time() - began

        return wrapper

    methods = {name: getattr(Judge, name) for name in ("hold", "begin")}
    for name, method in methods.items():
        setattr(Judge, name, timed(method))
    try:
        with tempfile.TemporaryDirectory() as name:
            run_settings = RunSettings(threads=1, **settings)
            with StopSignals() as signals, loop.start(Path(name), {}, run_settings, Display(), signals) as service:
                loop.watch(inbox, service, once=True)
            return spent, reports.files(Path(name))
    finally:
        for name, method in methods.items():
            setattr(Judge, name, method)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=40, help="books to train on first")
    parser.add_argument("--words", type=int, default=5_000, help="words of an excerpt")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    rng = random.Random(given.seed)
    books = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(given.books.glob("*.txt"))]
    rng.shuffle(books)
    with tempfile.TemporaryDirectory() as name:
        inbox = Path(name)
        for number, book in enumerate(books[: given.first]):
            put(inbox, f"book{number}", book)
        for number in range(240):
            put(inbox, f"excerpt{number}", excerpt(rng, books[given.first :], given.words))
        for kind, content in odd(rng, books[given.first :], given.words):
            put(inbox, kind, content)
        files = run(inbox, hold_unusual=True)[1]
    held, all_of = Counter[str](), Counter[str]()
    for row in files:
        kind = re.sub(r"\d+\.txt$", "", row["path"])
        all_of[kind] += 1
        held[kind] += row["outcome"] == "held"
    for kind, count in all_of.items():
        print(f"{kind:10} {held[kind]:4} of {count:4} held")
    with tempfile.TemporaryDirectory() as name:
        inbox = Path(name)
        for number, book in enumerate(books[:25]):
            put(inbox, f"book{number}", book)
        for number in range(1_500):
            size = round(math.exp(rng.uniform(math.log(100), math.log(10_000))))
            put(inbox, f"excerpt{number}", excerpt(rng, books[25:], size))
        before = _cpu()
        spent = run(inbox)[0]
        print(f"judging took {spent / (_cpu() - before):.1%} of CPU")


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()

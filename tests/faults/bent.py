"""Checkpoints that were bent, by accident or on purpose, and a process that loads them in every way there is.

Run as ``python -m tests.faults.bent HOW FIRST LAST FOLDER``: it makes the bent checkpoints of those numbers, loads
each, and prints its number when it begins, and what went wrong. If it dies, the number is known.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import structlog

import streamer
from streamer.answers import reports
from streamer.checkpoints import Store, Tree, decode, encode, seal
from streamer.errors import ExitCode, StreamerError
from streamer.intake.reasons import reason_class
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.model.sgns import Loss
from streamer.state import Score, State, reading
from streamer.state.reading import read_ledger
from streamer.training.trainer import Trainer
from streamer.vectors import WordVectors

PAGE = 4096
SECONDS, MEMORY = 5, 1 << 30
"""What loading one file may take."""
EXTREMES = (-(2**63), -1, 0, 1, 2**31, 2**53, 2**62, 2**63 - 1)
FLOATS = (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e-45, 3e38, -3e38)


def make(folder: Path) -> None:
    """Save two checkpoints of a small trainer, with something in every table, as ``1.h5`` and ``2.h5``.

    Some files are folded in both: the journal has spans without a name.
    """
    trainer = Trainer(vector_size=8, min_count=2, threads=1)
    trainer.history.resolution = 1000
    rng = random.Random(1)
    for number in (1, 2):
        if number == 1:
            known = WordVectors(["word1", "word2"], np.ones((2, 8), np.float32), [2, 1])
            trainer.set_initial_vectors(known, name="published.txt", sha256="ab")
        text = " ".join(f"word{min(rng.randrange(600), rng.randrange(600))}" for _ in range(4000))
        trainer.partial_fit([text])
        _keep_books(trainer.state.ledger, number, len(text))
        trainer.state.epochs.begin(f'[{number}, "a.txt"]')
        trainer.state.epochs.add(0, Loss(2.0, 1.0))
        trained = trainer.state.model.words_trained
        trainer.scores.add([Score(trained, "pairs a", 0.5, 3, 4), Score(trained, "analogies b", 0.25, 5, 5)])
        shutil.copy(trainer.save(folder / "saved").path, folder / f"{number}.h5")


def _keep_books(ledger: Ledger, number: int, size: int) -> None:
    _fold_some(ledger, number)
    for name, outcome in (("a", "trained"), ("b", "partial"), ("c", "skipped")):
        path = f"{name}{number}\udce9.txt"
        look = Verdict(Signature(size, number, 3), hashlib.sha256(path.encode("utf-8", "replace")).digest(), size)
        if outcome == "skipped":
            ledger.refuse(path, look.signature, "it is empty")
            continue
        entry = ledger.plan(path, look)
        assert entry is not None
        ledger.advance(entry, size // (1 if outcome == "trained" else 2), 100)
        if outcome == "trained":
            ledger.finish(entry)


def _fold_some(ledger: Ledger, number: int) -> None:
    """Train a text, another that begins with it, and one in another encoding; fold them, with a refused file."""
    whole = hashlib.sha256(b"long%d" % number).digest()
    first = Verdict(Signature(90, number, 3), hashlib.sha256(b"%d" % number).digest(), 90)
    first = first._replace(text_sha256=first.sha256, heads=(40 + number,), encoding="utf-8")
    longer = first._replace(
        signature=Signature(200, number, 3),
        text_bytes=200,
        text_sha256=whole,
        prefixes={90: first.sha256},
        line_ends=(90,),
    )
    other = hashlib.sha256(b"other%d" % number).digest()
    russian = first._replace(sha256=other, text_sha256=other, heads=(50,), encoding="cp1251")
    for name, look in (("first", first), ("longer", longer), ("russian", russian)):
        entry = ledger.plan(f"gone {name} {number}", look)
        assert entry is not None
        ledger.advance(entry, look.text_bytes, 10)
        ledger.finish(entry)
    ledger.refuse(f"gone refused {number}", Signature(7, number, 3), "it is empty")
    ledger.begin_scan()
    ledger.end_scan(number, lambda path: path.startswith("gone"))
    assert ledger.fold(number, reason_class) == 4


def _flipped(data: bytes, rng: random.Random) -> bytes:
    bent = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
    return bytes(bent)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _zeroed(data: bytes, rng: random.Random) -> bytes:
    length = rng.choice((PAGE, 2 * PAGE, rng.randrange(8, PAGE)))
    start = rng.randrange(len(data)) // 512 * 512
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def _blocks(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice((PAGE, rng.randrange(256, PAGE)))
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    one, other = rng.randrange(len(blocks)), rng.randrange(len(blocks))
    what = rng.choice(("swap", "double", "remove", "overwrite"))
    if what == "swap":
        blocks[one], blocks[other] = blocks[other], blocks[one]
    elif what == "double":
        blocks.insert(one, blocks[one])
    elif what == "remove":
        del blocks[one]
    else:
        blocks[one] = blocks[other]
    return b"".join(blocks)


def _added(data: bytes, rng: random.Random) -> bytes:
    more = rng.choice((bytes(rng.randrange(1, PAGE)), rng.randbytes(rng.randrange(1, 512)), data, data[-48:]))
    return data + more if rng.random() < 0.5 else more + data


def _empty(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.8:
        return rng.randbytes(rng.randrange(len(data)))
    return rng.choice((b"", bytes(len(data)), b"\xff" * len(data), data[-48:], data[:-48]))


BENDS = (*[_flipped] * 8, *[_cut] * 3, *[_zeroed] * 2, *[_blocks] * 3, *[_added] * 2, _empty)


def bent(data: bytes, other: bytes, number: int) -> bytes:
    """Return a file that differs from a checkpoint: damage of the kinds that disks and copies do.

    The first numbers are all its truncations at a multiple of 4 KiB.
    """
    rng = random.Random(number)
    if number < len(data) // PAGE:
        return data[: number * PAGE]
    while True:
        if rng.random() < 0.05:  # with parts of another checkpoint
            cut = rng.randrange(1, len(data))
            found = rng.choice((data[:cut] + other[cut:], other[:cut] + data[cut:], data[:-48] + other[-48:]))
        else:
            found = rng.choice(BENDS)(data, rng)
        if found not in (data, other):
            return found


def sealed(data: bytes, other: bytes, number: int) -> bytes:
    """Return such a file, or one with a leaf that was replaced, with a digest that is right."""
    rng = random.Random(number)
    if number % 2:
        return b"".join(seal([bent(data[:-48], other[:-48], 1000 + number)]))
    tree = _tree(data)
    for _ in range(rng.choice((1, 1, 1, 2))):
        key = rng.choice(sorted(tree))
        tree[key] = _other_leaf(tree[key], rng)
    return b"".join(encode(tree))


def _tree(data: bytes) -> Tree:
    return decode(io.BytesIO(data))


def _other_leaf(leaf: Any, rng: random.Random) -> Any:
    """Return something else in the place of a leaf: a wrong number, a wrong length, a wrong type."""
    if not isinstance(leaf, np.ndarray):
        of_its_type: tuple[Any, ...] = {
            bool: (True, False),
            int: EXTREMES,
            float: FLOATS,
            str: ("", "x", "é" * 5000, "[1]"),
        }[type(leaf)]
        return rng.choice((*of_its_type, *of_its_type, True, 7, 0.5, "x", np.zeros(3), np.zeros((0, 0))))
    what = rng.randrange(8)
    if what < 5 and leaf.size:
        changed = leaf.copy()
        for _ in range(rng.choice((1, 1, 3))):
            place = tuple(rng.randrange(length) for length in leaf.shape)
            if leaf.dtype.kind == "f":
                changed[place] = rng.choice(FLOATS)
            else:
                bounds = np.iinfo(leaf.dtype)
                near = int(leaf[place]) + rng.choice((-1, 1))
                changed[place] = min(max(rng.choice((*EXTREMES, near, near)), bounds.min), bounds.max)
        return changed
    with np.errstate(over="ignore"):
        narrow = leaf.astype(np.float16)
    return rng.choice((
        leaf[:-1], np.concatenate([leaf, leaf[:1]]), leaf[:0], np.concatenate([leaf, leaf]), leaf[::-1].copy(),
        narrow, leaf[None], leaf.reshape(-1), 3, "x", np.zeros((len(leaf), 0), leaf.dtype),
    ))  # fmt: skip


def state(tree: Tree) -> str:
    """Return the digest of a state."""
    digest = hashlib.sha256()
    for key, value in sorted(tree.items()):
        digest.update(f"{key} {getattr(value, 'dtype', value)!r} {getattr(value, 'shape', type(value))}".encode())
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else b"")
    return digest.hexdigest()


WAYS: dict[str, Callable[[Path], str]] = {
    "the service": lambda folder: state(Store(folder).load_newest()[1]),  # type: ignore[index]
    "resume": lambda folder: state(Trainer.resume(folder, threads=1).state.to_tree()),
    "load": lambda folder: hashlib.sha256(streamer.load(folder).vectors.tobytes()).hexdigest(),
    "files": lambda folder: str(len(read_ledger(folder).entries)),
    "verify": lambda folder: reading.verify(folder).name,
}
"""How a folder of checkpoints is read, and what tells that it was the right one."""


def judged(folder: Path, way: str) -> str:
    """Return what a way of reading found, or ``65``; raise what it must not raise."""
    try:
        return WAYS[way](folder)
    except StreamerError as error:
        if error.code != ExitCode.DAMAGED or not error.problem:
            raise
        return "65"


def lives(folder: Path) -> None:
    """Check that a trainer that was resumed goes on, can be saved, and be resumed again; and folded files return."""
    trainer = Trainer.resume(folder, threads=1)
    ledger = trainer.state.ledger
    for name in ("first", "longer", "russian"):
        digest = hashlib.sha256(name.encode()).digest()
        look = Verdict(Signature(300, 9, 9), digest, 300, text_sha256=digest, heads=(40, 50))
        ledger.plan(f"gone {name} 1", look)
    ledger.begin_scan()
    ledger.end_scan(99, lambda path: path.startswith("gone"))
    ledger.fold(99, reason_class)
    trainer.partial_fit(["word1 word2 word3 word4 new new new"])
    trainer.state.ledger.reconsider(bool)
    State.from_tree(_tree(b"".join(encode(trainer.state.to_tree()))))
    streamer.load(folder).most_similar(streamer.load(folder).index_to_key[0])
    reports.status(folder)


def _load_all(how: str, numbers: range, originals: Path, folder: Path) -> Iterator[str]:
    """Load the bent checkpoints of those numbers; yield what is wrong, and in the end what came of them."""
    data, other = ((originals / f"{number}.h5").read_bytes() for number in (2, 1))
    older = folder / "checkpoint-0000000001.h5"
    older.write_bytes(other)
    expected = {way: judged(folder, way) for way in WAYS}
    assert "65" not in expected.values()
    came_of = Counter[str]()
    slowest = 0.0
    for number in numbers:
        print(number, flush=True)
        newest = folder / "checkpoint-0000000002.h5"
        newest.write_bytes((bent if how == "bent" else sealed)(data, other, number))
        beside = how == "bent" and number % 8 == 0
        older.unlink(missing_ok=True)
        if beside:
            older.write_bytes(other)
        signal.alarm(SECONDS)
        started = time.monotonic()
        for way in WAYS:
            try:
                found = judged(folder, way)
            except Exception as error:
                yield f"{number}: {way} raised {error!r}"
                continue
            if way == "verify" and how == "bent":
                right = found == "65"  # it is of the newest, whatever lies beside
            elif how == "bent":
                right = found == (expected[way] if beside else "65")
            else:
                right = True
                came_of[f"{way} {'refused' if found == '65' else 'loaded'}"] += 1
                if way == "resume" and found != "65":
                    try:
                        lives(folder)
                    except StreamerError as error:
                        right = "embeddings" in error.problem  # numbers that were so large that they grew out of bounds
                    except Exception as error:
                        yield f"{number}: resumed, and then {error!r}"
            if not right:
                yield f"{number}: {way} found {found}"
        slowest = max(slowest, time.monotonic() - started)
        signal.alarm(0)
    yield json.dumps({"came of": came_of, "slowest": round(slowest, 2)})


def main() -> None:
    """Do what the module's docstring says, within limits on time and memory."""
    how, first, last, originals = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    warnings.simplefilter("ignore", RuntimeWarning)  # numbers as large as floats can be overflow in training
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        for line in _load_all(how, range(first, last), originals, Path(folder)):
            print(line, flush=True)


if __name__ == "__main__":
    main()

"""Writes one of the checkpoints in this folder again, with the code that wrote checkpoints like it.

    git worktree add ../then 285d194
    python tests/state/shapes/write.py before-scores ../then

The table in README.md says which commit belongs to which name. The checkpoint and its row in expected.json are
replaced. Two runs differ in times: in ``history/seconds``, ``ledger/mtime_ns``, ``ledger/ctime_ns``, ``ledger/gone``,
nowhere else.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected.json"
MODEL = {"vector_size": 6, "window": 2, "min_count": 2, "sample": 0.01}
PIECE = 300
"""Bytes of a block, where one is to end in the middle of a file."""
WRITTEN = 1_767_225_600_000_000_000
"""When the files in the inbox were last written: the first moment of 2026, in nanoseconds."""
LATIN = os.fsdecode(b"caf\xe9.txt")
"""A name that is no UTF-8."""
PAIRS = "bread\trolls\t8\nriver\twater\t9\nmarket\tbridge\t4\nboat\tferry\t9.5\ncoins\train\t1\n"
ANALOGIES = ": places\nbaker bakery captain boat\nbaker bread captain ferry\nboy dog baker oven\n"


@dataclass(frozen=True)
class Place:
    """Where a checkpoint is made.

    Attributes:
        inbox: The folder of texts; its path goes into the checkpoint.
        checkpoints: The folder of checkpoints.
        other: A folder for what is neither.
    """

    inbox: Path
    checkpoints: Path
    other: Path

    def write(self, name: str, content: bytes) -> Path:
        """Put a file into the inbox."""
        path = self.inbox / name
        path.write_bytes(content)
        os.utime(path, ns=(WRITTEN, WRITTEN))
        return path

    def text(self, name: str) -> Path:
        """Put one of the texts into the inbox."""
        return self.write(name, (HERE / "texts" / name).read_bytes())

    def run(self, command: str, *arguments: str | Path, new: bool = False) -> None:
        """Run a command that trains; settings are given to a new model only."""
        try:
            from streamer.cli.app import cli
        except ImportError:  # before version 2
            from streamer.cli import cli

        run = ["--threads", "1", "--checkpoints", self.checkpoints]
        run += ["--settle", "0"] if command == "watch" else []
        for name, value in MODEL.items() if new else ():
            run += ["--" + name.replace("_", "-"), str(value)]
        cli([command, *map(str, [*arguments, *run])], prog_name="streamer", standalone_mode=False)

    def watch(self, *arguments: str | Path, new: bool = False) -> None:
        """Train on all that is in the inbox."""
        self.run("watch", self.inbox, "--once", *arguments, new=new)


@contextlib.contextmanager
def stopped_after(blocks: int) -> Iterator[None]:
    """Cut files into small blocks, and ask for a stop after so many."""
    from streamer.intake import reader

    try:
        from streamer.training import Schedule as Trains

        name = "train"
    except ImportError:  # before version 2
        from streamer.trainer import Trainer as Trains

        name = "train_tokens"
    number = itertools.count(1)
    train = getattr(Trains, name)

    def train_tokens(self: Any, *arguments: Any, **named: Any) -> Any:
        report = train(self, *arguments, **named)
        if next(number) == blocks:
            os.kill(os.getpid(), signal.SIGTERM)
        return report

    with (
        patch.object(reader, "PIECE", PIECE),
        patch.object(reader, "blocks", partial(reader.blocks, size=PIECE)),
        patch.object(Trains, name, train_tokens),
    ):
        yield


def two_files(place: Place, *arguments: str | Path) -> None:
    """Train on two texts, and refuse what is none."""
    place.text("bakery.txt")
    place.text("ferry.txt")
    place.write("picture.txt", bytes(range(256)))
    place.watch(*arguments, new=True)


def from_python(place: Place, **settings: Any) -> None:
    """Train on two texts from Python and save twice, so that there is no ledger."""
    from streamer import Trainer

    trainer = Trainer(threads=1, **{**MODEL, **settings})
    for name in ("bakery.txt", "ferry.txt"):
        trainer.partial_fit([(HERE / "texts" / name).read_text(encoding="utf-8")]).save(place.checkpoints)


def nothing(place: Place, text: str = "") -> None:
    """Save a model with no words."""
    from streamer import Trainer

    Trainer(threads=1, **MODEL).partial_fit([text] if text else []).save(place.checkpoints)


def scored(place: Place) -> None:
    """Train on two texts, and score the vectors after each."""
    (pairs := place.other / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
    (analogies := place.other / "analogies.txt").write_text(ANALOGIES, encoding="utf-8")
    tests: list[str | Path] = ["--pairs", pairs, "--analogies", analogies, "--evaluate-every", "50"]
    place.text("bakery.txt")
    place.watch(*tests, new=True)
    place.text("ferry.txt")
    place.watch(*tests)


def begun(place: Place, texts: int = 1) -> None:
    """Begin with vectors, and train on as many texts."""
    words = ("bread", "river", "baker", "bridge", "captain", "oven", "Café", "zeppelin")
    rows = [f"{word} {' '.join(str((7 * i + 3 * j) % 11 / 8 - 0.5) for j in range(6))}" for i, word in enumerate(words)]
    (vectors := place.other / "published.txt").write_text("\n".join([f"{len(rows)} 6", *rows, ""]), encoding="utf-8")
    for name in ("bakery.txt", "ferry.txt")[:texts]:
        place.text(name)
    place.watch("--initial-vectors", vectors, new=True)


def in_the_middle(place: Place) -> None:
    """Stop in the middle of the second of two files."""
    place.text("bakery.txt")
    place.watch(new=True)
    place.text("ferry.txt")
    with stopped_after(2):
        place.watch()


def second_pass(place: Place, *, by_name: bool = False) -> None:
    """Stop a command for two epochs in the middle of the second file of the second; files by name have no root."""
    paths = [place.text("bakery.txt"), place.text("ferry.txt")]
    paths = paths if by_name else [place.inbox]
    place.run("train", *paths, new=True)
    with stopped_after(6):
        place.run("train", *paths, "--epochs", "2")


def second_pass_given_up(place: Place) -> None:
    """The same, and then the file is gone."""
    second_pass(place, by_name=True)
    (place.inbox / "ferry.txt").unlink()
    place.watch()


def every_outcome(place: Place) -> None:
    """Files that were trained, given up in the middle, rewritten, refused, and refused but to be looked at again."""
    for name in (LATIN, "early.txt"):
        place.write(name, (HERE / "texts" / "bakery.txt").read_bytes()[:350] + os.fsencode(name))
    place.text("bakery.txt")
    place.write("empty.txt", b"")
    place.write("broken.txt.gz", b"\x1f\x8b\x08 and no more")
    place.write("picture.txt", bytes(range(256)))
    (place.inbox / "link.txt").symlink_to("bakery.txt")
    place.watch(new=True)
    place.text("ferry.txt")
    with stopped_after(2):
        place.watch()
    (place.inbox / "ferry.txt").unlink()
    place.write("bakery.txt", b"The bakery is closed.\n")
    place.write("early.txt", b"The early bus is late.\n")
    place.watch()
    (place.inbox / "early.txt").unlink()
    place.write("bakery.txt", b"The bakery is closed. The baker sleeps.\n")
    place.write("late.txt", b"The late bus is early, and the baker is late.\n")
    place.watch("--on-change", "retrain")


def copies(place: Place) -> None:
    """Files that are copies of others, as wholes and at their beginning, and in other encodings than UTF-8."""
    every_outcome(place)
    late = (place.inbox / "late.txt").read_bytes()
    place.write("late.txt.gz", gzip.compress(late, mtime=0))
    place.write("late.log", late + b"The last train is late, and the bridge is closed.\n" * 30)
    place.write("orchard.txt", (HERE / "texts" / "orchard.txt").read_text(encoding="utf-8").encode("utf-16"))
    place.watch()
    (place.inbox / "late.log").rename(place.inbox / "late.log.1")
    place.write("late.log", b"The first train is early, and the river is high.\n" * 30)
    place.watch()


def gone(place: Place) -> None:
    """Files that are gone: two that were folded, and one that is still listed."""
    copies(place)
    for name in (LATIN, "late.txt.gz"):
        (place.inbox / name).unlink()
    place.watch("--ledger-keep", "1s")
    time.sleep(2)
    place.watch("--ledger-keep", "1s")
    (place.inbox / "orchard.txt").unlink()
    place.watch("--ledger-keep", "1d")


def continued(place: Place) -> None:
    """Go on from a checkpoint of former code with that of today: what a model began with stays with it."""
    place.checkpoints.mkdir()
    shutil.copyfile(HERE / "with-root.h5", place.checkpoints / "checkpoint-0000000001.h5")
    place.text("orchard.txt")
    place.watch()


RECIPES: dict[str, tuple[str, Callable[[Place], None]]] = {
    "spans-of-128": ("2e8ac52", two_files),
    "whole-numbers": ("2e8ac52", partial(from_python, sample=0, learning_rate=1)),
    "spans-of-64": ("869e7ed", two_files),
    "in-the-middle-rootless": ("9d3a4ee", in_the_middle),
    "with-root": ("1e76c3b", two_files),
    "spans-of-32": ("098b0a4", two_files),
    "spans-of-24": ("c2b6729", two_files),
    "before-scores": ("285d194", two_files),
    "given-up-again": ("35d2890", second_pass_given_up),
    "before-origin": ("bacf2c1", two_files),
    "scored-before-origin": ("93ceb48", scored),
    "coarse-history": ("d50b2e9", two_files),
    "begun-coarse": ("d50b2e9", begun),
    "last-of-1": ("84b5bb0", two_files),
    "continued": ("84b5bb0", continued),
    "in-the-middle": ("84b5bb0", in_the_middle),
    "second-pass": ("84b5bb0", second_pass),
    "every-outcome": ("84b5bb0", every_outcome),
    "scored": ("84b5bb0", scored),
    "begun": ("84b5bb0", begun),
    "begun-untrained": ("84b5bb0", partial(begun, texts=0)),
    "cbow": ("84b5bb0", lambda place: two_files(place, "--architecture", "cbow")),
    "from-python": ("84b5bb0", from_python),
    "nothing-admitted": ("84b5bb0", partial(nothing, text="each word stands here once")),
    "nothing": ("84b5bb0", nothing),
    "last-of-2": ("f70fbc4", two_files),
    "in-the-middle-of-2": ("f70fbc4", in_the_middle),
    "every-outcome-of-3": ("e255096", every_outcome),
    "in-the-middle-of-3": ("e255096", in_the_middle),
    "copies": ("6046c25", copies),
    "in-the-middle-of-4": ("6046c25", in_the_middle),
    "gone": ("a29f36f", gone),
    "in-the-middle-of-5": ("a29f36f", in_the_middle),
    "gone-of-6": ("f864d05", gone),
    "in-the-middle-of-6": ("f864d05", in_the_middle),
    "gone-of-7": ("898bb5c", gone),
    "in-the-middle-of-7": ("898bb5c", in_the_middle),
    "gone-of-8": ("2a849a9", gone),
    "in-the-middle-of-8": ("2a849a9", in_the_middle),
    "gone-of-9": ("62e96be", gone),
    "in-the-middle-of-9": ("62e96be", in_the_middle),
}
"""By name: the commit whose code writes it, and how it is made."""


def facts(folder: Path) -> dict[str, Any]:
    """Return what the code that wrote a checkpoint says of it."""
    import attrs
    import numpy as np

    from streamer import Trainer

    def digest(array: Any) -> str:
        return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()

    trainer = Trainer.resume(folder, threads=1)
    state = getattr(trainer, "state", trainer)  # the trainer itself, before version 2
    model, ledger, history, epochs = state.model, state.ledger, state.history, state.epochs
    vocabulary, embeddings, size = model.vocabulary, model.embeddings, len(model.vocabulary.words)
    scores, origin = getattr(state, "scores", None), getattr(state, "origin", getattr(state, "initial", None))
    rows = ("path", "outcome", "reason", "text_bytes", "words", "bytes_trained", "bytes_skipped", "passes", "offset")
    return {
        "sequence": trainer.sequence,
        "vocabulary": size,
        "candidates": len(vocabulary.candidates),
        "words_counted": vocabulary.total,
        "words_seen": getattr(trainer, "words_seen", vocabulary.total),
        "words_trained": model.words_trained,
        "blocks": model.blocks,
        "words_sha256": hashlib.sha256("".join(f"{word}\n" for word in vocabulary.words).encode()).hexdigest(),
        "counts_sha256": digest(vocabulary.counts),
        "input_sha256": digest(embeddings.input[:size]),
        "output_sha256": digest(embeddings.output[:size]),
        "input_squares_sha256": digest(embeddings.input_squares[:size]),
        "output_squares_sha256": digest(embeddings.output_squares[:size]),
        "noise_words": len(model.noise.counts),
        "noise_due": model.noise.due,
        "settings": attrs.asdict(model.settings),
        "batching": attrs.asdict(model.batching),
        "root": getattr(ledger, "root", None),
        "outcomes": ledger.outcomes(),
        "ledger": [{name: getattr(entry, name) for name in rows} for entry in ledger.entries],
        "history_rows": len(history.rows),
        "history_resolution": history.resolution,
        "job": epochs.job,
        "losses": [list(loss) for loss in epochs.losses],
        "scores": None if scores is None else [list(row) for row in scores.rows],
        "origin": None if origin is None else attrs.asdict(origin),
    }


def continued_with_orchard(folder: Path) -> dict[str, Any]:
    """Return what the code that wrote a checkpoint makes of it with one more text; only known from version 2 on."""
    from streamer import Trainer

    text = (HERE / "texts" / "orchard.txt").read_text(encoding="utf-8")
    model = Trainer.resume(folder, threads=1).partial_fit([text]).state.model
    vocabulary, embeddings = model.vocabulary, model.embeddings
    return {
        "words_counted": vocabulary.total,
        "vocabulary": len(vocabulary.words),
        "candidates": len(vocabulary.candidates),
        "words_trained": model.words_trained,
        "blocks": model.blocks,
        "noise_due": model.noise.due,
        **{
            name: float(abs(getattr(embeddings, name).astype("f8")).sum())
            for name in ("input", "output", "input_squares", "output_squares")
        },
    }


def commit_of(checkout: Path) -> str:
    """Return the commit that a folder is a checkout of."""
    found = subprocess.run(
        ["git", "-C", os.fspath(checkout), "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it, and remove afterwards what was not there before."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(missing[-1])


def write(name: str, inbox: Path) -> None:
    """Make the checkpoint of a name, put it into this folder, and note what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(inbox, Path(folder, "checkpoints"), Path(folder))
        with made(inbox):
            RECIPES[name][1](place)
        newest = max(place.checkpoints.glob("checkpoint-*.h5"))
        expected = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
        continued = expected.get(name, {}).get("continued") or continued_with_orchard(place.checkpoints)
        expected[name] = {"commit": RECIPES[name][0], **facts(place.checkpoints), "continued": continued}
        shutil.copyfile(newest, HERE / f"{name}.h5")
    ordered = {known: expected[known] for known in RECIPES if known in expected}
    EXPECTED.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Write the checkpoint that the command line names."""
    parser = argparse.ArgumentParser(description="Write a checkpoint of former code again.")
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("checkout", type=Path, help="a checkout of the commit that README.md names")
    parser.add_argument("--inbox", type=Path, default=Path("/data/inbox"), help="its name is stored; made and removed")
    given = parser.parse_args()
    wanted = RECIPES[given.name][0]
    if (found := commit_of(given.checkout)) != wanted:
        parser.error(f"{given.checkout} is a checkout of {found}, and {given.name} belongs to {wanted}")
    if given.inbox.exists():
        parser.error(f"{given.inbox} is there already")
    sys.path.insert(0, os.fspath(given.checkout.resolve()))
    sys.dont_write_bytecode = True
    write(given.name, given.inbox)


if __name__ == "__main__":
    main()

"""The versions of the checkpoint format, and the step from each to the next.

A tree of an older version is read completely and taken through the steps, one after the other, before it is used. So
all other code knows the newest version only, and a checkpoint stays readable for ever. A step never changes: it spells
out the keys and values of its time, and uses no code that may change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from streamer.checkpoints import FORMAT_VERSION, Tree
from streamer.state.tree_reader import ANOTHER, NEWER, damaged

FORMAT = "streamer checkpoint"
"""The ``format`` of every checkpoint, whatever its version."""

Step = Callable[[Tree], Tree]


def _from_1(tree: Tree) -> Tree:
    """Rename ``origin/`` to ``initial/``, and add the groups that early checkpoints of version 1 do not have.

    ``tests/state/shapes`` has a checkpoint of each shape of version 1. At first there was no ``ledger/root``, and whole
    numbers could be stored as integers. Then there was no ``scores/``, and then no ``origin/``.
    """
    names = {f"origin/{name}": f"initial/{name}" for name in ("name", "sha256", "words", "words_seen")}
    migrated: Tree = {"ledger/root": "", **{names.get(key, key): leaf for key, leaf in tree.items()}}
    for key in ("settings/sample", "settings/learning_rate"):
        if type(leaf := migrated.get(key)) is int:
            migrated[key] = float(leaf)
    if not any(key.startswith("initial/") for key in migrated):
        migrated |= {"initial/name": "", "initial/sha256": "", "initial/words": 0, "initial/words_seen": 0}
    if not any(key.startswith("scores/") for key in migrated):
        migrated |= {"scores/tests": np.zeros(0, np.uint8), "scores/score": np.zeros(0, np.float64)}
        migrated |= {f"scores/{name}": np.zeros(0, np.int64) for name in ("words_trained", "test", "scored", "rows")}
    return migrated


def _from_2(tree: Tree) -> Tree:
    """Add how texts are cut into words, and the format of each file: until then, there was only one of both."""
    added: Tree = {"settings/tokenizer": "words", "settings/keep_case": False, "settings/min_length": 1}
    added |= {f"settings/{name}": np.zeros(0, np.uint8) for name in ("stop_words", "phrases")}
    added |= {"tokenizer/version": 1, "tokenizer/icu": "", "tokenizer/source": ""}
    outcome = tree.get("ledger/outcome")
    rows = outcome.size if isinstance(outcome, np.ndarray) else 0
    added["ledger/formats"] = np.frombuffer(b"text\0" if rows else b"", np.uint8)
    added["ledger/format"] = np.zeros(rows, np.int32)
    return {**tree, **added}


def _from_3(tree: Tree) -> Tree:
    """Store what only some files need apart, and add what tells of content: until then, files went by their names."""
    old: dict[str, Any] = {key.removeprefix("ledger/"): leaf for key, leaf in tree.items() if key.startswith("ledger/")}
    new: Tree = {key: leaf for key, leaf in tree.items() if not key.startswith("ledger/")}
    try:
        _of_ledger(old, new)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise damaged(f"the ledger is damaged: {error}") from None
    return new


def _of_ledger(old: dict[str, Any], new: Tree) -> None:
    kinds: dict[str, Any] = dict.fromkeys(
        ("size", "mtime_ns", "ctime_ns", "text_bytes", "words", "bytes_trained"), np.int64
    )
    kinds |= dict.fromkeys(("bytes_skipped", "passes", "offset"), np.int64)
    kinds |= {"outcome": np.uint8, "reason": np.int32, "format": np.int32}
    column = {name: old[name] for name in kinds}
    digests, rows = old["sha256"], len(column["outcome"])
    if any(found.dtype != kinds[name] or found.shape != (rows,) for name, found in column.items()):
        raise ValueError("a column has another type or length than the others")
    if digests.dtype != np.uint8 or digests.shape != (rows, 32):
        raise ValueError("sha256 is not a column of digests")
    if rows and min(map(np.min, (column[name] for name in ("text_bytes", "words", "passes", "reason", "format")))) < 0:
        raise ValueError("a row has a negative number")
    size, text, trained, refused = column["size"], column["text_bytes"], column["bytes_trained"], column["outcome"] == 2
    # Sizes of -1 were of files to be read again; that is now said by the time of change.
    size = np.where(size < 0, np.where(text > 0, text, column["bytes_skipped"]), size)
    accounted = np.where(refused, np.where(text > 0, text, size), text)
    reasons = bytes(old["reasons"]).split(b"\0")
    training = column["reason"] == (reasons.index(b"in training") if b"in training" in reasons else -1)
    if (np.where(training, column["bytes_skipped"], accounted - trained - column["bytes_skipped"]) != 0).any():
        raise ValueError("a row accounts for bytes that are not there")
    packed = (size != text) & ~refused
    some = np.flatnonzero(
        (size != text) | (trained != np.where(column["outcome"] == 0, size, 0)) | (column["offset"] != 0)
    )
    whole = digests.copy()
    whole[packed] = 0
    known = (trained > 0) & whole.any(axis=1)
    head = np.zeros(rows, np.uint32)
    head[known] = np.ascontiguousarray(whole[known, :4]).view(">u4")[:, 0]
    head[known & (head == 0)] = 1
    more: Tree = {"row": some.astype(np.int32), "text_bytes": text[some], "bytes_trained": trained[some]}
    more |= {"start": np.zeros(len(some), np.int64), "offset": column["offset"][some]}
    more |= {"source": np.full(len(some), -1, np.int32), "sha256": digests[some]}
    spans: Tree = {"row": np.zeros(0, np.uint32), "start": np.zeros(0, np.int64), "length": np.zeros(0, np.uint32)}
    spans |= {"pass": np.zeros(0, np.uint16), "blocks": np.zeros(0, np.uint32)}
    ledger: Tree = {name: old[name] for name in ("root", "paths", "reasons", "formats", "mtime_ns", "ctime_ns")}
    ledger |= {"outcome": column["outcome"], "size": size, "words": column["words"], "sha256": whole, "head": head}
    ledger |= {"passes": column["passes"].astype(np.uint32), "moved": np.zeros(rows, np.uint8)}
    ledger |= {"reason": column["reason"].astype(np.uint32), "format": column["format"].astype(np.uint32)}
    ledger |= {"encodings": np.frombuffer(b"\0" if rows else b"", np.uint8), "encoding": np.zeros(rows, np.uint32)}
    for group, leaves in (("", ledger), ("more/", more), ("spans/", spans)):
        new.update({f"ledger/{group}{name}": leaf for name, leaf in leaves.items()})


def _from_4(tree: Tree) -> Tree:
    """Add since when files are gone, and what was folded: until then, all files were listed for ever."""
    outcome = tree.get("ledger/outcome")
    rows = outcome.size if isinstance(outcome, np.ndarray) else 0
    added: Tree = {"ledger/gone": np.zeros(rows, np.uint32)}
    added |= {f"ledger/folded/{name}": np.zeros(0, np.uint8) for name in ("formats", "encodings", "reasons")}
    added |= {f"ledger/folded/{name}": np.zeros(0, np.uint32) for name in ("head", "text_bytes", "start", "words")}
    added |= {f"ledger/folded/{name}": np.zeros(0, np.uint32) for name in ("format", "encoding", "reason")}
    added |= {"ledger/folded/passes": np.zeros(0, np.uint16), "ledger/folded/name": np.zeros(0, np.uint64)}
    added |= {"ledger/folded/moved": np.zeros(0, np.uint8), "ledger/folded/sha256": np.zeros((0, 16), np.uint8)}
    return {**tree, **added}


def _from_5(tree: Tree) -> Tree:
    """Add how the number of chunks under way grows: until then, it was always the same."""
    group = tree.get("batching/group")
    return {**tree, "settings/max_group": group if isinstance(group, int) else 1, "batching/growth": 500_000}


def _from_6(tree: Tree) -> Tree:
    """Add lanes: until then, there was only one."""
    return {**tree, "settings/lanes": 1, "settings/lane_size": 40_000}


def _from_7(tree: Tree) -> Tree:
    """Add the bound on candidates: until then, all were remembered for ever."""
    counts = tree.get("candidates/counts")
    added: Tree = {"candidates/errors": np.zeros(counts.size if isinstance(counts, np.ndarray) else 0, np.int64)}
    added |= {"candidates/floor": 0, "candidates/forgotten": 0, "settings/max_candidates": 0}
    added |= {"bounds/blocks": np.zeros(1, np.int64), "bounds/max_candidates": np.zeros(1, np.int64)}
    return {**tree, **added}


def _from_8(tree: Tree) -> Tree:
    """Add the bound on the vocabulary, and cold words: until then, all words stayed in it."""
    blocks, size = tree.get("bounds/blocks"), tree.get("settings/vector_size")
    dimensions = size if isinstance(size, int) and 0 < size <= 10_000 else 1
    added: Tree = {"settings/max_vocabulary": 0, "vocabulary/use": np.zeros(0, np.int64), "vocabulary/halve_at": 0}
    added["bounds/max_vocabulary"] = np.zeros(blocks.size if isinstance(blocks, np.ndarray) else 0, np.int64)
    added |= dict.fromkeys(("cold/word_count", "cold/words_seen", "cold/left", "cold/returned"), 0)
    added |= {"cold/segments": np.zeros(0, np.uint8), "cold/words": np.zeros(0, np.uint8)}
    added["cold/sizes"] = np.zeros(0, np.int64)
    added |= {"cold/hashes": np.zeros(0, np.uint64), "cold/counts": np.zeros(0, np.int64)}
    added |= {"cold/vectors": np.zeros((0, 2, dimensions), np.float32), "cold/squares": np.zeros((0, 2), np.float32)}
    return {**tree, **added}


def _from_9(tree: Tree) -> Tree:
    """Add snapshots, their clock, where words come from, judgements, where spans end, and what was given up."""
    spans = tree.get("ledger/spans/row")
    added: Tree = {f"snapshots/{name}": np.zeros(0, np.int64) for name in ("number", "words_seen", "words_trained")}
    added |= {"snapshots/vocabulary": np.zeros(0, np.int64), "snapshots/date": np.zeros(0, np.float64)}
    added |= {"snapshots/files": np.zeros(0, np.uint8), "snapshots/last": 0, "snapshots/clock": float("-inf")}
    added["snapshots/by_texts"] = False
    counts = tree.get("vocabulary/counts")
    words = counts.size if isinstance(counts, np.ndarray) else 0
    added |= {f"sources/{name}": np.full(words, -1, np.int32) for name in ("first", "last")}
    added |= {f"sources/{name}_date": np.full(words, -(1 << 31), np.int32) for name in ("first", "last")}
    added |= {"sources/files": np.zeros(words, np.uint32), "sources/run": np.zeros(words, np.float32)}
    added |= {"sources/movers": np.full((words, 3), -1, np.int32), "sources/moves": np.zeros((words, 3), np.float32)}
    added["sources/anew"] = np.zeros(words, np.uint8)
    added |= {f"judgements/{name}": np.zeros(0, np.float64) for name in ("loss", "order", "unknown", "repeated")}
    added |= {"judgements/shorter": 0, "judgements/unusual": 0}
    added |= {f"judgements/{name}": np.zeros(0, np.uint8) for name in ("files", "reasons")}
    added |= {"judgements/begun": "", "judgements/waived": ""}
    added |= {"given_up/after": np.zeros(0, np.int64), "given_up/before": np.zeros(0, np.int64)}
    added["ledger/spans/ended"] = np.full(spans.size if isinstance(spans, np.ndarray) else 0, 2, np.uint8)
    return {**tree, **added}


STEPS: dict[int, Step] = {
    1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4, 5: _from_5, 6: _from_6, 7: _from_7, 8: _from_8, 9: _from_9,
}  # fmt: skip
"""For each version except the newest, the step to the next: it takes a complete tree and returns another."""


def migrate(tree: Tree) -> Tree:
    """Return a tree in the newest version; the given tree is not changed.

    Raises:
        StreamerError: 65 if it is not a checkpoint, or has a version that this program does not know.
    """
    name, version = tree.get("format"), tree.get("format_version")
    if not isinstance(name, str) or name != FORMAT:
        raise damaged("it is not a streamer checkpoint")
    if not isinstance(version, int) or isinstance(version, bool):
        raise damaged("format_version is missing or not an integer")
    if not min(STEPS) <= version <= FORMAT_VERSION:
        newer = version > FORMAT_VERSION
        raise damaged(
            f"its format version is {version}, and this version of streamer reads up to {FORMAT_VERSION}",
            NEWER if newer else ANOTHER,
        )
    for number in range(version, FORMAT_VERSION):
        tree = STEPS[number](tree)
    return {**tree, "format_version": FORMAT_VERSION}

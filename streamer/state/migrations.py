"""The versions of the checkpoint format, and the step from each to the next.

A tree of an older version is read completely and taken through the steps, one after the other, before it is used. So
all other code knows the newest version only, and a checkpoint stays readable for ever. A step never changes: it spells
out the keys and values of its time, and uses no code that may change.
"""

from __future__ import annotations

from collections.abc import Callable

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
    """Add the encoding of each file: which it was, nobody wrote down."""
    outcome = tree.get("ledger/outcome")
    rows = outcome.size if isinstance(outcome, np.ndarray) else 0
    added: Tree = {"ledger/encodings": np.frombuffer(b"\0" if rows else b"", np.uint8)}
    added["ledger/encoding"] = np.zeros(rows, np.int32)
    return {**tree, **added}


STEPS: dict[int, Step] = {1: _from_1, 2: _from_2, 3: _from_3}
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

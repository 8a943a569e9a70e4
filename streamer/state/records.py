"""What a state has beside the model and the ledger, as leaves of a tree, and back again: curves, scores, sources.

``docs/checkpoint-format.md`` lists the keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from streamer.checkpoints import Tree
from streamer.ledger.register import FrozenLedger
from streamer.model.judging import Figures
from streamer.model.sgns import Loss
from streamer.model.sources import COLUMNS as SOURCES
from streamer.model.sources import MOVERS, NAMELESS, NO_FILE, WIDE, Columns, renumbered
from streamer.state import history, judgements, scores
from streamer.state.epochs import EpochLosses
from streamer.state.given_up import GivenUp
from streamer.state.history import COLUMNS, History
from streamer.state.initial import InitialVectors
from streamer.state.judgements import Judgements
from streamer.state.scores import Scores
from streamer.state.tokenizing import TokenizerRecord
from streamer.state.tree_reader import NEWER, TreeReader, damaged, grouped, record, to_blob
from streamer.text.tokenizers import newest_version


def history_leaves(past: History) -> Tree:
    """Return the history as leaves of a tree."""
    return {"history/resolution": past.resolution, **grouped("history", past.to_arrays())}


def read_history(read: TreeReader, words_seen: int, words_trained: int) -> History:
    """Return the history, if it can end at these numbers of words."""
    rows = len(read.array(f"history/{COLUMNS[0]}", np.float64, (None,)))
    columns = {
        name: read.floats(f"history/{name}", np.float64, (rows,), low=-np.inf if name == "loss_total" else 0.0)
        for name in COLUMNS
    }
    now = {"words_seen": words_seen, "words_trained": words_trained}
    if rows >= history.LIMIT or any((np.diff(columns[name], append=end) < 0).any() for name, end in now.items()):
        raise damaged(f"the {rows} rows of history/ do not fit the words that the model has seen and trained")
    return History.from_arrays(columns, read.count("history/resolution", low=1))


def scores_leaves(found: Scores) -> Tree:
    """Return the scores as leaves of a tree."""
    return {"scores/tests": to_blob(found.tests), **grouped("scores", found.to_arrays())}


def read_scores(read: TreeReader, words_trained: int) -> Scores:
    """Return the scores over the stream, if they can have been measured before so many words were trained."""
    tests = read.words("scores/tests")
    at = read.counts("scores/words_trained", None, low=0)
    columns = {
        "words_trained": at,
        "test": read.counts("scores/test", len(at), low=0),
        "score": read.floats("scores/score", np.float64, (len(at),)),
        "scored": read.counts("scores/scored", len(at), low=0),
        "rows": read.counts("scores/rows", len(at), low=0),
    }
    if len(at) >= scores.LIMIT or (columns["test"] >= len(tests)).any():
        raise damaged(f"scores/ has {len(at)} rows and {len(tests)} tests: too many rows, or a row without a test")
    if (np.abs(columns["score"]) > 1.000001).any() or (columns["scored"] > columns["rows"]).any():
        raise damaged("scores/ has scores above 1, or more scored rows than rows")
    if (np.diff(at, append=words_trained) < 0).any():
        raise damaged(f"the {len(at)} rows of scores/ do not fit the words that the model has trained")
    return Scores.from_arrays(tests, columns)


def initial_leaves(initial: InitialVectors) -> Tree:
    """Return the record of the initial vectors as leaves of a tree."""
    return grouped("initial", attrs.asdict(initial))


def read_initial(read: TreeReader, words_seen: int) -> InitialVectors:
    """Return the record of the initial vectors, if it fits the words that the model has seen."""
    initial = read.record("initial", InitialVectors)
    if not 0 <= initial.words <= initial.words_seen <= words_seen:
        raise damaged(f"initial/ has {initial.words} words, seen {initial.words_seen} times, of {words_seen} seen")
    return initial


def epochs_leaves(epochs: EpochLosses) -> Tree:
    """Return the losses of the epochs under way as leaves of a tree."""
    return {"epochs/job": epochs.job, "epochs/losses": np.array(epochs.losses, np.float64).reshape(-1, 2)}


def read_epochs(read: TreeReader) -> EpochLosses:
    """Return the losses of the epochs under way."""
    losses = read.floats("epochs/losses", np.float64, (None, 2)).tolist()
    return EpochLosses(read.string("epochs/job"), [Loss(*row) for row in losses])


def tokenizer_leaves(version: TokenizerRecord) -> Tree:
    """Return the version of the tokenizer as leaves of a tree."""
    return record("tokenizer", version)


def read_tokenizer(read: TreeReader) -> TokenizerRecord:
    """Return the version of the tokenizer."""
    found = read.record("tokenizer", TokenizerRecord)
    if not 1 <= found.version <= newest_version(read.string("settings/tokenizer")):
        raise damaged(f"tokenizer/version is {found.version}, which this version of streamer does not have", NEWER)
    return found


_KEY = re.compile("([0-9a-f]{64})?")


def judgements_leaves(known: Judgements) -> Tree:
    """Return the judgements of files as leaves of a tree."""
    leaves: Tree = {"files": _texts(known.flagged), "reasons": _texts(known.flagged.values())}
    leaves |= {"shorter": len(known.shorter), "unusual": known.unusual, "begun": known.begun, "waived": known.waived}
    return grouped("judgements", {**known.to_arrays(), **leaves})


def read_judgements(read: TreeReader) -> Judgements:
    """Return the judgements of files."""
    rows = len(read.array(f"judgements/{Figures._fields[0]}", np.float64, (None,)))
    columns = {name: read.floats(f"judgements/{name}", np.float64, (rows,)) for name in Figures._fields}
    shorter = read.count("judgements/shorter", high=judgements.LIMIT)
    if not 0 <= rows - shorter <= judgements.LIMIT:
        raise damaged(f"judgements/shorter is {shorter}, of {rows} files, and at most {judgements.LIMIT} of each kind")
    for name in ("unknown", "repeated"):
        if rows and not 0 <= columns[name].min() <= columns[name].max() <= 1:
            raise damaged(f"judgements/{name} has shares that are not from 0 to 1")
    keys = {name: _key(read, f"judgements/{name}") for name in ("begun", "waived")}
    return Judgements.from_arrays(
        columns, shorter, flagged=read_flagged(read), unusual=read.count("judgements/unusual"), **keys
    )


def read_flagged(read: TreeReader) -> dict[str, str]:
    """Return the last files that were unusual, and why."""
    files, reasons = (_read_texts(read, f"judgements/{name}") for name in ("files", "reasons"))
    if len(set(files)) < len(files) or len(files) != len(reasons) or len(files) > judgements.FLAGGED:
        raise damaged(f"judgements/files has {len(files)} names, or one of them twice, and {len(reasons)} reasons")
    return dict(zip(files, reasons, strict=True))


def _key(read: TreeReader, key: str) -> str:
    found = read.string(key)
    if not _KEY.fullmatch(found):
        raise damaged(f"{key} is not a digest")
    return found


def _texts(texts: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Return texts, which may be names that are not UTF-8, each followed by a NUL: (bytes,) uint8."""
    return np.frombuffer("".join(f"{text}\0" for text in texts).encode("utf-8", "surrogatepass"), np.uint8)


def _read_texts(read: TreeReader, key: str) -> list[str]:
    try:
        *texts, rest = read.array(key, np.uint8, (None,)).tobytes().decode("utf-8", "surrogatepass").split("\0")
    except UnicodeDecodeError:
        rest = key
    if rest:
        raise damaged(f"{key} is not a list of texts")
    return texts


def given_up_leaves(given_up: GivenUp) -> Tree:
    """Return the checkpoints that were given up as leaves of a tree."""
    return grouped("given_up", given_up.to_arrays())


def read_given_up(read: TreeReader, sequence: int) -> GivenUp:
    """Return the checkpoints that were given up, all of which have lower numbers than this one."""
    after = read.counts("given_up/after", None, low=0)
    before = read.counts("given_up/before", len(after), low=1)
    if (after >= before).any() or before.max(initial=0) > sequence:
        raise damaged("given_up/ has numbers that are not in order, or higher than sequence")
    return GivenUp(list(zip(after.tolist(), before.tolist(), strict=True)))


def sources_leaves(columns: Mapping[str, npt.NDArray[Any]], ledger: FrozenLedger) -> dict[str, Any]:
    """Return the record of where words come from as leaves of a group, with the numbers that rows have when stored."""
    number = ledger.numbers()
    return {**columns, **({} if number is None else renumbered(columns, number))}


def read_sources(read: TreeReader, words: int, rows: int) -> Columns:
    """Return the record of where words come from, if it can be that of so many words and rows of the ledger."""
    found: Columns = {}
    for name, (kind, nothing) in SOURCES.items():
        key, shape = f"sources/{name}", (words, MOVERS) if name in WIDE else (words,)
        if kind is np.float32:
            found[name] = read.floats(key, kind, shape, low=0)
            continue
        column = found[name] = read.array(key, kind, shape)
        if nothing == NO_FILE and ((column < NAMELESS) | (column >= rows)).any():
            raise damaged(f"{key} has a row that is not in the ledger, which has {rows}")
    if words and found["anew"].max() > 1:
        raise damaged(f"sources/anew has {found['anew'].max()}, not 0 or 1")
    seen = found["last"] != NO_FILE
    if ((found["files"] > 0) != seen).any() or ((found["first"] != NO_FILE) & ~seen).any():
        raise damaged("sources/files, sources/first and sources/last do not agree on which words files had")
    movers = np.sort(found["movers"], axis=1)
    if ((movers[:, 1:] == movers[:, :-1]) & (movers[:, 1:] >= 0)).any():
        raise damaged("sources/movers has a file twice for one word")
    if ((found["moves"] > 0) != (found["movers"] != NO_FILE)).any():
        raise damaged("sources/moves has a number without a file in sources/movers, or the other way around")
    return found

"""Cold words: what leaves comes back as it was, however often, and whatever batches are merged in between."""

from __future__ import annotations

import random

import numpy as np
import pytest

from streamer.model import cold
from streamer.model.cold import Batch, Cold, Rows, hashes_of, merged


def rows_of(words: list[str], at: int) -> Rows:
    """Return rows in which each number tells the word and the time at which it left."""
    seeds = np.array([int(word[1:]) for word in words], np.int64)
    vectors = (seeds[:, None, None] + np.float32(at) / 64 + np.arange(6).reshape(2, 3)).astype(np.float32)
    return Rows(seeds + at + 1, vectors, vectors[:, :, 0] + 1)


def same(one: Rows, other: Rows) -> bool:
    """Say whether rows are equal."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("counts", "array", "squares"))


@pytest.mark.parametrize("full", [1, 400, 2_000, 1 << 20])
def test_words_come_back_as_they_left(full: int) -> None:
    """A hundred words leave and come back at random: each has the row of the last time, and the sums are right."""
    rng, store = random.Random(full), Cold(full)
    inside, outside = {f"w{number}" for number in range(100)}, dict[str, int]()
    left = returned = 0
    for at in range(150):
        leave = sorted(rng.sample(sorted(inside), rng.randint(0, len(inside) // 2)))
        inside -= set(leave)
        if leave:
            store.put(leave, rows_of(leave, at), inside)
        outside |= dict.fromkeys(leave, at)
        left += len(leave)
        come = rng.sample(sorted(outside), rng.randint(0, len(outside) // 2))
        asked = [*come, "w1000", "w1001"]
        rng.shuffle(asked)
        positions, found = store.take(asked)
        assert [asked[position] for position in positions.tolist()] == [word for word in asked if word in outside]
        for number, position in enumerate(positions.tolist()):
            assert found is not None
            word = asked[position]
            assert same(found.take(np.array([number])), rows_of([word], outside[word])), word
        inside |= set(come)
        returned += len(come)
        for word in come:
            del outside[word]
        counts = sum(int(rows_of([word], at).counts[0]) for word, at in outside.items())
        assert (store.words, store.seen, store.left, store.returned) == (len(outside), counts, left, returned)
        assert store.left - store.returned == store.words
    assert len(store.segments) < 8 * 4, "segments are merged"
    assert len(store.recent) < 2 * cold.FAN
    assert bool(store.segments) == (full < 1 << 20)


def test_merging_leaves_out_what_means_nothing_any_more() -> None:
    """Rows of words that are in the vocabulary, and older rows of a word, are in no segment that is merged."""
    store = Cold(1)
    for at in range(cold.FAN):
        store.put(["w1", f"w{at + 2}"], rows_of(["w1", f"w{at + 2}"], at), {"w3"} if at == cold.FAN - 1 else set())
    [segment] = store.segments
    assert sorted(segment.words()) == sorted(f"w{at}" for at in range(1, cold.FAN + 2) if at != 3)
    assert same(store.find(["w1"])[1] or Rows.none(3), rows_of(["w1"], cold.FAN - 1))


def test_words_are_compared_and_not_only_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one hash for all words, each still finds its own row, and an unknown one finds none."""
    monkeypatch.setattr(cold, "hashes_of", lambda words: np.full(len(list(words)), 7, np.uint64))
    words = [f"w{number}" for number in range(9)]
    batch = Batch.of(words, rows_of(words, 0))
    asked = ["w3", "w99", "w8", "w", "w0"]
    at = batch.find(asked, np.full(5, 7, np.uint64))
    assert at.tolist()[1] == at.tolist()[3] == -1
    assert [batch.words()[row] for row in at.tolist() if row >= 0] == ["w3", "w8", "w0"]


def test_hashes_are_the_same_everywhere() -> None:
    """They are stored: neither the process nor the machine may change them."""
    assert hashes_of(["a", "straße"]).tolist() == [3405396810240292928, 9896309342109916002]
    assert hashes_of([]).dtype == np.uint64


def test_merged_rows_are_copied_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge of merges, and parts of it in any order, are the rows themselves; nothing is copied before."""
    monkeypatch.setattr(cold, "PIECE", 100)
    first = [Batch.of([f"w{number}"], rows_of([f"w{number}"], 0)) for number in range(6)]
    whole = merged([merged(first[:4]), merged([*first[3:], Batch.of(["w1"], rows_of(["w1"], 9))])])
    assert isinstance(whole.rows.vectors, cold.Gathered)
    expected = {word: rows_of([word], 9 if word == "w1" else 0) for word in whole.words()}
    assert sorted(expected) == [f"w{number}" for number in range(6)]
    vectors = np.concatenate([expected[word].array for word in whole.words()])
    pieces = list(whole.rows.vectors.pieces())
    assert len(pieces) > 1 and np.array_equal(np.concatenate(pieces), vectors) and whole.rows.vectors.nbytes == 6 * 24
    assert np.array_equal(whole.rows.array, vectors) and whole.rows.vectors.shape == vectors.shape
    some = np.array([4, 0, 4])
    assert np.array_equal(whole.rows.take(some).array, vectors[some])
    assert same(whole.copied().rows, Rows(whole.rows.counts, vectors, whole.rows.squares))


def test_batches_of_any_script() -> None:
    """Words are found by their bytes, in any language, with spaces too."""
    words = ["w1", "naïve", "東京", "new york", "Ω", "e\u0301", "é"]
    rows = Rows(np.arange(7) + 1, np.arange(42, dtype=np.float32).reshape(7, 2, 3), np.ones((7, 2), np.float32))
    batch = merged([Batch.of(words, rows)])
    at = batch.find(words, hashes_of(words))
    assert (at >= 0).all() and same(batch.rows.take(at), rows)

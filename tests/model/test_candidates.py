"""Candidates against a plain dictionary and plain rules; and what is promised of the bound, on streams without end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import candidates as module
from streamer.model.candidates import Candidates
from streamer.model.vocabulary import Vocabulary

from ..support.texts import encode

WORDS = st.sampled_from([*"abcdefghijklmnopqrst", "word", "слово", "言葉", "e\u0301", "a b", "𝔸"])
BLOCKS = st.lists(st.lists(WORDS, max_size=30), max_size=12)


class Plain:
    """The rules, as they are written down."""

    def __init__(self, limit: int) -> None:
        self.limit, self.floor, self.forgotten = limit, 0, 0
        self.rows: dict[str, tuple[int, int]] = {}

    def count(self, words: Counter[str], enough: int) -> list[tuple[str, int]]:
        """Count a block; return what is admitted."""
        admitted = []
        for word, times in words.items():
            count, error = self.rows.get(word, (0, self.floor))
            if count + times >= enough:
                self.rows.pop(word, None)
                admitted.append((word, count + times))
            else:
                self.rows[word] = count + times, error
        return admitted

    def forget(self) -> None:
        """Forget what is too much."""
        if self.limit and len(self.rows) > self.limit:
            order = sorted(self.rows, key=lambda word: sum(self.rows[word]))  # stable: the oldest first
            for word in order[: len(self.rows) - (self.limit - self.limit // 8)]:
                count, error = self.rows.pop(word)
                self.floor, self.forgotten = max(self.floor, count + error), self.forgotten + count


def count(found: Candidates, block: Counter[str], enough: int) -> list[tuple[str, int]]:
    """Count a block; return what is admitted."""
    words = list(block)
    positions, counts = found.count(words, np.array([block[word] for word in words], np.int64), enough)
    return [(words[position], number) for position, number in zip(positions, counts, strict=True)]


def same(found: Candidates, plain: Plain) -> None:
    """Compare all that can be asked."""
    assert list(found.items()) == [(word, count) for word, (count, _) in plain.rows.items()]
    assert found.counts().tolist() == [count for count, _ in plain.rows.values()]
    assert found.errors().tolist() == [error for _, error in plain.rows.values()]
    assert found.text().tobytes() == "".join(f"{word}\n" for word in plain.rows).encode()
    assert (len(found), found.floor, found.forgotten) == (len(plain.rows), plain.floor, plain.forgotten)


def restored(found: Candidates, limit: int | None = None) -> Candidates:
    """Return what comes back from a checkpoint, perhaps with another bound."""
    again = Candidates(found.limit if limit is None else limit)
    again.restore(list(found), found.counts(), found.errors(), found.floor, found.forgotten)
    return again


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("hashing", ["as it is", "all equal", "two bits"])
@settings(deadline=None, max_examples=30)
@given(blocks=BLOCKS, limit=st.integers(0, 12), enough=st.integers(1, 5), stop=st.integers(0, 11))
def test_they_are_what_plain_rules_make_of_a_stream(
    hashing: str, many: bool, blocks: list[list[str]], limit: int, enough: int, stop: int
) -> None:
    """Words, counts, errors, order, floor, what is admitted when; also if words share hashes, and after a restart."""
    with pytest.MonkeyPatch.context() as patched:
        bits = {"as it is": -1, "two bits": 3, "all equal": 0}[hashing]
        patched.setattr(module, "hash", lambda word: hash(word) & bits, raising=False)
        if many:
            patched.setattr(module, "MANY", 1)
        found, plain = Candidates(limit), Plain(limit)
        for number, block in enumerate(blocks):
            if number == stop:
                found = restored(found)
            assert count(found, Counter(block), enough) == plain.count(Counter(block), enough)
            found.forget()
            plain.forget()
            same(found, plain)
        assert {word: found[word] for word in plain.rows} == dict(found)
        assert "never there" not in found and found.get("\n") is None


def test_many_words() -> None:
    """Through many enlargements of each array, with words that leave and come back."""
    rng = np.random.default_rng(3)
    found, plain = Candidates(20_000), Plain(20_000)
    for _ in range(40):
        block = Counter(f"word{number}" for number in rng.zipf(1.2, 4000).tolist())
        assert count(found, block, 5) == plain.count(block, 5)
        found.forget()
        plain.forget()
    same(found, plain)
    same(restored(found), plain)
    assert plain.floor > 0


def stream(blocks: int, ids: float) -> Iterator[Counter[str]]:
    """Return blocks of 5,000 words of which a share are seen once and never again; the others drift."""
    rng = np.random.default_rng(9)
    for number in range(blocks):
        unique = int(5_000 * ids)
        words = (rng.zipf(1.15, 5_000 - unique) % 50_000 + 400 * number).tolist()
        yield Counter([*(f"w{word}" for word in words), *(f"id-{number}-{one}" for one in range(unique))])


@pytest.mark.parametrize("limit", [1_000, 8_000])
def test_what_is_promised(limit: int) -> None:
    """Nothing frequent is lost, no count is too high, none too low by more than its error, no unique word admitted."""
    vocabulary, true, enough = Vocabulary(5, limit), Counter[str](), 5
    keep = limit - limit // 8
    for block in stream(60, 0.2):
        true += block
        vocabulary.observe(list(block), list(block.values()))
        found = vocabulary.candidates
        assert len(found) <= limit
        assert found.floor <= vocabulary.total / keep, "the floor is bounded by the words that were counted"
        counts = {**found, **dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))}
        errors = dict(zip(found, found.errors().tolist(), strict=True))
        for word, times in true.items():
            if word in vocabulary.index:
                assert times - found.floor <= counts[word] <= times, word
            elif word in errors:
                assert counts[word] <= times <= counts[word] + errors[word], word
            else:
                assert times <= found.floor, word
            assert times < found.floor + enough or word in vocabulary.index, word
        assert sum(counts.values()) + found.forgotten == vocabulary.total == true.total()
    assert found.floor > 1 and found.forgotten > 0
    assert not [word for word in vocabulary.words if word.startswith("id-")]


def test_the_bound_holds_only_at_the_end_of_a_block() -> None:
    """So what is forgotten does not depend on the order within one."""
    vocabulary = Vocabulary(3, 8)
    for text in ("a b c d e f g h", "i j k l m n o p a q q q"):
        encoded = encode(text)
        vocabulary.observe(encoded.words, np.bincount(encoded.codes))
    assert vocabulary.candidates == {"a": 2, "k": 1, "l": 1, "m": 1, "n": 1, "o": 1, "p": 1}
    assert (vocabulary.words, vocabulary.candidates.forgotten) == (["q"], 9)


def test_another_bound_after_a_restart() -> None:
    """A lower one holds from the end of the next block on, none at all from now on; the floor stays."""
    found = Candidates()
    count(found, Counter(f"w{number}" for number in range(100)), 5)
    found.forget()
    assert len(found) == 100
    found = restored(found, 16)
    found.forget()
    assert list(found) == [f"w{number}" for number in range(86, 100)] and found.floor == 1
    found = restored(found, 0)
    count(found, Counter(f"v{number}" for number in range(100)), 5)
    found.forget()
    assert len(found) == 114 and found.errors().tolist() == [0] * 14 + [1] * 100


def test_memory_of_a_candidate() -> None:
    """All arrays together, without room for more: at most 60 bytes, for words of 16 bytes."""
    found = Candidates()
    for part in range(20):
        words = [f"{part:04x}-{number:011x}" for number in range(10_000)]
        found.count(words, np.ones(len(words), np.int64), 5)
    arrays = found._times, found._errors, found._hashes, found._ends, found._text, found._table
    used = sum(sys.getsizeof(array) for array in arrays)
    assert used / len(found) <= 60

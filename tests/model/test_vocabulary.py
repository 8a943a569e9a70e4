"""Counting, admission, and ids that never move."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import numpy as np

from streamer.model.vocabulary import Vocabulary


def observe(vocabulary: Vocabulary, text: str) -> list[int]:
    """Count the words of a text; return their ids in order of first appearance."""
    counts = Counter(text.split())
    ids: list[int] = vocabulary.observe(list(counts), list(counts.values())).tolist()
    return ids


def test_a_word_is_admitted_when_its_count_over_all_blocks_reaches_the_minimum() -> None:
    """Occurrences in different blocks add up; the block that completes them admits the word, with its whole count."""
    vocabulary = Vocabulary(3)
    assert observe(vocabulary, "a b a") == [-1, -1]
    assert vocabulary.candidates == {"a": 2, "b": 1}
    assert observe(vocabulary, "b a") == [-1, 0]
    assert (vocabulary.words, vocabulary.counts.tolist(), dict(vocabulary.candidates)) == (["a"], [3], {"b": 2})
    assert observe(vocabulary, "c c c b") == [1, 2]
    assert (vocabulary.words, vocabulary.counts.tolist(), dict(vocabulary.candidates)) == (
        ["a", "c", "b"],
        [3, 3, 3],
        {},
    )


def test_words_are_admitted_in_order_of_first_appearance_in_the_block() -> None:
    """Of the words one block admits, the one that stands first in it gets the lowest id."""
    vocabulary = Vocabulary(2)
    observe(vocabulary, "z y x")
    assert observe(vocabulary, "w x z w y") == [0, 1, 2, 3]
    assert vocabulary.words == ["w", "x", "z", "y"]


def test_a_minimum_of_one_admits_at_once() -> None:
    """With min_count 1 there are no candidates."""
    vocabulary = Vocabulary(1)
    assert observe(vocabulary, "a b a") == [0, 1]
    assert vocabulary.candidates == {}


def test_a_long_stream_is_counted_as_a_counter_would() -> None:
    """Over many blocks and thousands of words: exact counts, no word lost, ids that never move."""
    rng = random.Random(4)
    vocabulary, seen = Vocabulary(4), Counter[str]()
    for _ in range(60):
        block = [str(rng.randrange(rng.choice([40, 3000, 9000]))) for _ in range(500)]
        before = list(vocabulary.words)
        ids = observe(vocabulary, " ".join(block))
        seen.update(block)
        assert vocabulary.words[: len(before)] == before
        assert ids == [vocabulary.index.get(word, -1) for word in dict.fromkeys(block)]
    assert len(vocabulary) > 1024  # the counts have been made room for at least once
    admitted = {word: count for word, count in seen.items() if count >= 4}
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == admitted
    assert vocabulary.candidates == {word: count for word, count in seen.items() if count < 4}
    assert vocabulary.total == seen.total()
    assert vocabulary.index == {word: number for number, word in enumerate(vocabulary.words)}


def test_looking_up_counts_nothing() -> None:
    """Words are found, −1 for candidates and strangers, and no count moves."""
    vocabulary = Vocabulary(2)
    observe(vocabulary, "a b c c b")
    assert vocabulary.lookup(["c", "x", "a", "b"]).tolist() == [1, -1, -1, 0]
    assert (vocabulary.total, vocabulary.counts.tolist(), dict(vocabulary.candidates)) == (5, [2, 2], {"a": 1})


def test_a_restored_vocabulary_goes_on_as_the_first() -> None:
    """After a restore, more words than the arrays had room for are admitted, as if nothing had happened."""
    first, second = Vocabulary(2), Vocabulary(2)
    many = " ".join(f"w{number}" for number in range(1500))
    for text in ("a b a", f"{many} {many} b"):
        observe(first, text)
    second.restore(list(first.words), first.counts.copy(), first.total)
    waiting = first.candidates
    second.candidates.restore(list(waiting), waiting.counts(), waiting.errors(), 0, 0)
    for vocabulary in (first, second):
        observe(vocabulary, "new a new old")
        observe(vocabulary, "old b " + many)
    assert first.words == second.words
    assert first.index == second.index
    assert first.candidates == second.candidates
    assert first.total == second.total
    np.testing.assert_array_equal(first.counts, second.counts)


def test_words_used_least_leave() -> None:
    """Against a slow vocabulary with exact fractions: who leaves, in what order those who stay are, and when."""
    rng, vocabulary = random.Random(4), Vocabulary(2, 0, 20)
    words: list[str] = []
    use: dict[str, Fraction] = {}
    waiting: Counter[str] = Counter()
    halvings = 0
    for at in range(400):
        text = [f"w{int(rng.paretovariate(0.6)) % 90 + at // 40}" for _ in range(30)]
        ids = observe(vocabulary, " ".join(text))
        for word, count in Counter(text).items():
            if word in use:
                use[word] += count
            else:
                waiting[word] += count
                if waiting[word] >= 2:
                    words.append(word)
                    use[word] = Fraction(waiting.pop(word))
        assert ids == [words.index(word) if word in use else -1 for word in dict.fromkeys(text)]
        if vocabulary.total // (64 * 20) > halvings:
            halvings += 1
            use = {word: Fraction(int(found * 2**15), 2**16) for word, found in use.items()}
        leaving = vocabulary.leaving()
        assert bool(len(leaving)) == (len(words) > 20)
        if len(leaving):
            gone = sorted(words, key=lambda word: (use[word], words.index(word)))[: len(words) - 19]
            assert leaving.tolist() == sorted(map(words.index, gone))
            assert sorted(vocabulary.remove(leaving)) == sorted(gone)
            words = [word for word in words if word not in gone]
            for word in gone:
                del use[word]
        assert vocabulary.words == words
        assert [Fraction(found, 2**16) for found in vocabulary.use.tolist()] == [use[word] for word in words]
        assert vocabulary.index == {word: number for number, word in enumerate(words)}
    assert halvings >= 5


def test_a_bound_that_is_set_later_begins_with_the_counts() -> None:
    """A model that had no bound knows counts only: those used least are those seen least."""
    vocabulary = Vocabulary(1, 0, 3)
    vocabulary.restore(["a", "b", "c", "d"], np.array([4, 1, 3, 2]), 10)
    assert vocabulary.halve_at == 10 + 64 * 3
    assert vocabulary.leaving().tolist() == [1]
    vocabulary.remove(vocabulary.leaving())
    assert (vocabulary.words, vocabulary.counts.tolist()) == (["a", "c", "d"], [4, 3, 2])
    assert observe(vocabulary, "b d e") == [3, 2, 4]
    assert vocabulary.counts.tolist() == [4, 3, 3, 1, 1]

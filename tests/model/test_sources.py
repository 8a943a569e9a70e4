"""Where words come from, against a slow record in plain Python dictionaries."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import attrs
import numpy as np
import pytest

from streamer.model.learner import Learner, ModelState
from streamer.model.sources import (
    COLUMNS,
    MOVERS,
    NAMELESS,
    NO_DATE,
    NO_FILE,
    NOWHERE,
    SETTLED,
    Source,
    Sources,
    in_minutes,
    renumbered,
)
from streamer.settings import ModelSettings

from .reference import Block

SETTINGS = ModelSettings(vector_size=4, window=2, min_count=2, sample=0.0, seed=3, max_candidates=0)


@attrs.define
class Slow:
    """What is known of a word, in plain Python."""

    first: int = NO_FILE
    first_date: int = NO_DATE
    last: int = NO_FILE
    last_date: int = NO_DATE
    files: int = 0
    run: float = 0.0
    moved: dict[int, float] = attrs.field(factory=dict)

    def see(self, source: Source, before: int, after: int, *, new: bool) -> None:
        """Record that a block of a file had the word."""
        if new:
            self.first, self.first_date = source
        if self.last != source.row:
            self.files, self.run = self.files + 1, 0.0
        self.last, self.last_date = source
        if new or before < SETTLED:
            return
        change = math.log(after / before)
        self.run += change
        if source.row in self.moved:
            self.moved[source.row] += change
            return
        if len(self.moved) == MOVERS:
            least = min(self.moved, key=self.moved.__getitem__)
            if self.run <= self.moved[least]:
                return
            del self.moved[least]
        self.moved[source.row] = self.run


class SlowRecord:
    """The records of all words of a model that trains the same blocks."""

    def __init__(self) -> None:
        self.words: dict[str, Slow] = {}
        self.seen = Counter[str]()

    def see(self, block: Block, source: Source, known: list[str]) -> None:
        """Record a block, after which the vocabulary has these words."""
        counts = Counter(block.words[code] for code in block.codes)
        for word, count in counts.items():
            before = self.seen[word]
            self.seen[word] += count
            if word in known:
                new = word not in self.words
                record = self.words.setdefault(word, Slow())
                if source.row >= 0:
                    record.see(source, before, before + count, new=new)


def records(sources: Sources) -> list[dict[str, Any]]:
    """Return what is known of each word."""
    found = []
    for number in range(len(sources)):
        row = {name: sources.column(name)[number].tolist() for name in COLUMNS}
        row["moved"] = {
            file: distance
            for file, distance in zip(row.pop("movers"), row.pop("moves"), strict=True)
            if file != NO_FILE
        }
        found.append(row)
    return found


def sentence(rng: random.Random, words: int) -> str:
    """Return a sentence whose words are frequent and rare."""
    return " ".join(f"w{min(int(rng.paretovariate(0.8)), words)}" for _ in range(rng.randint(1, 40)))


def test_a_slow_record_says_the_same() -> None:
    """Over files of one block and several, files that come again, texts of no file, and words that are new."""
    rng, slow = random.Random(1), SlowRecord()
    learner = Learner(ModelState.new(SETTINGS))
    row = 0
    for number in range(300):
        row = rng.choice([row, row + 1, row + 1, max(0, row - 3)])
        source = NOWHERE if rng.random() < 0.1 else Source(row, 1_000 + number)
        block = Block.of(*(sentence(rng, 150) for _ in range(rng.randint(1, 3))))
        learner.train_block(*block, source=source)
        slow.see(block, source, learner.state.vocabulary.words)
    sources = learner.state.sources
    several = 0
    for word, found in zip(learner.state.vocabulary.words, records(sources), strict=True):
        expected = slow.words[word]
        assert found.pop("moved") == pytest.approx(expected.moved, rel=1e-4)
        assert found.pop("run") == pytest.approx(expected.run, rel=1e-4)
        assert found.pop("anew") == 0
        assert found == {name: getattr(expected, name) for name in found}
        several += len(expected.moved) == MOVERS
    assert several > 10
    assert sources.files.max() > 100


def test_a_file_of_several_blocks_moves_by_what_they_add_up_to() -> None:
    """Though each of its blocks alone moves a word less than the three files before it did."""
    sources, count = Sources(), 0
    a = np.zeros(1, np.int64)

    def see(row: int, more: int) -> None:
        nonlocal count
        count += more
        sources.observe(Source(row, 7), a, np.array([more]), np.array([count]))

    for row, more in enumerate((100, 50, 75, 100)):  # 1 to 3 move by ln 1.5, and little less
        see(row, more)
    assert set(sources.column("movers")[0].tolist()) == {1, 2, 3}
    for _ in range(4):
        see(4, 50)
    moved = dict(zip(sources.column("movers")[0].tolist(), sources.column("moves")[0].tolist(), strict=True))
    assert moved == pytest.approx({1: math.log(1.5), 2: math.log(1.5), 4: math.log(525 / 325)}, rel=1e-5)
    assert sources.column("run")[0] == pytest.approx(moved[4])


def test_of_files_that_moved_a_word_equally_the_earlier_stay() -> None:
    """Which files are listed must not depend on how they are numbered."""
    sources = Sources()
    for number, row in enumerate((9, 5, 7, 3, 1)):
        sources.observe(Source(row), np.zeros(1, np.int64), np.array([40 << number]), np.array([40 << (number + 1)]))
    assert set(sources.column("movers")[0].tolist()) == {5, 7, 3}, "the first was that of a new vector"


def test_a_young_word_and_a_new_vector_are_not_moved() -> None:
    """From 20 sightings on, and not by the block in which the word is admitted."""
    sources, one = Sources(), np.zeros(1, np.int64)
    sources.observe(Source(0), one, np.array([30]), np.array([60]))
    assert sources.column("moves")[0].tolist() == [0, 0, 0]
    young = Sources()
    for total, moved in ((19, 0), (20, 0), (21, 1)):
        young.observe(Source(total), one, np.array([1]), np.array([total]))
        assert np.count_nonzero(young.column("moves")) == moved


def test_later_passes_change_nothing() -> None:
    """They count nothing either."""
    learner, rng = Learner(ModelState.new(SETTINGS)), random.Random(2)
    block = Block.of(*(sentence(rng, 30) for _ in range(40)))
    learner.train_block(*block, source=Source(0, 1))
    before = records(learner.state.sources)
    learner.train_block(*block, first_pass=False, source=Source(1, 2))
    assert records(learner.state.sources) == before


def test_words_that_leave_lose_their_record_and_begin_anew() -> None:
    """Those that stay keep theirs; one that comes back says so."""
    settings = attrs.evolve(SETTINGS, min_count=1, max_vocabulary=1_000)
    learner = Learner(ModelState.new(settings))
    learner.train_block(*Block.of(*["stays again"] * 30), source=Source(0, 10))
    learner.train_block(*Block.of("comes back"), source=Source(1, 20))
    for number in range(2, 6):
        fill = " ".join(f"x{number}y{each}" for each in range(400))
        learner.train_block(*Block.of("stays " * 5, fill), source=Source(number, 10 * number))
    vocabulary, sources = learner.state.vocabulary, learner.state.sources
    assert "comes" not in vocabulary.index
    assert len(sources) == len(vocabulary) < 1_000
    assert sources.column("anew").max() == 0
    learner.train_block(*Block.of("comes fresh"), source=Source(6, 70))
    found = dict(zip(vocabulary.words, records(sources), strict=True))
    assert found["stays"]["first"] == 0
    assert found["stays"]["files"] == 5
    assert (found["comes"]["first"], found["comes"]["files"], found["comes"]["anew"]) == (6, 1, 1)
    assert (found["fresh"]["first"], found["fresh"]["anew"]) == (6, 0)
    for word, row in found.items():  # those after a gap move up with their records
        if word.startswith("x"):
            number = int(word[1 : word.index("y")])
            assert (row["first"], row["last"], row["first_date"]) == (number, number, 10 * number)


def test_files_get_other_numbers() -> None:
    """Those that have none any more are nameless, and what was no file stays none."""
    sources = Sources()
    for row, total in enumerate((30, 60, 120)):
        sources.observe(Source(row), np.zeros(1, np.int64), np.array([30 << max(0, row - 1)]), np.array([total]))
    sources.grow(2)
    sources.renumber(np.array([-1, 0, 1], np.int32))
    assert sources.column("first").tolist() == [NAMELESS, NO_FILE]
    assert sources.column("last").tolist() == [1, NO_FILE]
    assert set(sources.column("movers")[0].tolist()) == {NO_FILE, 0, 1}
    assert sources.column("files").tolist() == [3, 0]
    sources.observe(Source(1), np.zeros(1, np.int64), np.array([30]), np.array([150, 1]))
    assert sources.files[0] == 3, "the file that had it last goes on under its new number"
    assert sorted(sources.column("moves")[0].tolist()) == pytest.approx([0, math.log(2), math.log(2.5)], rel=1e-6)
    sources.renumber(np.array([-1, -1], np.int32))
    assert set(sources.column("movers")[0].tolist()) == {NO_FILE, NAMELESS}
    sources.observe(Source(0), np.zeros(1, np.int64), np.array([300]), np.array([450, 1]))
    assert sources.column("last").tolist() == [0, NO_FILE]
    assert sources.files[0] == 4
    assert sorted(sources.column("movers")[0].tolist()) == [NAMELESS, NAMELESS, 0]


def test_a_record_comes_back_from_its_columns() -> None:
    """And goes on as the one that it was taken from, whose columns are copies."""
    rng, learner = random.Random(4), Learner(ModelState.new(SETTINGS))
    for number in range(20):
        learner.train_block(*Block.of(*(sentence(rng, 60) for _ in range(4))), source=Source(number, number))
    first, again = learner.state.sources, Sources()
    columns = first.copied()
    again.restore(columns)
    assert records(again) == records(first)
    size = len(first)
    for sources in (first, again):  # file 19 goes on, then file 3 comes again
        for row in (19, 3):
            sources.observe(Source(row), np.arange(size), np.full(size, 2), learner.state.vocabulary.counts + 2)
    assert records(again) == records(first)
    assert columns["last"].max() == 19
    assert not np.array_equal(columns["last"], first.column("last"))


def test_columns_have_their_types() -> None:
    """Of no words, too."""
    sources = Sources()
    for size in (0, 3):
        sources.grow(size)
        for name, (kind, nothing) in COLUMNS.items():
            assert sources.column(name).dtype == kind
            assert len(sources.column(name)) == size
            assert (sources.column(name) == nothing).all()
    assert set(renumbered(sources.copied(), np.zeros(0, np.int32))) == {"first", "last", "movers"}


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [
        (0.0, 0), (59.9, 0), (60.0, 1), (-1.0, -1), (1e300, (1 << 31) - 1), (-1e300, 1 - (1 << 31)),
        (math.inf, NO_DATE), (-math.inf, NO_DATE), (math.nan, NO_DATE),
    ],
)  # fmt: skip
def test_dates_are_whole_minutes(seconds: float, minutes: int) -> None:
    """Whatever the clock of the stream says."""
    assert in_minutes(seconds) == minutes
    assert np.int32(minutes) == minutes

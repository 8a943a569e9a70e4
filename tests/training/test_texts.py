"""Texts from Python become blocks: nothing is lost, nothing torn that need not be, and no block is long."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from streamer.text.tokenizer import SEPARATOR
from streamer.training.texts import joined


@pytest.mark.parametrize(
    ("texts", "blocks"),
    [
        ([], []),
        ([""], [""]),
        (["a"], ["a"]),
        (["aaaa", "bbbb"], [["aaaa", "bbbb"]]),
        (["aaaaaa", "bbbb"], [["aaaaaa", "bbbb"]]),
        (["aaaaaa", "bbbbb"], ["aaaaaa", "bbbbb"]),
        (["a", "", "b"], [["a", "", "b"]]),
        (["aaaa bbbb cc"], ["aaaa bbbb ", "cc"]),
        (["aaaa\nbbbb cc"], ["aaaa\nbbbb ", "cc"]),
        (["aaaa bbb\ncccccc"], ["aaaa bbb\n", "cccccc"]),
        (["aaaaaaaaaaaaa"], ["aaaaaaaaaa", "aaa"]),
        (["a" * 10], ["a" * 10]),
        (["x", "aaaa bbbb cc", "d"], [["x", "aaaa bbbb "], ["cc", "d"]]),
    ],
)
def test_blocks_of_ten(texts: list[str], blocks: list[str | list[str]]) -> None:
    """Short texts share a block, with a separator between them; a long one is cut behind its last white space."""
    expected = [block if isinstance(block, str) else SEPARATOR.join(block) for block in blocks]
    assert list(joined(texts, 10)) == expected


def test_any_texts_are_all_there_in_order() -> None:
    """Without separators, the blocks are the texts; no block has more than twice the limit, separators aside."""
    rng = random.Random(1)
    for _ in range(300):
        limit = rng.choice([1, 2, 7, 50])
        texts = [
            "".join(rng.choice("ab \n") for _ in range(rng.choice([0, 1, limit, 3 * limit])))
            for _ in range(rng.randrange(12))
        ]
        blocks = list(joined(iter(texts), limit))
        assert "".join(blocks).replace(SEPARATOR, "") == "".join(texts)
        assert all(len(block.replace(SEPARATOR, "")) <= 2 * limit for block in blocks)


def test_words_are_whole() -> None:
    """Where there is white space within the limit, no word is cut."""
    rng = random.Random(2)
    texts = [" ".join(f"w{rng.randrange(10**6)}" for _ in range(rng.randrange(60))) for _ in range(50)]
    words = [word for block in joined(texts, 100) for word in block.replace(SEPARATOR, " ").split()]
    assert words == " ".join(texts).split()


def test_every_text_is_a_context_of_its_own() -> None:
    """Two texts never touch without a separator, and a separator stands nowhere else."""
    texts = [f"t{number}" for number in range(100)]
    blocks = list(joined(texts, 20))
    assert len(blocks) > 5
    assert [text for block in blocks for text in block.split(SEPARATOR)] == texts


def test_no_more_is_read_than_is_needed() -> None:
    """Texts of an iterable are taken when their block is asked for: a stream without end will do."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "aaaa"

    blocks = joined(endless(), 10)
    assert taken == 0
    assert next(blocks) == SEPARATOR.join(["aaaa"] * 2)
    assert taken == 3

"""Maps of words: where they lie, which have a label, and that every label can be read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from streamer.errors import ExitCode, StreamerError
from streamer.plots import Map, draw_map
from streamer.vectors import UnknownWord, WordVectors
from streamer.vectors.projection import principal_components


def vectors_of(words: list[str], size: int = 10) -> WordVectors:
    """Return random vectors of words, the first the most frequent."""
    return WordVectors(
        words, np.random.default_rng(1).normal(size=(len(words), size)), np.arange(len(words), 0, -1) * 10
    )


@pytest.fixture(scope="module")
def grouped() -> WordVectors:
    """Return four heaps of 30 words: a0, a1, … around one direction, b0, … around another."""
    random = np.random.default_rng(1)
    centres = 3 * np.eye(4, 10)
    words = [f"{'abcd'[number % 4]}{number // 4}" for number in range(120)]
    rows = [centres[number % 4] + random.normal(size=10) * 0.4 for number in range(120)]
    return WordVectors(words, np.array(rows), np.arange(120, 0, -1))


def labels(drawn: Map) -> dict[str, Text]:
    """Return the labels of a map after it was drawn, by what they say."""
    with io.BytesIO() as file:
        drawn.figure.savefig(file, format="png")
    (axes,) = drawn.figure.axes
    return {text.get_text(): text for text in axes.texts}


def dots(drawn: Map) -> np.ndarray:
    """Return where the dots are, in the order in which they were drawn."""
    (axes,) = drawn.figure.axes
    return np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections[:-1]])


@pytest.mark.parametrize("count", [1, 2, 50, 400])
def test_no_two_labels_overlap_and_all_are_inside(count: int) -> None:
    """As drawn, each label is apart from every other and inside the axes; those that are there are counted."""
    random = np.random.default_rng(2)
    drawn = draw_map(vectors_of(["x" * int(random.integers(1, 30)) + str(n) for n in range(count)]), topn=400)
    (axes,) = drawn.figure.axes
    boxes = [label.get_window_extent() for label in labels(drawn).values()]
    frame = axes.get_window_extent()
    for number, box in enumerate(boxes):
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1 and frame.y0 <= box.y0 < box.y1 <= frame.y1
        for other in boxes[:number]:
            assert box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0 or other.y1 <= box.y0
    assert drawn.labelled == len(axes.texts)
    assert drawn.labelled > 0.9 * min(count, 100)
    assert len(dots(drawn)) == len(drawn.words) == count


def test_the_most_frequent_words(grouped: WordVectors) -> None:
    """The map is of so many words after those left out, where their principal components put them."""
    drawn = draw_map(grouped, topn=50, skip=10)
    assert drawn.words == grouped.index_to_key[10:60]
    expected, shares = principal_components(grouped.unit_vectors[10:60])
    np.testing.assert_allclose(dots(drawn), expected)
    (axes,) = drawn.figure.axes
    assert axes.get_title("left") == "words 11 to 60 by frequency"
    assert axes.get_xlabel() == f"first principal component, {shares[0]:.1%} of the variance"
    assert axes.get_ylabel() == f"second principal component, {shares[1]:.1%} of the variance"
    assert set(labels(drawn)) <= set(drawn.words)
    assert draw_map(grouped, topn=1000).words == grouped.index_to_key


def test_a_length_is_as_long_along_both_axes(grouped: WordVectors) -> None:
    """Pixels for a unit are the same to the right and up, and all dots are inside."""
    drawn = draw_map(grouped)
    (axes,) = drawn.figure.axes
    (left, bottom), (right, top) = axes.transData.transform([(0, 0), (1, 1)])
    assert right - left == pytest.approx(top - bottom)
    pixels = axes.transData.transform(dots(drawn))
    assert (pixels > axes.bbox.get_points()[0]).all() and (pixels < axes.bbox.get_points()[1]).all()


def test_given_words_and_their_neighbours(grouped: WordVectors) -> None:
    """Given words stand out, in bold, and their neighbours have their colour; a word is in the map once."""
    drawn = draw_map(grouped, ["a0", "c0", "a0"], neighbours=5)
    assert drawn.words[:2] == ["a0", "c0"]
    assert len(set(drawn.words)) == len(drawn.words) == 12
    for word in ("a0", "c0"):
        assert {near for near, _ in grouped.most_similar(word, topn=5)} <= set(drawn.words)
    written = labels(drawn)
    assert {word for word, label in written.items() if label.get_fontweight() == "bold"} == {"a0", "c0"}
    colours = {letter: {to_hex(written[word].get_color()) for word in written if word[0] == letter} for letter in "ac"}
    assert len(colours["a"]) == len(colours["c"]) == 1 and colours["a"] != colours["c"]
    assert drawn.figure.axes[0].get_title("left") == "a0, c0: the 5 nearest to each"


def test_a_neighbour_of_two_belongs_to_the_nearer() -> None:
    """A word near two given ones has the colour of the one that it is nearer to, whichever was given first."""
    rows: list[list[float]] = [[1, 0], [0, 1], [0.5, 0.6], [1, 0.2]]
    vectors = WordVectors(["east", "north", "rather-north", "rather-east"], rows, [4, 3, 2, 1])
    for given in (["east", "north"], ["north", "east"]):
        written = labels(draw_map(vectors, given, neighbours=3))
        assert written["rather-north"].get_color() == written["north"].get_color()
        assert written["rather-east"].get_color() == written["east"].get_color()
        assert written["north"].get_color() != written["east"].get_color()


def test_more_groups_than_colours(grouped: WordVectors) -> None:
    """When the colours are used up, the dots have another shape."""
    drawn = draw_map(grouped, grouped.index_to_key[:20], neighbours=0)
    parts = drawn.figure.axes[0].collections[:-1]
    looks = {
        (to_hex(np.asarray(part.get_facecolor())[0]), np.asarray(part.get_paths()[0].vertices).tobytes())
        for part in parts
    }
    assert len(looks) == len(parts) == 20
    assert drawn.figure.axes[0].get_title("left") == "20 words"


def test_words_are_written_as_they_are() -> None:
    """Dollars, underscores and backslashes mean nothing else; a word of 250 letters is shortened."""
    words = ["$x^2$", "a_b", "_hidden", "\\frac", "50%", "y" * 250, "naïve", "слово", "λόγος"]
    written = labels(draw_map(vectors_of(words), ["$x^2$", "a_b"], neighbours=8))
    assert set(written) == {*words} - {"y" * 250} | {"y" * 23 + "…"}
    assert not any(label.get_parse_math() for label in written.values())


def test_letters_that_no_font_has() -> None:
    """A word that cannot be written keeps its dot; it is counted and told, and there is no noise about it."""
    words = ["harbour", "\U0010fffc\U0010fffd", "kitchen", "\U0010fffd"]
    for given in ([], ["\U0010fffc\U0010fffd"]):
        drawn = draw_map(vectors_of(words), given)
        assert set(labels(drawn)) == {"harbour", "kitchen"}
        assert (len(dots(drawn)), drawn.labelled, drawn.unwritable) == (4, 2, 2)
        assert "4 words, 2 of them labelled, 2 in letters that no installed font has" in str(drawn)


def test_vectors_with_no_extent() -> None:
    """One word, or words that all lie in one place, are a map too."""
    assert draw_map(vectors_of(["only"])).labelled == 1
    drawn = draw_map(WordVectors(["a", "b", "c"], np.ones((3, 4)), [3, 2, 1]))
    assert len(labels(drawn)) == 3
    assert "0.0% of the variance" in drawn.figure.axes[0].get_xlabel()


def test_nothing_to_map(grouped: WordVectors) -> None:
    """If all words are left out, or there are none, the error says so; an unknown word is one as everywhere."""
    for vectors, skip in ((grouped, 120), (vectors_of([]), 0)):
        with pytest.raises(StreamerError, match=f"{skip} words are left out of {len(vectors)}") as caught:
            draw_map(vectors, skip=skip)
        assert caught.value.code == ExitCode.NO_INPUT and caught.value.hint
    with pytest.raises(UnknownWord, match="'a000' is not"):
        draw_map(grouped, ["a1", "a000"])

"""A map of words in two dimensions, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from streamer.errors import ExitCode, StreamerError
from streamer.plots.figures import COLOURS, fonts_for, shortened, style
from streamer.plots.labels import ends, place
from streamer.vectors import WordVectors
from streamer.vectors.projection import principal_components

Floats = npt.NDArray[np.float64]

_LONGEST = 24  # letters of a label
_LISTED = 6  # words of a title
_MARGIN = 0.05  # of the map, around the points
_PAD = 1.5  # pixels around a label
_MARKERS = "osD^v"  # the next one each time that the colours are used up


class Map(NamedTuple):
    """A map: the picture, its words, how many have a label, and how many have letters that no installed font has."""

    figure: Figure
    words: list[str]
    labelled: int
    unwritable: int

    def __str__(self) -> str:
        line = f"a map of {len(self.words):,} words, {self.labelled:,} of them labelled,"
        return line + (f" {self.unwritable:,} in letters that no installed font has," if self.unwritable else "")


def draw_map(
    vectors: WordVectors,
    words: Sequence[str] = (),
    *,
    neighbours: int = 8,
    topn: int = 200,
    skip: int = 0,
    font: str = "",
) -> Map:
    """Draw words at the first two principal components of their unit vectors.

    Args:
        vectors: The words and their vectors.
        words: Draw these and the ``neighbours`` nearest to each, in one colour per word; a neighbour of several words
            has the colour of the nearest one. If there are none, draw the most frequent words.
        neighbours: How many for each of the words.
        topn: How many of the most frequent words to draw, after leaving out ``skip``.
        skip: How many of the most frequent words to leave out.
        font: The family or the file of a font for the labels. Without it, and for letters that it lacks, installed
            fonts are searched.

    Raises:
        UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
        StreamerError: 66 if there are no words to draw, or no such font.
    """
    words = list(dict.fromkeys(words))
    groups = _groups(vectors, words, neighbours) if words else dict.fromkeys(vectors.index_to_key[skip:][:topn], 0)
    names = list(groups)
    if not names:
        raise StreamerError(
            f"there is nothing to plot: {skip:,} words are left out of {len(vectors):,}",
            hint="use a smaller --skip, or train on more text",
            code=ExitCode.NO_INPUT,
        )
    fonts, missing = fonts_for(set("".join(names)), font)
    writable = [number for number, name in enumerate(names) if missing.isdisjoint(name)]
    at, shares = principal_components(vectors.unit_vectors[[vectors.key_to_index[name] for name in names]])
    with style(fonts):
        figure = Figure(figsize=(9, 8))
        FigureCanvasAgg(figure)  # without it, each label would be measured on a canvas of its own, of 6 MB
        axes = figure.add_axes((0.07, 0.065, 0.915, 0.885))
        axes.set_title(_title(words, missing, neighbours, len(names), skip), loc="left", fontsize=10, fontweight="bold")
        for name, share, axis in zip(("first", "second"), shares, (axes.xaxis, axes.yaxis), strict=True):
            axis.set_label_text(f"{name} principal component, {share:.1%} of the variance")
        _frame(axes, at)
        _dots(axes, at, np.array(list(groups.values())))
        labels = [
            axes.annotate(
                shortened(names[number], _LONGEST),
                at[number],
                xytext=(0, 0),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=11 if names[number] in words else 8,
                fontweight="bold" if names[number] in words else "normal",
                color=_ink(groups[names[number]]) if words else "#222222",
            )
            for number in writable
        ]
        boxes = [label.get_window_extent().get_points() for label in labels]
        labelled = _settle(axes, at[writable], labels, np.reshape(boxes, (-1, 2, 2)))
    return Map(figure, names, labelled, len(names) - len(writable))


def _groups(vectors: WordVectors, words: Sequence[str], neighbours: int) -> dict[str, int]:
    """Return a group number for each word, in the given order, then for their neighbours, most frequent first."""
    groups = {word: number for number, word in enumerate(words)}
    near: dict[str, tuple[float, int]] = {}
    for number, found in enumerate(vectors.most_similar_batch(words, topn=neighbours)):
        for word, cosine in found:
            if word not in groups and cosine > near.get(word, (-np.inf, 0))[0]:
                near[word] = cosine, number
    return groups | {word: near[word][1] for word in sorted(near, key=vectors.key_to_index.__getitem__)}


def _title(words: Sequence[str], missing: set[str], neighbours: int, count: int, skip: int) -> str:
    if not words:
        return f"words {skip + 1:,} to {skip + count:,} by frequency"
    listed = ", ".join(shortened(word, _LONGEST) for word in words)
    listed = listed if len(words) <= _LISTED and missing.isdisjoint(listed) else f"{len(words):,} words"
    return f"{listed}: the {neighbours:,} nearest to each" if neighbours else listed


def _colour(group: int) -> str:
    return COLOURS[group % len(COLOURS)]


def _ink(group: int) -> tuple[float, ...]:
    """Return a darker shade of a group's colour: a colour that is good for a dot is too pale for text."""
    return tuple(0.7 * part for part in to_rgb(_colour(group)))


def _frame(axes: Axes, at: Floats) -> None:
    """Set the limits so that all points are inside and both axes have the same scale."""
    low, high = at.min(axis=0), at.max(axis=0)
    size = np.array([axes.bbox.width, axes.bbox.height])
    scale = float(((high - low) / size).max() / (1 - 2 * _MARGIN)) or 1 / float(size.max())
    (left, bottom), (right, top) = (low + high - scale * size) / 2, (low + high + scale * size) / 2
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.tick_params(labelsize=7, length=2)


def _dots(axes: Axes, at: Floats, groups: npt.NDArray[np.int64]) -> None:
    for group in np.unique(groups).tolist():
        marker = _MARKERS[group // len(COLOURS) % len(_MARKERS)]
        x, y = at[groups == group].T
        axes.scatter(x, y, s=9, color=_colour(group), marker=marker, linewidths=0)


def _settle(axes: Axes, at: Floats, labels: Sequence[Annotation], measured: Floats) -> int:
    """Move labels so that none covers another, remove those for which there is no room; return how many stay.

    Args:
        axes: The map, with its limits set.
        at: The points, (n, 2).
        labels: Their labels, which are at the points.
        measured: The lowest and the highest corner of each label there, in pixels, (n, 2, 2).
    """
    points = axes.transData.transform(at)
    boxes = place(points, measured[:, 1] - measured[:, 0] + 2 * _PAD, axes.bbox.get_points())
    for label, box, before in zip(labels, boxes, measured, strict=True):
        if np.isnan(box).any():
            label.remove()
        else:
            label.xyann = tuple((box[0] + _PAD - before[0]) * 72 / axes.figure.dpi)
    leaders = np.stack([points, ends(points, boxes)], axis=1)
    leaders = leaders[~np.isnan(leaders).any(axis=(1, 2))]
    lines = axes.transData.inverted().transform(leaders.reshape(-1, 2)).reshape(-1, 2, 2)
    axes.add_collection(LineCollection(list(lines), colors="#AAAAAA", linewidths=0.5, zorder=0.5), autolim=False)
    return int((~np.isnan(boxes[:, 0, 0])).sum())

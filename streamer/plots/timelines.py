"""A word over time: how often it came, how far it moved against what is usual, and what it was near to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from streamer.errors import ExitCode, StreamerError
from streamer.plots.figures import COLOURS, GREY, fonts_for, shortened, style

Floats = npt.NDArray[np.float64]

COLUMNS = 7
"""Moments whose neighbours are written: so many fit beside each other."""
_LONGEST = 14
"""Letters of a neighbour."""
_LINES = 5
_MARGIN = 0.07
"""Of the span of time, at each side."""


def draw_timeline(word: str, rows: Sequence[Mapping[str, Any]], font: str = "", *, by_texts: bool = False) -> Figure:
    """Draw the frequency of a word, how far it moved between moments, and its neighbours, over dates.

    If all moments have one date, they are drawn over words seen.

    Args:
        word: The word.
        rows: Its moments, as ``timeline --json`` lists them.
        font: The family or the file of a font to use before all others.
        by_texts: Whether dates are those that texts say; then they are shown in UTC.

    Raises:
        StreamerError: 66 if fewer than two moments know the word, or there is no such font.
    """
    if sum(row["count"] is not None for row in rows) < 2:
        raise StreamerError(
            f"there is nothing to plot: fewer than two moments know {word!r}",
            hint="wait for more snapshots: streamer snapshots lists them",
            code=ExitCode.NO_INPUT,
        )
    first = next(number for number, row in enumerate(rows) if row["count"] is not None)
    rows = rows[max(0, first - 1) :]  # what was before the word came has nothing to show
    zone = UTC if by_texts else None
    dates = [datetime.fromisoformat(row["date"]).astimezone(zone).replace(tzinfo=None) for row in rows]
    by_date = max(dates) > min(dates)
    seen = np.array([row["words_seen"] for row in rows], np.float64)
    at: Floats = np.asarray(date2num(dates), np.float64) if by_date else seen  # type: ignore[no-untyped-call]
    near = [[str(each["word"]) for each in row["neighbours"][:_LINES]] for row in rows]
    fonts, missing = fonts_for(set(word).union(*(set(name) for names in near for name in names)), font)
    unknown = dict.fromkeys(map(ord, missing), "?")
    with style(fonts):
        figure = Figure(figsize=(8, 6.3))
        figure.set_layout_engine("constrained", h_pad=0.08)
        rate, distance, names = figure.subplots(3, 1, sharex=True, height_ratios=(3, 4, 2.2))
        for axes in (rate, distance):
            axes.grid(axis="y", color="#EEEEEE")
            axes.set_axisbelow(True)
            axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        _title(rate, shortened(word, 60).translate(unknown), "times in a million words, since the moment before")
        rate.set_ylabel("per million")
        rate.plot(at, _column(rows, "per_million"), "o-", color=COLOURS[0], markersize=3, linewidth=1.5)
        _from_zero(rate, 1.1)
        _title(distance, "distance", "moved since the moment before")
        _distances(distance, at, rows)
        _neighbours(names, at, [[shortened(name, _LONGEST).translate(unknown) for name in column] for column in near])
        span = _MARGIN * (at.max() - at.min())
        names.set_xlim(at.min() - span, at.max() + span)
        if by_date:
            locator = AutoDateLocator()  # type: ignore[no-untyped-call]
            names.xaxis.set_major_locator(locator)
            names.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        else:
            names.set_xlabel("words seen")
        figure.align_ylabels()
    return figure


def _distances(axes: Axes, at: Floats, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw how far the word moved, above what is usual for words as frequent, and mark where it changed."""
    moved, usual, unusual = (_column(rows, name) for name in ("moved", "usual", "unusual"))
    if np.isfinite(usual).any():
        axes.fill_between(at, usual, unusual, color=GREY, alpha=0.15, linewidth=0, label="usual, up to changed")
        axes.plot(at, usual, "--", color=GREY, linewidth=1)
    axes.plot(at, moved, "o-", color=COLOURS[0], markersize=3, linewidth=1.5, label="this word")
    changed = moved > unusual
    if changed.any():
        axes.plot(at[changed], moved[changed], "o", color=COLOURS[1], markersize=6, label="changed: z ≥ 6")
    axes.set_ylabel("distance")
    highest = np.nanmax([*moved, *usual], initial=0)  # the band may be wide where there is little text
    axes.set_ylim(0, 1.3 * highest if highest > 0 else 1)  # with room for the legend
    axes.legend(loc="upper right", frameon=False, fontsize=8, labelcolor=GREY, ncols=3)


def _neighbours(axes: Axes, at: Floats, names: Sequence[Sequence[str]]) -> None:
    """Write the neighbours at some moments, those of a moment below each other."""
    axes.set_title("neighbours", loc="left", fontsize=10, fontweight="bold")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for number in columns(at, [bool(each) for each in names]):
        axes.axvline(at[number], 0, 0.06, color=GREY, linewidth=0.8)
        axes.text(
            at[number], 0.98, "\n".join(names[number]), transform=axes.get_xaxis_transform(), ha="center", va="top"
        )


def columns(at: Floats, known: Sequence[bool]) -> list[int]:
    """Return the moments whose labels are written: the last one that is known, and those before it that have room.

    Args:
        at: Where each moment is, (n,), ascending.
        known: Which of them have labels.
    """
    least = (at.max() - at.min()) / COLUMNS
    chosen: list[int] = []
    for number in reversed(range(len(at))):
        if known[number] and (not chosen or at[chosen[-1]] - at[number] >= least):
            chosen.append(number)
    return chosen[::-1]


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> Floats:
    """Return a column of figures, NaN where there is none."""
    return np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64)


def _from_zero(axes: Axes, room: float) -> None:
    """Let an axis begin at zero, and end so many times as high as what is drawn."""
    axes.set_ylim(0, room * axes.dataLim.y1 if axes.dataLim.y1 > 0 else 1)


def _title(axes: Axes, name: str, what: str) -> None:
    axes.set_title(name, loc="left", fontsize=10, fontweight="bold")
    axes.set_title(what, loc="right", fontsize=9, color=GREY)

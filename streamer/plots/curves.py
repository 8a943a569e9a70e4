"""The history as curves: loss, speed, vocabulary and scores against the words trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

from streamer.errors import ExitCode, StreamerError
from streamer.plots.figures import COLOURS, GREY, fonts_for, shortened, style
from streamer.state import History, InitialVectors, Score, Scores

Floats = npt.NDArray[np.float64]

_SMOOTHED = 40  # from this many rows on, a mean over several is drawn
_LONGEST = 60  # letters of a test's name
_DASHES = ("-", "--", ":", "-.")
_MARKED = 60  # up to this many points, each has a dot
_STUB = 0.05  # of the median row: shorter rows vary too much to set the limits


def draw_history(history: History, scores: Scores, initial: InitialVectors | None = None) -> Figure:
    """Draw loss, words per second, vocabulary and the scores of each test, if any, against words trained.

    Loss and speed are steps, each as wide as the stretch in which it was measured. With 40 rows of history or more, a
    mean over a twentieth of the rows is drawn on top.

    Raises:
        StreamerError: 66 if no word was trained yet.
    """
    table = history.to_arrays()
    ends, losses, pairs, seconds = (table[name] for name in ("words_trained", "loss_total", "loss_weight", "seconds"))
    if not len(ends) or not ends[-1]:
        raise StreamerError(
            "there is nothing to plot: no words have been trained yet",
            hint="train first: python -m streamer watch data/inbox --once",
            code=ExitCode.NO_INPUT,
        )
    scores = Scores([score for score in scores.rows if score.scored])
    edges = np.concatenate([[0.0], ends])
    words, recent = np.diff(edges), history.loss()
    fonts, missing = fonts_for(set("".join(scores.tests)))
    with style(fonts):
        figure = Figure(figsize=(8, 6.3 + (2.2 + 0.2 * len(scores.tests) if scores.rows else 0)))
        figure.set_layout_engine("constrained", h_pad=0.08)
        axes: list[Axes] = list(figure.subplots(4 if scores.rows else 3, 1, sharex=True))
        for panel in axes:
            panel.grid(axis="y", color="#EEEEEE")
            panel.set_axisbelow(True)
            panel.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
            panel.yaxis.set_major_formatter(_HUMAN)
        since = human(min(ends[-1], 1e6))
        _title(axes[0], "loss", "" if recent is None else f"{recent:.4f} over the last {since} words", "nats per pair")
        _ratio(axes[0], edges, losses, pairs)
        axes[0].yaxis.set_major_formatter(ScalarFormatter(useOffset=False))  # does not start at 0: all digits count
        if len(ends) >= _SMOOTHED:
            axes[0].legend(loc="upper right", frameon=False, fontsize=8, labelcolor=GREY)
        mean = f"{human(ends[-1] / seconds.sum())} words per second over all" if seconds.any() else ""
        _title(axes[1], "speed", mean, "words per second")
        _ratio(axes[1], edges, words, seconds)
        axes[1].set_ylim(bottom=0)
        _title(axes[2], "vocabulary", f"{table['vocabulary'][-1]:,.0f} words", "words")
        _line(axes[2], edges, np.concatenate([[initial.words if initial else 0], table["vocabulary"]]))
        axes[2].set_ylim(bottom=0)
        if scores.rows:
            _scores(axes[3], scores, missing)
        axes[-1].set_xlabel("words trained")
        axes[-1].set_xlim(0, ends[-1])
        axes[-1].xaxis.set_major_formatter(_HUMAN)
        figure.align_ylabels()
    return figure


def human(count: float) -> str:
    """Return a count in short form: 950, 20 k, 1.5 M, 2 bn."""
    for size, unit in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if abs(count) >= 0.9995 * size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"


_HUMAN = FuncFormatter(lambda value, _: human(value))


def _title(axes: Axes, name: str, figure: str, unit: str) -> None:
    """Put the name of a panel at the left, its latest figure at the right, and its unit on the axis."""
    axes.set_title(name, loc="left", fontsize=10, fontweight="bold")
    axes.set_title(figure, loc="right", fontsize=9, color=GREY)
    axes.set_ylabel(unit)


def _ratio(axes: Axes, edges: Floats, above: Floats, below: Floats) -> None:
    """Draw the ratio of two sums for each stretch, and for several stretches on top; over zero there is a gap."""
    rows = len(above)
    measured = (below > 0) & (np.diff(edges) > 0)
    raw = _divided(above, below, measured)
    radius = rows // 40 if rows >= _SMOOTHED else 0
    axes.stairs(
        raw,
        edges,
        baseline=None,
        color=COLOURS[0],
        alpha=0.35 if radius else 1,
        linewidth=0.8 if radius else 1.5,
        label="each stretch that was measured",
    )
    if radius:
        over, under, rows_measured = (_moving_sum(column, radius) for column in (above, below, measured))
        smooth = _divided(over, under, rows_measured > 0)
        label = f"mean over about {human(edges[-1] / rows * (2 * radius + 1))} words"
        axes.plot((edges[:-1] + edges[1:]) / 2, smooth, color=COLOURS[0], linewidth=1.5, label=label)
    if measured.any():
        telling = raw[measured & (below >= _STUB * np.median(below[measured]))]
        low, high = telling.min(), telling.max()
        margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color=GREY)


def _divided(above: Floats, below: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    """Return quotients, NaN where there are none."""
    quotients: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=where)
    return quotients


def _moving_sum(values: npt.NDArray[Any], radius: int) -> Floats:
    """Return for each of n values the sum of those around it.

    Near the start, it takes only as many after it as there are before it, because the loss falls steeply there.
    """
    at = np.arange(len(values))
    before = np.minimum(radius, at)
    after = np.minimum(before, at[::-1])
    sums = np.concatenate([[0.0], np.cumsum(values)])
    around: Floats = sums[at + after + 1] - sums[at - before]
    return around


def _line(axes: Axes, at: npt.ArrayLike, values: npt.ArrayLike, **how: Any) -> None:
    """Draw measured values as a line, with dots if there are few."""
    dots = "o" if np.size(at) <= _MARKED else None
    axes.plot(at, values, marker=dots, markersize=3, clip_on=False, **{"color": COLOURS[0], "linewidth": 1.5, **how})


def _scores(axes: Axes, scores: Scores, missing: set[str]) -> None:
    """Draw the scores of each test as a line, below a legend with the last score of each."""
    last = {score.test: score for score in scores.latest()}
    for number, test in enumerate(scores.tests):
        rows = [row for row in scores.rows if row.test == test]
        _line(
            axes,
            [row.words_trained for row in rows],
            [row.score for row in rows],
            color=COLOURS[number % len(COLOURS)],
            linestyle=_DASHES[number // len(COLOURS) % len(_DASHES)],
            label=_label(last[test]).translate(dict.fromkeys(map(ord, missing), "?")),
        )
    low, high = min(row.score for row in scores.rows), max(row.score for row in scores.rows)
    margin = 0.08 * (high - min(low, 0.0)) or 0.1
    axes.set_ylim(0.0 if low >= 0 else low - margin, max(high, 0.0) + margin)
    axes.set_ylabel("correlation or accuracy")
    axes.legend(
        title="scores",
        title_fontproperties={"size": 10, "weight": "bold"},
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1.02),
        borderpad=0,
        borderaxespad=0,
        frameon=False,
    )


def _label(score: Score) -> str:
    """Return the name and the last score of a test, and how many rows were scored if not all."""
    coverage = f" ({score.scored:,} of {score.rows:,} rows)" if score.scored < score.rows else ""
    return f"{shortened(score.test, _LONGEST)}: {score.score:.3f}{coverage}"

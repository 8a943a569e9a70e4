"""The history as curves: what is drawn is what was measured, in limits and units that can be read."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from streamer.errors import ExitCode, StreamerError
from streamer.plots import draw_history
from streamer.plots.curves import human
from streamer.state import History, InitialVectors, Score, Scores


def history(rows: int, each: int = 50_000) -> History:
    """Return a history of stretches of so many words and a tenth more, at 100,000 words a second."""
    random = np.random.default_rng(1)
    table, trained = [], 0.0
    for number in range(rows):
        words = each * (1 + 0.1 * (number % 2))
        trained += words
        weight = float(random.integers(100, 1000))
        loss = (2 + 1 / (1 + number) + random.normal() * 0.05) * weight
        table.append([trained * 1.1, trained, 40.0 * (1 + number), loss, weight, words / 100_000])
    return History(table)


def panels(figure: Figure) -> list[Axes]:
    """Return the panels, drawn once, so that their ticks are settled."""
    figure.draw_without_rendering()
    return figure.axes


def steps(axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Return values and edges of the one step line of a panel."""
    (patch,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
    values, edges, _ = patch.get_data()
    return values, edges


def ticks(labels: list[Text]) -> list[str]:
    """Return what ticks say."""
    return [label.get_text() for label in labels if label.get_text()]


def legend_of(axes: Axes) -> Legend:
    """Return the legend of a panel that has one."""
    legend = axes.get_legend()
    assert legend is not None
    return legend


def three_scores() -> Scores:
    """Return scores of three tests at four moments."""
    scores = Scores()
    for number in range(1, 5):
        at = 100_000 * number
        scores.add(
            [
                Score(at, "pairs a.tsv", 0.1 * number, 10, 10),
                Score(at, "pairs $b_$.tsv", 0.05 * number, 1_234, 20_000),
                Score(at, "analogies _c.txt", -0.01 * number, 5, 6),
            ]
        )
    return scores


def test_each_row_is_a_step() -> None:
    """Loss and speed are drawn row by row, over the words that each row stands for; vocabulary at its ends."""
    table = np.array(history(30).rows)
    loss, speed, vocabulary = panels(draw_history(history(30), Scores()))
    values, edges = steps(loss)
    np.testing.assert_allclose(values, table[:, 3] / table[:, 4])
    np.testing.assert_array_equal(edges, [0, *table[:, 1]])
    np.testing.assert_allclose(steps(speed)[0], 100_000)
    assert not loss.lines and not speed.lines and loss.get_legend() is None
    (line,) = vocabulary.lines
    np.testing.assert_array_equal(line.get_xydata(), [(0, 0), *table[:, [1, 2]]])


def test_panels_are_named_with_units_and_figures() -> None:
    """Each panel says what it is, in which unit, and how it stands; words trained are told as people do."""
    shown = history(40)
    axes = panels(draw_history(shown, Scores()))
    assert [panel.get_title("left") for panel in axes] == ["loss", "speed", "vocabulary"]
    assert [panel.get_ylabel() for panel in axes] == ["nats per pair", "words per second", "words"]
    assert [panel.get_title("right") for panel in axes] == [
        f"{shown.loss():.4f} over the last 1 M words",
        "100 k words per second over all",
        "1,600 words",
    ]
    assert axes[-1].get_xlabel() == "words trained"
    assert ticks(axes[-1].get_xticklabels())[:5] == ["0", "250 k", "500 k", "750 k", "1 M"]
    assert not any(ticks(panel.get_xticklabels()) for panel in axes[:-1])
    assert ticks(axes[1].get_yticklabels())[:2] == ["0", "25 k"]


def test_limits() -> None:
    """All rows lie within, speed and vocabulary start at zero, and the stream fills the width."""
    for rows in (1, 2, 39, 40, 2000):
        shown = history(rows)
        axes = panels(draw_history(shown, Scores()))
        for panel in axes:
            assert panel.get_xlim() == (0, shown.rows[-1][1])
        low, high = axes[0].get_ylim()
        values, _ = steps(axes[0])
        assert low < values.min() <= values.max() < high
        assert high - low < 2 * (values.max() - values.min()) or rows == 1
        assert axes[1].get_ylim()[0] == axes[2].get_ylim()[0] == 0
        assert axes[1].get_ylim()[1] > 100_000 and axes[2].get_ylim()[1] > 40 * rows


def test_a_stub_sets_no_limits() -> None:
    """The last row may hold a few words only: its wild mean does not press the others flat."""
    shown = history(60)
    shown.rows.append([9e9, shown.rows[-1][1] + 5, 2500.0, 900.0, 3.0, 1e-9])
    loss, speed, _ = panels(draw_history(shown, Scores()))
    assert steps(loss)[0][-1] == 300 and loss.get_ylim()[1] < 4
    assert steps(speed)[0][-1] > 1e9 and speed.get_ylim()[1] < 200_000


def test_where_nothing_was_measured_there_is_a_gap() -> None:
    """Rows without weight or time are left out, and are no zeros; a panel with no other rows says so."""
    shown = history(100)
    shown.rows.append([*shown.rows[-1][:3], 0.0, 0.0, 5.0])  # a block in which no word was trained
    assert np.isnan(steps(panels(draw_history(shown, Scores()))[1])[0]).tolist() == [False] * 100 + [True]
    shown.rows.pop()
    for row in shown.rows[20:40]:
        row[3:5] = 0.0, 0.0
    loss, speed, _ = panels(draw_history(shown, Scores()))
    assert np.flatnonzero(np.isnan(steps(loss)[0])).tolist() == list(range(20, 40))
    assert np.flatnonzero(np.isnan(loss.lines[0].get_ydata())).tolist() == list(range(22, 38))
    assert loss.get_ylim()[0] > 1.5
    assert not np.isnan(steps(speed)[0]).any()
    for row in shown.rows:
        row[3:] = 0.0, 0.0, 0.0
    loss, speed, _ = panels(draw_history(shown, Scores()))
    assert [text.get_text() for panel in (loss, speed) for text in panel.texts] == ["not measured"] * 2
    assert loss.get_title("right") == speed.get_title("right") == ""


def test_the_mean_is_that_of_the_words() -> None:
    """From 40 rows on, a mean weighted by what was measured lies on the raw steps, which stay; it starts with them."""
    shown = history(80)
    table = np.array(shown.rows)
    loss, speed, _ = panels(draw_history(shown, Scores()))
    (line,) = loss.lines
    middles = (table[:, 1] + np.array([0, *table[:-1, 1]])) / 2
    np.testing.assert_allclose(np.asarray(line.get_xdata()), middles)
    for row, (first, last) in {0: (0, 0), 1: (0, 2), 2: (0, 4), 40: (38, 42), 78: (76, 79), 79: (77, 79)}.items():
        total, weight = table[first : last + 1, 3].sum(), table[first : last + 1, 4].sum()
        assert np.asarray(line.get_ydata())[row] == pytest.approx(total / weight)
    alpha = loss.patches[0].get_alpha()
    assert alpha is not None and alpha < 1 and steps(loss)[0][7] == pytest.approx(table[7, 3] / table[7, 4])
    words = [text.get_text() for text in legend_of(loss).get_texts()]
    assert words == ["each stretch that was measured", "mean over about 262 k words"]
    assert len(speed.lines) == 1


def test_scores() -> None:
    """Each test is a line of its own, named with its last score, and how much of it was scored if not all."""
    axes = panels(draw_history(history(8), three_scores()))
    assert len(axes) == 4
    for line, step in zip(axes[3].lines, (0.1, 0.05, -0.01), strict=True):
        np.testing.assert_allclose(np.asarray(line.get_xydata()), [(1e5 * n, step * n) for n in range(1, 5)])
    assert len({(line.get_color(), line.get_linestyle()) for line in axes[3].lines}) == 3
    assert [text.get_text() for text in legend_of(axes[3]).get_texts()] == [
        "pairs a.tsv: 0.400",
        "pairs $b_$.tsv: 0.200 (1,234 of 20,000 rows)",
        "analogies _c.txt: -0.040 (5 of 6 rows)",
    ]
    low, high = axes[3].get_ylim()
    assert low < -0.04 < 0.4 < high < 0.5
    assert axes[3].get_ylabel() == "correlation or accuracy"


def test_a_test_is_drawn_where_it_scored_something() -> None:
    """Moments at which a test could score no row are left out, and a test that never could has no line."""
    scores = Scores([Score(1_000, "pairs a", 0.0, 0, 9), Score(2_000, "pairs a", 0.5, 3, 9)])
    scores.add([Score(3_000, "pairs never", 0.0, 0, 9)])
    axes = panels(draw_history(history(8), scores))
    assert [np.asarray(line.get_xydata()).tolist() for line in axes[3].lines] == [[[2_000, 0.5]]]
    assert len(panels(draw_history(history(8), Scores(scores.rows[:1])))) == 3


def test_the_vocabulary_starts_with_what_was_brought() -> None:
    """A model that began with published vectors has their words before it was trained on any."""
    axes = panels(draw_history(history(8), Scores(), InitialVectors("vectors.txt", "ab", 50, 60)))
    assert np.asarray(axes[2].lines[0].get_xydata())[0].tolist() == [0, 50]


def test_scores_start_at_zero_and_may_be_many() -> None:
    """Without negative ones, scores start at zero; a dozen tests are told apart, whatever their files are called."""
    scores = Scores([Score(5, f"pairs {number} 東京 {'x' * 200}.tsv", 0.3, 1, 1) for number in range(12)])
    figure = draw_history(history(1), scores)
    panel = panels(figure)[3]
    assert panel.get_ylim()[0] == 0
    assert len({(line.get_color(), line.get_linestyle()) for line in panel.lines}) == 12
    legend = legend_of(panel).get_window_extent()
    assert 0 < legend.x0 < legend.x1 < figure.bbox.x1 and legend.y1 < panels(figure)[2].get_window_extent().y0


@pytest.mark.parametrize("rows", [[], [[50.0, 0.0, 0.0, 0.0, 0.0, 0.1]]], ids=["no row", "no word trained"])
def test_nothing_to_plot(rows: list[list[float]]) -> None:
    """Before a word was trained there is nothing to draw: an error with 66 and a hint."""
    with pytest.raises(StreamerError, match="nothing to plot") as caught:
        draw_history(History(rows), Scores())
    assert caught.value.code == ExitCode.NO_INPUT and caught.value.hint


def test_counts_as_people_say_them() -> None:
    """Thousands, millions and billions, of three digits."""
    said = {0: "0", 0.5: "0.5", 950: "950", 1000: "1 k", 20_400: "20.4 k", 999_999: "1 M", 5e6: "5 M", 2.5e9: "2.5 bn"}
    assert {count: human(count) for count in said} == said

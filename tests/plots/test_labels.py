"""Labels: none covers another, none leaves the frame, the first in line have the best places."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.plots.labels import GAP, ends, place

FRAME = np.array([[0.0, 0.0], [1000.0, 800.0]])
HEIGHT = 16.0


def crowd(seed: int, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Return points, most of them in one heap, some at the very edge, some twice, and sizes of labels."""
    random = np.random.default_rng(seed)
    points = random.normal(size=(count, 2)) * (90, 70) + (500, 400)
    points[::10] = random.random((len(points[::10]), 2)) * FRAME[1]
    points[5:8] = (0, 0), (1000, 400), (700, 800)
    points[20] = points[21] = points[22]
    return np.clip(points, *FRAME), np.c_[random.uniform(10, 90, count), np.full(count, HEIGHT)]


def boxes_of(points: object, sizes: object) -> np.ndarray:
    return place(np.array(points, float), np.array(sizes, float), FRAME)


@pytest.mark.parametrize("seed", range(5))
def test_no_label_covers_another_or_leaves_the_frame(seed: int) -> None:
    """Every pair of boxes is apart, each as large as its label and within the frame; most labels have one."""
    points, sizes = crowd(seed)
    boxes = place(points, sizes, FRAME)
    placed = ~np.isnan(boxes).any(axis=(1, 2))
    assert 75 < placed.sum() < 150
    np.testing.assert_allclose((boxes[:, 1] - boxes[:, 0])[placed], sizes[placed])
    kept = boxes[placed]
    assert (kept[:, 0] >= FRAME[0]).all() and (kept[:, 1] <= FRAME[1]).all()
    for number, (low, high) in enumerate(kept):
        for other_low, other_high in kept[:number]:
            assert not ((low < other_high - 1e-9) & (other_low < high - 1e-9)).all()


@pytest.mark.parametrize("seed", range(5))
def test_leaders_cross_neither_labels_nor_each_other(seed: int) -> None:
    """A line from a point to a label that lies off it runs through no other label, and no two lines cross."""
    points, sizes = crowd(seed)
    boxes = place(points, sizes, FRAME)
    stops = ends(points, boxes)
    led = np.flatnonzero(~np.isnan(stops[:, 0]))
    assert len(led) > 5
    crossed = 0
    for number in led:
        along = points[number] + np.linspace(0, 1, 200)[:, None] * (stops[number] - points[number])
        assert (along[-1] >= boxes[number, 0] - 1e-9).all() and (along[-1] <= boxes[number, 1] + 1e-9).all()
        for other in range(len(points)):
            inner = ((along > boxes[other, 0] + 2) & (along < boxes[other, 1] - 2)).all(axis=1)
            assert other == number or inner.sum() <= 10, "more than a corner"
        for other in led[led < number]:
            crossed += bool(_cross(points[number], stops[number], points[other], stops[other]))
    assert crossed == 0


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    matrix = np.column_stack([b - a, c - d])
    if abs(np.linalg.det(matrix)) < 1e-9:
        return False
    first, second = np.linalg.solve(matrix, c - a)
    return bool(1e-6 < first < 1 - 1e-6 and 1e-6 < second < 1 - 1e-6)


def test_a_label_alone_is_to_the_right_of_its_point() -> None:
    """With room all around, the label is at the right, at half height, and needs no leader."""
    boxes = boxes_of([(300, 300)], [(50, HEIGHT)])
    np.testing.assert_allclose(boxes, [[(300 + GAP * HEIGHT, 292), (350 + GAP * HEIGHT, 308)]])
    assert np.isnan(ends(np.array([(300.0, 300.0)]), boxes)).all()


def test_at_an_edge_the_label_goes_to_the_other_side() -> None:
    """At the right edge it is at the left, in a corner within."""
    right, corner = boxes_of([(999, 300), (0, 0)], [(50, HEIGHT)] * 2)
    assert right[1, 0] < 999
    assert (corner[0] >= 0).all()


def test_the_first_choose_first() -> None:
    """Of labels that want the same place, the first has it; when no place is left, the last go without."""
    points, sizes = np.full((200, 2), 400.0), np.tile([60.0, HEIGHT], (200, 1))
    boxes = place(points, sizes, FRAME)
    np.testing.assert_array_equal(boxes[0], boxes_of([(400, 400)], [(60, HEIGHT)])[0])
    placed = ~np.isnan(boxes).any(axis=(1, 2))
    assert placed.tolist() == [True] * 4 + [False] * 196, "right, left, above, below: there is no way past those"


def test_labels_avoid_points() -> None:
    """A label is put where it covers no other point, if there is such a place beside its own."""
    points = [(400, 400), (420, 400), (440, 400), (380, 400), (360, 400)]
    low, high = boxes_of(points, [(60, HEIGHT)] * 5)[0]
    assert not any(((low <= point) & (point <= high)).all() for point in np.array(points))


def test_leaders_avoid_points() -> None:
    """Out of a ring of points, the leader goes through its one gap, which is above."""
    turns = np.delete(np.arange(16), 4) * np.pi / 8
    ring = (400, 400) + 0.75 * HEIGHT * np.c_[np.cos(turns), np.sin(turns)]
    points = np.concatenate([[(400.0, 400.0)], ring])
    boxes = place(points, np.tile([60.0, HEIGHT], (16, 1)), FRAME)
    right, up = ends(points, boxes)[0] - points[0]
    assert right == 0 and up > 0.75 * HEIGHT


def test_what_is_wider_than_the_frame_has_no_place() -> None:
    """A label that fits nowhere is left out, the others are not."""
    boxes = boxes_of([(400, 400), (500, 400)], [(1001, HEIGHT), (60, HEIGHT)])
    assert np.isnan(boxes[0]).all() and not np.isnan(boxes[1]).any()
    assert place(np.empty((0, 2)), np.empty((0, 2)), FRAME).shape == (0, 2, 2)

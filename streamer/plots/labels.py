"""Places for labels that do not cover each other: beside the point, farther away, or nowhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

GAP = 0.35
"""Distance between a point and the label beside it, in heights of the label."""
_FAR = (1.0, 1.8, 2.8, 4.0, 5.5)  # the same, for labels with a leader
_BESIDE = np.array([(1, 0), (1, 1), (0, 1), (-1, 0), (-1, 1), (0, -1), (1, -1), (-1, -1)], float)
_AROUND = np.array([(np.cos(turn), np.sin(turn)) for turn in np.arange(0, 2 * np.pi, np.pi / 8)])
_COVERED = 1.5  # cost of covering a point; a leader costs its distance
_CROSSED = 1.0  # cost of a leader that crosses a point
_DOT = 0.2  # half the size of a point
_ALONG = np.linspace(0, 1, 9)  # where a leader is checked: at steps smaller than a label is high


def place(points: Floats, sizes: Floats, frame: Floats) -> Floats:
    """Return a box for the label of each of n points; the first points choose first.

    A box is within the frame and covers no other box. If it is not beside its point, a leader joins them: a straight
    line that crosses no box and no other leader. Among such places, it prefers those that are near and have few points
    in the way.

    Args:
        points: (n, 2), in pixels.
        sizes: Width and height of each label, (n, 2).
        frame: The lowest and the highest corner of the area for labels, (2, 2).

    Returns:
        The lowest and the highest corner of each box, (n, 2, 2); NaN if there is no place.
    """
    boxes = np.full((len(points), 2, 2), np.nan)
    led = np.empty((0, len(_ALONG), 2))  # leaders, as points along them
    for number, (point, size) in enumerate(zip(points, sizes, strict=True)):
        places, costs = _candidates(point, size)
        # Only near boxes and points can be in the way; leaving out the rest halves the time.
        whole = np.stack([places[:, 0].min(axis=0), places[:, 1].max(axis=0)])[None]
        taken = boxes[_overlap(whole, boxes)[0]]
        free = (places[:, 0] >= frame[0]).all(axis=1) & (places[:, 1] <= frame[1]).all(axis=1)
        free &= ~_overlap(places, taken).any(axis=1)
        free &= ~_within(led.reshape(-1, 2), places).any(axis=1)
        places, costs, beside = places[free], costs[free], np.arange(len(places))[free] < len(_BESIDE)

        leaders = point + _ALONG[:, None, None] * (np.clip(point, places[:, 0], places[:, 1]) - point)
        clear = ~_crossed(taken, leaders).any(axis=0)
        clear &= ~_meet(leaders[0], leaders[-1], led[:, 0], led[:, -1]).any(axis=1)
        if not clear.any():
            continue
        others = points[_within(points, whole)[0] & (points != point).any(axis=1)]
        dots = np.stack([others - _DOT * size[1], others + _DOT * size[1]], axis=1)
        costs += _COVERED * _within(others, places).sum(axis=1) + _CROSSED * _crossed(dots, leaders).sum(axis=0)
        best = int(np.where(clear, costs, np.inf).argmin())
        boxes[number] = places[best]
        if not beside[best]:
            led = np.concatenate([led, leaders[None, :, best]])
    return boxes


def ends(points: Floats, boxes: Floats) -> Floats:
    """Return the end of each leader, at its box, (n, 2); NaN if there is no box, or if it is beside its point."""
    nearest = np.clip(points, boxes[:, 0], boxes[:, 1])
    height = boxes[:, 1, 1] - boxes[:, 0, 1]
    beside = np.linalg.norm(nearest - points, axis=1) < 1.5 * GAP * height
    return np.where(beside[:, None], np.nan, nearest)


def _candidates(point: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Return the possible boxes of a label, (c, 2, 2), those beside the point first, and their costs, (c,)."""
    height = size[1]
    offsets = [_BESIDE * (size / 2 + GAP * height * np.where(np.abs(_BESIDE).sum(1) > 1, 0.5, 1)[:, None])]
    costs = [0.02 * np.arange(len(_BESIDE))]
    for far in _FAR:
        offsets.append(_AROUND * far * height + np.clip(1.5 * _AROUND, -1, 1) * size / 2)
        costs.append(np.full(len(_AROUND), far))
    centres = point + np.concatenate(offsets)
    return np.stack([centres - size / 2, centres + size / 2], axis=1), np.concatenate(costs)


def _overlap(boxes: Floats, others: Floats) -> Booleans:
    """Return which of b boxes overlap which of o others, (b, o)."""
    (left, bottom), (right, top) = boxes.transpose(1, 2, 0)[..., None]
    (others_left, others_bottom), (others_right, others_top) = others.transpose(1, 2, 0)
    overlap: Booleans = (left < others_right) & (others_left < right) & (bottom < others_top) & (others_bottom < top)
    return overlap


def _within(points: Floats, boxes: Floats) -> Booleans:
    """Return which of b boxes contain which of p points, (b, p)."""
    (left, bottom), (right, top) = boxes.transpose(1, 2, 0)[..., None]
    x, y = points.T
    within: Booleans = (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
    return within


def _crossed(boxes: Floats, leaders: Floats) -> Booleans:
    """Return which of b boxes are crossed by which of c leaders, given at a points along each, (a, c, 2): (b, c)."""
    within = _within(leaders.reshape(-1, 2), boxes)
    crossed: Booleans = np.any(within.reshape(len(boxes), *leaders.shape[:2]), axis=1)
    return crossed


def _meet(starts: Floats, stops: Floats, froms: Floats, tos: Floats) -> Booleans:
    """Return which of c lines cross which of o others, (c, o): the ends of each are on opposite sides of the other."""

    def side(a: Floats, b: Floats, point: Floats) -> Floats:
        along, off = b - a, point - a
        return along[..., 0] * off[..., 1] - along[..., 1] * off[..., 0]

    a, b = starts[:, None], stops[:, None]
    apart = side(a, b, froms) * side(a, b, tos) < 0
    return apart & (side(froms, tos, a) * side(froms, tos, b) < 0)

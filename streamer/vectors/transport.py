"""The transport problem: what it costs at least to move all from where it is to where it is wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def least_cost(supply: Ints, demand: Ints, costs: Doubles) -> float:
    """Return the least cost of moving a supply to a demand.

    It moves one source after the other along the cheapest paths, which may take back what was moved before (successive
    shortest paths with potentials; Edmonds and Karp, 1972). The result is exact. The time grows with the third power of
    the number of sources and sinks.

    Args:
        supply: How much there is at each of n sources, (n,) int64, not below zero.
        demand: How much is wanted at each of m sinks, (m,) int64; the sum is that of the supply.
        costs: What it costs to move one from a source to a sink, (n, m) float64, not below zero.

    """
    problem = _Problem(supply, demand, costs)
    for source in np.flatnonzero(supply).tolist():
        while problem.left[source]:
            problem.move(source)
    return float((problem.flow * costs).sum())


class _Problem:
    """What was moved so far, ``flow``, (n, m), and prices of sources and sinks.

    No cost less both prices is below zero, and where something flows it is zero.
    """

    def __init__(self, supply: Ints, demand: Ints, costs: Doubles) -> None:
        self.costs = costs
        self.left, self.wanted = supply.copy(), demand.copy()
        self.flow = np.zeros(costs.shape, dtype=np.int64)
        self.prices, self.prices_of_sinks = np.zeros(len(supply)), costs.min(axis=0)

    def move(self, source: int) -> None:
        """Move as much as possible along the cheapest path from a source to any sink that still wants something."""
        n, m = self.costs.shape
        away, through = np.full(n, np.inf), np.zeros(n, dtype=np.int64)  # of sources, and the sink before each
        far, by = np.full(m, np.inf), np.zeros(m, dtype=np.int64)  # of sinks, and the source before each
        done = np.zeros(m, dtype=np.bool_)
        away[source] = 0.0
        new = np.array([source])
        while True:
            if len(new):
                reach = away[new, None] + self.costs[new] - self.prices[new, None] - self.prices_of_sinks
                first = reach.argmin(axis=0)
                nearest = reach[first, np.arange(m)]
                better = ~done & (nearest < far)
                far[better], by[better] = nearest[better], new[first[better]]
            sink = int(np.where(done, np.inf, far).argmin())
            if self.wanted[sink]:
                break
            done[sink] = True  # it is full: go on from the sources that filled it, and take back what they sent
            new = np.flatnonzero((self.flow[:, sink] > 0) & np.isinf(away))
            away[new], through[new] = far[sink], sink
        reached = np.isfinite(away)
        self.prices[reached] += far[sink] - away[reached]
        self.prices_of_sinks[done] -= far[sink] - far[done]
        self._send(source, sink, by, through)

    def _send(self, source: int, sink: int, by: Ints, through: Ints) -> None:
        there, back = [(int(by[sink]), sink)], []
        while there[-1][0] != source:
            last = there[-1][0]
            back.append((last, int(through[last])))
            there.append((int(by[through[last]]), int(through[last])))
        amount = min([self.left[source], self.wanted[sink], *(self.flow[arc] for arc in back)])
        for arc in there:
            self.flow[arc] += amount
        for arc in back:
            self.flow[arc] -= amount
        self.left[source] -= amount
        self.wanted[sink] -= amount

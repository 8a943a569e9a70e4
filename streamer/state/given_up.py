"""Futures that were given up: checkpoints that came later than the state from which the stream was continued."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt


@attrs.define
class GivenUp:
    """The numbers of checkpoints that are no earlier states of this one, because something was taken back.

    Attributes:
        ranges: For each time that something was taken back, the numbers of two checkpoints: the state from which the
            stream was continued, and what it became. Those in between were given up.
    """

    ranges: list[tuple[int, int]] = attrs.field(factory=list)

    def add(self, after: int, before: int) -> None:
        """Give up the checkpoints between two numbers."""
        if before - after < 2:
            return
        others = [one for one in self.ranges if not (after <= one[0] and one[1] <= before)]
        self.ranges = [*others, (after, before)]

    def has(self, sequence: int) -> bool:
        """Return whether a checkpoint was given up."""
        return any(after < sequence < before for after, before in self.ranges)

    def to_arrays(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return the numbers as two columns."""
        table = np.array(self.ranges, np.int64).reshape(-1, 2)
        return {"after": np.ascontiguousarray(table[:, 0]), "before": np.ascontiguousarray(table[:, 1])}

"""The losses of the epochs of a ``train`` command that is under way."""

from __future__ import annotations

import attrs

from streamer.model.sgns import Loss


@attrs.define
class EpochLosses:
    """The loss of each epoch of a ``train`` command, stored so that a killed command can resume.

    Attributes:
        job: What the command trains; another job starts with no losses.
        losses: For each epoch the sum of losses and its weight.
    """

    job: str = ""
    losses: list[Loss] = attrs.field(factory=list)

    def begin(self, job: str) -> None:
        """Start the table of a job, or continue it if this job was under way."""
        if self.job != job:
            self.job, self.losses = job, []

    def add(self, epoch: int, loss: Loss) -> None:
        """Add the loss of a block to its epoch, counted from 0."""
        while len(self.losses) <= epoch:
            self.losses.append(Loss(0.0, 0.0))
        old = self.losses[epoch]
        self.losses[epoch] = Loss(old.total + loss.total, old.weight + loss.weight)

    def mean(self, epoch: int) -> float | None:
        """Return the mean loss of an epoch, None if nothing was measured."""
        return self.losses[epoch].mean if epoch < len(self.losses) else None

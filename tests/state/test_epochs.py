"""The losses of epochs add up, and belong to one command."""

from __future__ import annotations

from streamer.model.sgns import Loss
from streamer.state import EpochLosses


def test_losses_add_up_to_their_epoch() -> None:
    """Blocks of an epoch add up in whatever order epochs come; an epoch without pairs has no mean."""
    losses = EpochLosses()
    losses.begin("job")
    for epoch, total, weight in ((0, 6.0, 2.0), (2, 5.0, 5.0), (0, 2.0, 2.0)):
        losses.add(epoch, Loss(total, weight))
    assert [losses.mean(epoch) for epoch in range(4)] == [2, None, 1, None]


def test_the_same_job_goes_on_and_another_starts_anew() -> None:
    """A command that was killed finds its losses again, another command does not."""
    losses = EpochLosses()
    losses.begin("a")
    losses.add(0, Loss(4, 2))
    losses.begin("a")
    losses.add(0, Loss(5, 1))
    assert losses.mean(0) == 3
    losses.begin("b")
    assert losses.mean(0) is None


def test_epochs_that_were_not_begun_have_no_mean() -> None:
    """A table is asked for any epoch, and holds one row for each up to the last that was trained."""
    losses = EpochLosses()
    assert losses.mean(0) is None
    losses.add(2, Loss(1.0, 4.0))
    assert losses.losses == [Loss(0.0, 0.0), Loss(0.0, 0.0), Loss(1.0, 4.0)]
    assert (losses.mean(1), losses.mean(2), losses.mean(3)) == (None, 0.25, None)


def test_a_new_job_forgets_without_touching_what_was_handed_out() -> None:
    """Whoever still holds the losses of the job before keeps them."""
    losses = EpochLosses()
    losses.begin("a")
    losses.add(0, Loss(4.0, 2.0))
    before = losses.losses
    losses.begin("b")
    assert (losses.job, losses.losses, before) == ("b", [], [Loss(4.0, 2.0)])

"""The progress of a file, and a display that shows nothing."""

from __future__ import annotations

import contextlib
import os

import pytest

from streamer.model.learner import BlockReport
from streamer.model.sgns import Loss
from streamer.service.progress import Display, FileProgress


def report(tokens: int, admitted: int, loss: Loss) -> BlockReport:
    """Return the report of a block."""
    return BlockReport(tokens, tokens, admitted, 100, 1000, 1000, loss)


def test_blocks_add_up() -> None:
    """Words, new words and seconds of all blocks are summed, and no two files share a sum."""
    progress, other = FileProgress("a.txt", 1000, 400), FileProgress("b.txt", 10, 10)
    progress.add(report(30, 2, Loss(60.0, 30.0)), 0.5)
    progress.add(report(10, 1, Loss(50.0, 10.0)), 0.25)
    assert (progress.words, progress.admitted, progress.seconds) == (40, 3, 0.75)
    assert (progress.path, progress.size, progress.fresh) == ("a.txt", 1000, 400)
    assert (other.words, other.loss) == (0, Loss(0.0, 0.0))


def test_the_loss_is_that_of_all_pairs() -> None:
    """A block counts by the weight of its pairs, not as one of two; without a pair there is no mean."""
    progress = FileProgress("a.txt", 1000, 1000)
    assert progress.loss.mean is None
    progress.add(report(1, 0, Loss(0.0, 0.0)), 1.0)
    assert progress.loss.mean is None
    progress.add(report(30, 0, Loss(60.0, 30.0)), 1.0)
    progress.add(report(10, 0, Loss(50.0, 10.0)), 1.0)
    assert progress.loss.mean == 110 / 40


def test_a_display_for_pipes_shows_only_what_is_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of output are printed, in their order; files, blocks and pauses are not."""
    with Display() as display:
        display.backlog(3, 1000)
        display.waiting(2)
        display.file("a.txt", 1000)
        display.echo("epoch 1")
        display.reached(0.5)
        display.block(50, lambda: 2.5, 100)
        display.scoring()
        display.done()
        display.idle()
        display.echo("epoch 2")
        assert not display.live
    assert capsys.readouterr() == ("epoch 1\nepoch 2\n", "")


def test_an_error_goes_through_a_display() -> None:
    """What fails within it is not swallowed."""
    with pytest.raises(ZeroDivisionError), Display():
        raise ZeroDivisionError


@pytest.mark.parametrize("place", ["a full disk", "nobody reads"])
def test_output_that_goes_nowhere_stops_nothing(place: str) -> None:
    """Whether stdout is a pipe whose reader has gone or a full disk: no error comes of it."""
    if place == "a full disk":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    out = os.fdopen(descriptor, "w")
    try:
        with contextlib.redirect_stdout(out):
            with pytest.raises(OSError):
                print("a line", flush=True)
            Display().echo("another line")
    finally:
        with contextlib.suppress(OSError):
            out.close()


def test_no_output_at_all() -> None:
    """A process may have no stdout."""
    with contextlib.redirect_stdout(None):
        Display().echo("a line")

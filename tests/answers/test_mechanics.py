"""The mechanics shown on a small text are those of the product."""

from __future__ import annotations

import itertools
from pathlib import Path

import attrs
import numpy as np
import pytest

from streamer.answers import mechanics
from streamer.answers.mechanics import SETTINGS, Mechanics, epoch_losses, read, skipgram_pairs
from streamer.errors import ExitCode, StreamerError

TEXT = "\n\n".join(
    ["The king sat in the castle with the queen.", "The dog ran in the garden with the cat.", "It's late."] * 12
)


def test_pairs_are_those_of_the_windows() -> None:
    """Each token with each other one of its segment up to w away, once, by its weight."""
    ids, segments = np.array([5, 6, 5, 7, 8, 5]), np.array([0, 0, 0, 0, 1, 1], np.int32)
    expected = {
        (i, j): (4 - abs(i - j)) / 3
        for i, j in itertools.permutations(range(6), 2)
        if abs(i - j) <= 3 and segments[i] == segments[j]
    }
    found = skipgram_pairs(ids, segments, 3)
    assert [(pair.centre, pair.context) for pair in found] == [(ids[i], ids[j]) for i, j in sorted(expected)]
    assert [pair.weight for pair in found] == pytest.approx([expected[key] for key in sorted(expected)])


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_loss_falls_with_each_update(architecture: str) -> None:
    """Steps on the same chunk bring its loss down, if not each further; asking for the loss changes nothing."""
    mechanics = Mechanics(TEXT, attrs.evolve(SETTINGS, architecture=architecture))
    losses = []
    for _ in range(6):
        losses.append(mechanics.loss())
        assert mechanics.loss() == losses[-1]
        mechanics.update()
    assert all(loss < losses[0] for loss in losses[1:])
    assert losses[-1] < 0.85 * losses[0]


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_average_loss_falls_over_epochs(architecture: str) -> None:
    """The last epoch's is well below the first's, on the sample that comes with the package too."""
    settings = attrs.evolve(SETTINGS, architecture=architecture)
    for text in (TEXT, read(None)):
        losses = epoch_losses(text, settings, 8)
        assert len(losses) == 8
        assert 0.1 < losses[-1] < 0.9 * losses[0]


def test_files_that_cannot_be_inspected(tmp_path: Path) -> None:
    """No file, a folder, an empty file, a binary one, a broken archive: error 66, with name and reason."""
    empty, binary, broken = tmp_path / "empty.txt", tmp_path / "binary", tmp_path / "broken.gz"
    empty.touch()
    binary.write_bytes(bytes(range(256)) * 20)
    broken.write_bytes(b"\x1f\x8b" + b"nothing" * 9)
    for path in (tmp_path / "none.txt", empty / "below", tmp_path, empty, binary, broken):
        with pytest.raises(StreamerError) as caught:
            read(path)
        assert caught.value.code == ExitCode.NO_INPUT
        assert str(path) in str(caught.value)


def test_only_the_beginning_of_a_long_file_is_read(tmp_path: Path) -> None:
    """A file of any size is inspected by its first MiB."""
    path = tmp_path / "long.txt"
    path.write_text("some words\n\n" * 200_000)
    text = read(path)
    assert len(text) <= mechanics.LIMIT
    assert len(text) > mechanics.LIMIT / 2
    assert text.startswith("some words\n\nsome")


@pytest.mark.parametrize("text", ["", " \n\n", "... --- ''' _"])
def test_a_text_without_words(text: str) -> None:
    """There is nothing to show the mechanics on: an error 66."""
    with pytest.raises(StreamerError) as caught:
        Mechanics(text, SETTINGS)
    assert caught.value.code == ExitCode.NO_INPUT

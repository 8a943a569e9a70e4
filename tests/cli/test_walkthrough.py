"""What `inspect` prints: each step under its heading, and nothing that is not a number."""

from __future__ import annotations

import re

import numpy as np
import pytest

from streamer.cli.walkthrough import show
from streamer.errors import ExitCode, StreamerError

TEXT = "\n\n".join(
    ["The king sat in the castle with the queen.", "The dog ran in the garden with the cat.", "It's late."] * 12
)


def shown(capsys: pytest.CaptureFixture[str], text: str, **options: object) -> str:
    """Return what is printed about a text."""
    show(text, **{"epochs": 5, "architecture": "skipgram", "seed": 1, **options})  # type: ignore[arg-type]
    return capsys.readouterr().out


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_every_step_is_shown(capsys: pytest.CaptureFixture[str], architecture: str) -> None:
    """Tokens, vocabulary, pairs, scores, one update and the epochs, each under its heading."""
    out = shown(capsys, TEXT, architecture=architecture)
    headings = [
        "Tokens",
        "Vocabulary",
        "Skip-gram pairs",
        "Scores before",
        "One update",
        "Scores after",
        "Average loss",
    ]
    places = [out.index(f"\n{heading}") for heading in headings]
    assert places == sorted(places)
    assert "the king sat in the castle with the queen" in out
    assert re.search(r"0  the +72\n", out)
    assert len(re.findall("^epoch", out, re.MULTILINE)) == 5
    before, after = (float(re.findall(rf"^{name} +(\S+)", out, re.MULTILINE)[0]) for name in ("before", "after"))
    assert after < before
    # One context and five noise words at a dot product of zero, so at a score of b = −½ ln 5.
    assert before == pytest.approx(np.log1p(5**0.5) + 5 * np.log1p(5**-0.5), abs=1e-3)
    first, *_, last = (float(loss) for loss in re.findall(r"^epoch +\d+ +(\S+)", out, re.MULTILINE))
    assert last < first


def test_scores_begin_at_zero_and_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the update all scores are zero; after some, those of real neighbours lie above those of noise."""
    before, after = shown(capsys, TEXT, epochs=30).split("Scores")[1:]
    for kind in ("positive", "negative"):
        assert set(re.findall(rf"{kind} .* (\S+)\n", before)) == {"+0.0000"}
    positive, negative = (
        [float(score) for score in re.findall(rf"{kind} .* (\S+)\n", after)] for kind in ("positive", "negative")
    )
    assert np.mean(positive) > np.mean(negative)


def test_the_same_seed_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown is a function of text and seed."""
    first, again, other = (shown(capsys, TEXT, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("text", ["one", "one\n\ntwo", "two words", "a a a a", "x" * 256])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_smallest_texts_can_be_inspected(capsys: pytest.CaptureFixture[str], text: str, architecture: str) -> None:
    """One word, words with no neighbour, one word over and over: nothing fails, nothing is not a number."""
    out = shown(capsys, text, architecture=architecture)
    assert "Average loss" in out
    assert not re.search(r"\b(nan|inf)\b", out)


def test_words_of_markup_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """The text of a user is no formatting."""
    assert "bold" in shown(capsys, "[bold] is bold [/bold] and :smile: is smile")


@pytest.mark.parametrize("text", ["", " \n\n", "... --- ''' _"])
def test_a_text_without_words(text: str) -> None:
    """There is nothing to inspect: an error 66."""
    with pytest.raises(StreamerError, match="no words") as caught:
        show(text, epochs=1, architecture="skipgram", seed=1)
    assert caught.value.code == ExitCode.NO_INPUT

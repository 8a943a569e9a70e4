"""Settings of a model that do not go together are refused."""

from __future__ import annotations

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import TOKENIZERS, ModelSettings


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_a_line_is_a_context_of_logs_and_posts(tokenizer: str) -> None:
    """Unless the boundary is given."""
    assert ModelSettings(tokenizer=tokenizer).boundary == ("line" if tokenizer in ("logs", "social") else "paragraph")
    assert ModelSettings(tokenizer=tokenizer, boundary="file").boundary == "file"


@pytest.mark.parametrize("tokenizer", ["spaces", "module:function"])
def test_case_that_stays_anyway(tokenizer: str) -> None:
    """To ask for it would say that it does something."""
    with pytest.raises(StreamerError, match="leave out --keep-case") as caught:
        ModelSettings(tokenizer=tokenizer, keep_case=True)
    assert caught.value.code == ExitCode.CONFIGURATION


@pytest.mark.parametrize("lines", [("# a comment",), ("the", "i | subject")])
def test_a_stop_list_has_one_word_in_each_line(lines: tuple[str, ...]) -> None:
    """Comments and columns would take away other words."""
    with pytest.raises(StreamerError, match="--stop-words must have one word in each line") as caught:
        ModelSettings(stop_words=lines)
    assert caught.value.code == ExitCode.CONFIGURATION
    assert ModelSettings(phrases=("New York",)).phrases == ("New York",)


def test_the_pieces_of_all_lanes_are_in_memory_at_a_time() -> None:
    """Ten million words of text are the most."""
    assert ModelSettings(lanes=250).lanes * ModelSettings().lane_size == 10_000_000
    assert ModelSettings(lane_size=10_000_000).lanes == 1
    with pytest.raises(StreamerError, match=r"--lanes 4 with --lane-size 2500001 is 10,000,004 words") as caught:
        ModelSettings(lanes=4, lane_size=2_500_001)
    assert caught.value.code == ExitCode.CONFIGURATION


def test_a_round_has_a_piece_for_each_lane() -> None:
    """Of about six bytes a word; a model of one lane has no rounds."""
    assert ModelSettings(lanes=8, lane_size=100_000).round_bytes == 4_800_000
    assert ModelSettings(lane_size=100_000).round_bytes == 0

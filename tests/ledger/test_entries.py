"""A row of the ledger: what it accounts for."""

from __future__ import annotations

import pytest

from streamer.ledger.entries import IN_TRAINING, Entry, Signature


@pytest.mark.parametrize(
    ("start", "trained", "outcome", "reason", "skipped"),
    [
        (0, 10, "trained", "", 0),
        (4, 6, "trained", "", 4),
        (4, 0, "partial", IN_TRAINING, 4),
        (4, 2, "partial", "removed", 8),
        (0, 0, "skipped", "not text", 10),
    ],
)
def test_bytes_are_trained_or_skipped(start: int, trained: int, outcome: str, reason: str, skipped: int) -> None:
    """What was trained as part of another file is skipped here; during a pass, the rest is neither."""
    entry = Entry("a", Signature(10, 1, 1), bytes(32), 10, bytes_trained=trained, start=start)
    entry.outcome, entry.reason = outcome, reason
    assert (entry.bytes_skipped, entry.bytes, entry.known) == (skipped, trained + skipped, start + trained)

"""What tests of queries share."""

from __future__ import annotations

import pytest

from streamer.vectors.search import Neighbours


def assert_same(ours: Neighbours, theirs: Neighbours) -> None:
    """Compare neighbours to 1e-6: the same words with the same cosines, in an order that these allow."""
    assert dict(ours) == pytest.approx(dict(theirs), abs=1e-6)
    assert [cosine for _, cosine in ours] == pytest.approx([cosine for _, cosine in theirs], abs=1e-6)
    cosines = [cosine for _, cosine in ours]
    assert cosines == sorted(cosines, reverse=True)

"""Files that are gone from the inbox are folded when they have been gone for long."""

from __future__ import annotations

from pathlib import Path

from streamer.intake.inbox import Scan
from streamer.ledger.entries import Signature
from streamer.ledger.ledger import Ledger
from streamer.service.tidying import Tidier


def test_a_file_is_folded_when_its_time_is_over() -> None:
    """Not before, not if it is in another folder, and only a look at all that is there counts."""
    ledger, now = Ledger("/inbox"), [1000.0]
    for name in ("here", "gone", "/elsewhere/gone", "/inbox/by-name"):
        ledger.refuse(name, Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 300, lambda: now[0])

    def look(*, whole: bool = True) -> list[str]:
        tidier.looks()
        ledger.seen("here", Signature(5, 1, 1))
        tidier.looked(Scan(whole=whole))
        return [row.path for row in ledger]

    everything = ["here", "gone", "/elsewhere/gone", "/inbox/by-name"]
    assert look(whole=False) == everything
    now[0] = 1100
    assert look() == everything
    now[0] = 1399
    assert look() == everything, "it is missed since 1100"
    now[0] = 1405
    assert look() == everything, "it looks each tenth second only"
    now[0] = 1410
    assert look(whole=False) == everything
    assert look() == ["here", "/elsewhere/gone"]


def test_it_says_what_is_worth_a_checkpoint() -> None:
    """That a file is gone, that it has returned, and that it was folded; or else each start would forget it."""
    ledger, now = Ledger("/inbox"), [1000.0]
    ledger.refuse("a", Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 300, lambda: now[0])

    def look(seconds: float, *, there: bool, whole: bool = True) -> bool:
        now[0] += seconds
        tidier.looks()
        if there:
            ledger.seen("a", Signature(5, 1, 1))
        return tidier.looked(Scan(whole=whole))

    assert [look(20, there=there) for there in (True, False, False, True, True)] == [False, True, False, True, False]
    assert not look(20, there=False, whole=False)
    assert look(20, there=False)
    assert look(301, there=False)
    assert not ledger.entries
    assert not look(20, there=False)


def test_files_are_listed_for_ever_with_0() -> None:
    """Then nothing is noted either."""
    ledger, now = Ledger("/inbox"), [1000.0]
    ledger.refuse("gone", Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 0, lambda: now[0])
    for _ in range(3):
        tidier.looks()
        tidier.looked(Scan(whole=True))
        now[0] += 1e9
    assert ledger.to_arrays()["gone"].tolist() == [0]

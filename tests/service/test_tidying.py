"""Files that are gone from the inbox are folded when they have been gone for long."""

from __future__ import annotations

from pathlib import Path

from streamer.intake.inbox import Scan
from streamer.ledger.entries import Signature
from streamer.ledger.ledger import Ledger
from streamer.service.tidying import Tidier


def test_a_file_is_folded_when_its_time_is_over() -> None:
    """Not before, not if it is in another folder, and only a look at all that is there counts."""
    ledger, now = Ledger("/inbox"), [2e9 + 1000]
    for name in ("here", "gone", "/elsewhere/gone", "/inbox/by-name"):
        ledger.refuse(name, Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 300, clock=lambda: now[0])

    def look(*, whole: bool = True) -> list[str]:
        tidier.looks()
        ledger.seen("here", Signature(5, 1, 1))
        tidier.looked(Scan(whole=whole))
        return [row.path for row in ledger]

    everything = ["here", "gone", "/elsewhere/gone", "/inbox/by-name"]
    assert look(whole=False) == everything
    now[0] = 2e9 + 1100
    assert look() == everything
    now[0] = 2e9 + 1399
    assert look() == everything, "it is missed since 1100"
    now[0] = 2e9 + 1405
    assert look() == everything, "it looks each tenth second only"
    now[0] = 2e9 + 1410
    assert look(whole=False) == everything
    assert look() == ["here", "/elsewhere/gone"]


def test_it_says_what_is_worth_a_checkpoint() -> None:
    """That a file is gone, that it has returned, and that it was folded; or else each start would forget it."""
    ledger, now = Ledger("/inbox"), [2e9 + 1000]
    ledger.refuse("a", Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 300, clock=lambda: now[0])

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
    ledger, now = Ledger("/inbox"), [2e9 + 1000]
    ledger.refuse("gone", Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 0, clock=lambda: now[0])
    for _ in range(3):
        tidier.looks()
        tidier.looked(Scan(whole=True))
        now[0] += 1e9
    assert ledger.to_arrays()["gone"].tolist() == [0]


def test_what_could_not_be_looked_at_is_not_gone() -> None:
    """A folder that may not be read, and files that are left out by --exclude; the others are missed all the same."""
    ledger, now = Ledger("/inbox"), [2e9]
    for name in ("a", "lost+found/b", "sub/c.tmp", "sub/d"):
        ledger.refuse(name, Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 300, lambda path: not path.endswith(".tmp"), lambda: now[0])
    for _ in range(2):
        tidier.looks()
        tidier.looked(Scan(whole=True, unread=frozenset({"lost+found/"})))
        now[0] += 300
    assert [row.path for row in ledger] == ["lost+found/b", "sub/c.tmp"]
    tidier.looks()
    tidier.looked(Scan(whole=True, unread=frozenset({""})))
    assert ledger.to_arrays()["gone"].tolist() == [0, 0]


def test_a_clock_that_is_wrong_folds_nothing() -> None:
    """It says 1970 or 2106, or was far ahead and is set back: a file is folded when its time is over since then."""
    ledger, now = Ledger("/inbox"), [0.0]
    ledger.refuse("a", Signature(5, 1, 1), "empty")
    tidier = Tidier(ledger, Path("/inbox"), 300, clock=lambda: now[0])

    def look(time: float) -> list[int]:
        now[0] = time
        tidier.looks()
        tidier.looked(Scan(whole=True))
        return [int(gone) for gone in ledger.to_arrays()["gone"]]

    assert look(5) == look(2**32 + 7) == [0]
    assert look(4e9) == [int(4e9)]
    assert look(2e9) == [int(2e9)]
    assert look(2e9 + 299) == [int(2e9)]
    assert look(2e9 + 310) == []

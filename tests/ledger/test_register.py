"""What is known of the files: it is stored, comes back, and tells damage."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger

from .test_ledger import PATH, check, look, rows, train


def test_names_and_reasons_of_any_kind_survive_storage() -> None:
    """Names that are not UTF-8, hold newlines or quotes, and reasons in any script come back as they were."""
    ledger = Ledger()
    for position, name in enumerate([b"caf\xe9.txt", "日本語/é.txt".encode(), b'a "b"\n.txt', b"\xff\xfe"]):
        ledger.refuse(os.fsdecode(name), Signature(position, -1, 2**62), f"причина {position % 2} \udcff")
    check(ledger)
    arrays = ledger.to_arrays()
    assert arrays["reason"].tolist() == [0, 1, 0, 1]
    assert {str(column.dtype) for column in arrays.values()} == {
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "int32",
        "int64",
    }


def test_times_beyond_all_numbers_survive_storage() -> None:
    """A file from the year 2300 or the year 1600, which no int64 of nanoseconds holds, is known again when loaded."""
    ledger, signatures = Ledger(), [Signature(5, 10**19, 7), Signature(5, -(10**19), 7)]
    for path, signature in zip("ab", signatures, strict=True):
        train(ledger, ledger.plan(path, Verdict(signature, path.encode() * 32, 5, text_sha256=path.encode() * 32)))
        ledger.refuse(path + "!", signature, "empty")
    for known in (ledger, Ledger.from_arrays(ledger.to_arrays())):
        for path, signature in zip("ab", signatures, strict=True):
            assert known.seen(path, signature) and known.seen(path + "!", signature)
            assert not known.seen(path, signature._replace(ctime_ns=8))
            assert not known.seen(path + "!", signature._replace(mtime_ns=9))


def test_an_empty_ledger_survives_storage() -> None:
    """No rows are stored as columns without rows."""
    check(Ledger())
    assert Ledger().to_arrays()["sha256"].shape == (0, 32)
    assert Ledger().outcomes() == {"trained": 0, "partial": 0, "skipped": 0, "held": 0, "forgotten": 0}


@pytest.mark.parametrize("root", ["", "/data/inbox", "/data/naïve 東京", "/data/" + os.fsdecode(b"caf\xe9")])
def test_the_root_comes_back_beside_the_rows(root: str) -> None:
    """The folder that relative names are relative to is none of the columns, and comes back as it was."""
    ledger = Ledger()
    assert ledger.root == ""
    ledger.refuse("a.txt", Signature(1, 1, 1), "reason")
    without = {name: column.tobytes() for name, column in ledger.to_arrays().items()}
    ledger.adopt(root)
    assert ledger.root == Ledger(root).root == root
    assert {name: column.tobytes() for name, column in ledger.to_arrays().items()} == without
    again = Ledger.from_arrays(ledger.to_arrays(), ledger.root)
    assert (again.root, rows(again)) == (root, rows(ledger))
    assert Ledger.from_arrays(ledger.to_arrays()).root == ""


def test_a_root_is_adopted_without_a_look_at_the_rows() -> None:
    """Rows keep their names, their places and what is known of them, whatever folder they are now said to be in."""
    ledger = Ledger("/old")
    entry = ledger.plan(PATH, look(ledger, b"some text"))
    train(ledger, entry, to=4)
    before = rows(ledger)
    ledger.adopt("/new")
    ledger.adopt("/newer")
    assert (ledger.root, rows(ledger)) == ("/newer", before)
    assert ledger.under_way is entry
    assert ledger.knows(PATH)


@pytest.mark.parametrize("column", sorted(Ledger().to_arrays()))
@pytest.mark.parametrize("damage", ["missing", "shorter"])
def test_damaged_columns_are_told(column: str, damage: str) -> None:
    """A column that is missing or too short is an error with exit code 65, never a wrong ledger."""
    ledger = Ledger()
    for name in "abc":
        ledger.refuse(name, Signature(1, 1, 1), f"reason {name}")
    arrays = ledger.to_arrays()
    if damage == "missing":
        del arrays[column]
    else:
        blobs = ("paths", "reasons", "formats", "encodings")
        if column.startswith(("more", "spans", "folded", "sums")):
            arrays[column] = np.zeros(1, arrays[column].dtype)
        else:
            arrays[column] = arrays[column][: -2 if column in blobs else -1]
    with pytest.raises(StreamerError, match="the ledger is damaged") as caught:
        Ledger.from_arrays(arrays)
    assert caught.value.code == ExitCode.DAMAGED


@pytest.mark.alone
def test_a_hundred_thousand_files_are_no_burden() -> None:
    """Storing and asking take fractions of a second at 100,000 files (generous bounds: the machine may be busy)."""
    rows = 100_000
    stored = Ledger().to_arrays()
    arrays = {name: np.zeros(rows, column.dtype) for name, column in stored.items() if "/" not in name}
    arrays |= {name: column for name, column in stored.items() if "/" in name}
    arrays["paths"] = np.frombuffer("".join(f"folder/{row}.txt\0" for row in range(rows)).encode(), np.uint8)
    arrays["reasons"], arrays["sha256"] = np.zeros(1, np.uint8), np.zeros((rows, 32), np.uint8)
    arrays["formats"] = np.frombuffer(b"text\0", np.uint8)
    arrays["encodings"] = np.zeros(1, np.uint8)
    arrays["passes"] += 1
    start = time.process_time()
    ledger = Ledger.from_arrays(dict(arrays))
    assert time.process_time() - start < 2
    start = time.process_time()
    again = ledger.to_arrays()
    assert time.process_time() - start < 0.5
    assert all(np.array_equal(again[name], column) for name, column in arrays.items())
    assert ledger.seen("folder/77.txt", Signature(0, 0, 0))


def test_a_sparse_file_of_any_size_is_refused_and_comes_back() -> None:
    """File systems know sizes up to 8 EiB. A refusal of such a file may be saved, and read again."""
    ledger = Ledger()
    ledger.refuse("huge.txt", Signature(2**63 - 1, 1, 1), "sparse: 100 % of its bytes are holes (limit 1 %)")
    (entry,) = Ledger.from_arrays(ledger.to_arrays()).entries
    assert (entry.bytes_skipped, entry.outcome) == (2**63 - 1, "skipped")

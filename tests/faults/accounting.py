"""Every byte of every file, counted once more by a simpler program than the one that is tested."""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import lzma
import os
import zlib
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

from streamer.answers import reports
from streamer.settings import DEFAULT_EXCLUDE
from streamer.state.reading import read_ledger

Row = dict[str, Any]
PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}


def check_accounts(folder: Path, inbox: Path, *, whole: bool = True, elsewhere: int = 0) -> dict[str, list[Row]]:
    """Check that bytes seen are bytes trained and bytes skipped, and return the rows of each path, the newest last.

    Args:
        folder: The folder of checkpoints.
        inbox: The inbox as it is now, all of it relative to the ledger's root.
        whole: Whether the trainer had the time to end with all that is there: then each file has its row, and each
            row that is of the content on disk covers all of its text.
        elsewhere: Words that were trained and are in no file.
    """
    rows = reports.files(folder)
    status = reports.status(folder)
    folded = read_ledger(folder).folded
    by_path: dict[str, list[Row]] = {}
    for row in rows:
        assert row["bytes"] == row["bytes_trained"] + row["bytes_skipped"], row
        assert min(row["bytes_trained"], row["bytes_skipped"], row["words"]) >= 0, row
        copied = row["reason"].startswith("its first ")  # bytes are a copy of another file
        assert (row["outcome"] == "trained") == (row["reason"] == "" or copied), row
        assert row["outcome"] != "skipped" or row["bytes_trained"] == row["words"] == 0, row
        by_path.setdefault(row["path"], []).append(row)
    elsewhere += sum(one.words for one in folded.values())
    assert sum(row["words"] for row in rows) + elsewhere == status["words_seen"], "a word is counted in one row"
    outcomes = Counter(row["outcome"] for row in rows)
    for (outcome, _), one in folded.items():
        outcomes[outcome] += one.files
    assert outcomes == Counter(status["files"])
    trained, skipped = (
        sum(row[name] for row in rows) + sum(getattr(one, name) for one in folded.values())
        for name in ("bytes_trained", "bytes_skipped")
    )
    told = status["bytes"]
    assert (told["seen"], told["trained"], sum(told["skipped"].values())) == (trained + skipped, trained, skipped)
    if whole:
        for path in taken(inbox):
            name = os.path.relpath(path, inbox)
            assert name in by_path, f"{name} is neither trained nor refused"
            _check_newest(path, by_path[name])
    return by_path


def taken(inbox: Path) -> list[Path]:
    """Return the regular files whose names are taken by default."""
    found = []
    for root, folders, names in os.walk(inbox):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root, name)
            hidden = name.startswith(".") or any(fnmatch.fnmatchcase(name, glob) for glob in DEFAULT_EXCLUDE)
            if not hidden and path.is_file() and not path.is_symlink():
                found.append(path)
    return found


def text_bytes(content: bytes) -> int:
    """Return the bytes of text in the content of a file."""
    unpack = next((unpack for magic, unpack in PACKED.items() if content.startswith(magic)), None)
    if unpack is None:
        return len(content)
    try:
        return len(unpack(content))
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return len(content)


def _check_newest(path: Path, rows: list[Row]) -> None:
    status = path.stat()
    if status.st_blocks * 512 < status.st_size // 2:  # holes, of which there may be more than memory
        assert (rows[-1]["outcome"], rows[-1]["bytes_skipped"]) == ("skipped", status.st_size), rows
        return
    try:
        content = path.read_bytes()
    except OSError:
        return
    digest = sha256(content).hexdigest()
    same = [row for row in rows if row["sha256"] == digest and row["outcome"] != "skipped"]
    refused = [row for row in rows if row["outcome"] == "skipped"]
    assert len(same) + len(refused) >= 1, f"no row is of what {path} holds: {rows}"
    assert len(same) <= 1, f"the same content has two rows: {same}"
    for row in same or refused:
        assert row["bytes"] in {text_bytes(content), len(content)} or row["outcome"] == "partial", (row, len(content))

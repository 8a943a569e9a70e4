"""Whatever lies in the inbox, the trainer goes on: one outcome and one reason a file, and the good ones are trained."""

from __future__ import annotations

import gzip
import os
import socket
from pathlib import Path

import pytest

from ..support.corpus import put, text
from ..support.process import POWERLESS, QUICK, done, files, run, started
from ..support.undisturbed import Result

GOOD = text(1, 30_000)
NOT_UTF8 = os.fsdecode(b"caf\xe9.txt")
REASONS = {
    "bad.txt": "not text in utf-8",
    "binary.txt": "not text in utf-8",
    "damaged.txt.gz": "gzip",
    "empty.txt": "empty",
    "fifo.txt": "a FIFO, not a regular file",
    "folder.txt": "a folder",
    "link.txt": "a symbolic link, not a regular file",
    "socket.txt": "a socket, not a regular file",
    "truncated.txt.gz": "gzip: truncated",
    "unreadable.txt": "cannot be read: Permission denied",
}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder of all that can be wrong, with good files before, between and after."""
    if run("--version", folder=tmp_path, command=POWERLESS).code == 77:
        pytest.skip("root, and not allowed to give up its powers")
    folder = tmp_path / "inbox"
    packed = gzip.compress(GOOD.encode())
    put(folder / "good.txt", GOOD, age=7200)
    put(folder / "bad.txt", GOOD.encode() + b"\xff" * 1000)
    put(folder / "tolerable.txt", GOOD.encode() + b"\xff" * 100)
    put(folder / "binary.txt", bytes(range(256)) * 20)
    put(folder / "damaged.txt.gz", packed[:2000] + b"\x00\x01\x02\x03" * 10 + packed[2040:])
    put(folder / "empty.txt", "")
    put(folder / "truncated.txt.gz", packed[: len(packed) // 2])
    put(folder / "unreadable.txt", GOOD).chmod(0)
    put(folder / "folder.txt" / "within.txt", text(2, 1_000))
    put(folder / NOT_UTF8, text(3, 1_000))
    put(folder / "last.txt", text(4, 1_000), age=60)
    os.mkfifo(folder / "fifo.txt")
    (folder / "link.txt").symlink_to(folder / "good.txt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.txt"))
    return folder


def test_bad_files_are_refused_and_good_ones_trained(inbox: Path, tmp_path: Path) -> None:
    """One row a file: refused with the reason and all its bytes skipped, or trained to the last byte."""
    ended = done("watch", inbox, "--once", "--duplicates", "train", *QUICK, folder=tmp_path, command=POWERLESS)
    rows = files(tmp_path)
    good = {"good.txt", "tolerable.txt", "folder.txt/within.txt", NOT_UTF8, "last.txt"}
    assert set(rows) == REASONS.keys() | good
    for path, reason in REASONS.items():
        row = rows[path]
        assert (row["outcome"], row["words"], row["bytes_trained"]) == ("skipped", 0, 0)
        assert row["reason"].startswith(reason)
        regular = (inbox / path).is_file() and not (inbox / path).is_symlink()
        assert row["bytes_skipped"] == ((inbox / path).stat().st_size if regular else 0)
    for path in good:
        assert (rows[path]["outcome"], rows[path]["bytes_trained"]) == ("trained", (inbox / path).stat().st_size)
    assert sorted(line["path"] for line in ended.events("file.skipped")) == sorted(REASONS)
    assert "\\xe9.txt" in done("files", folder=tmp_path).stdout

    again = done("watch", inbox, "--once", "--duplicates", "train", *QUICK, folder=tmp_path, command=POWERLESS)
    assert not again.events("file.skipped"), "said once"
    assert files(tmp_path) == rows


def test_what_was_mended_is_trained(inbox: Path, tmp_path: Path) -> None:
    """A running trainer takes a refused file as soon as it is good, and its row changes with it."""
    with started("watch", inbox, "--duplicates", "train", *QUICK, folder=tmp_path, command=POWERLESS) as trainer:
        trainer.event("file.trained", path="last.txt")
        (inbox / "unreadable.txt").chmod(0o644)
        put(inbox / "truncated.txt.gz", gzip.compress(GOOD.encode()), age=0)
        (inbox / "fifo.txt").unlink()
        put(inbox / "fifo.txt", GOOD)
        for path in ("unreadable.txt", "truncated.txt.gz", "fifo.txt"):
            assert trainer.event("file.trained", path=path)["bytes"] == len(GOOD)
        assert trainer.stopped().code == 0
    rows = files(tmp_path)
    assert {path for path, row in rows.items() if row["outcome"] == "skipped"} == set(REASONS) - {
        "unreadable.txt",
        "truncated.txt.gz",
        "fifo.txt",
    }


def test_gzip_is_trained_like_its_plain_text(tmp_path: Path) -> None:
    """The same text, plain or packed into two members, makes the same vectors and the same count of text bytes."""
    content = text(1, 100_000).encode()
    put(tmp_path / "plain" / "a.txt", content)
    put(tmp_path / "packed" / "a.txt", gzip.compress(content[:1000]) + gzip.compress(content[1000:]))
    for name in ("plain", "packed"):
        done("watch", name, "--once", *QUICK, "--checkpoints", f"of-{name}", folder=tmp_path)
    assert Result.of(tmp_path, "of-plain").vectors == Result.of(tmp_path, "of-packed").vectors
    plain, packed = (files(tmp_path, f"of-{name}")["a.txt"] for name in ("plain", "packed"))
    assert {**plain, "sha256": ""} == {**packed, "sha256": ""}
    assert plain["sha256"] != packed["sha256"]

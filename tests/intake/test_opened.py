"""Opening a file: what is not opened, and that a small file is read once."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from streamer.intake import opened, reader
from streamer.intake.opened import Refused, open_regular
from streamer.system import failpoints


@pytest.mark.parametrize(
    "kind", ["folder", "link", "dangling link", "FIFO", "socket", "device", "missing", "in a file"]
)
def test_what_is_no_regular_file_is_not_opened(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO never blocks and a device is never read: all that is not a regular file is refused in plain words."""
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    path, regular = Path("thing"), Path("regular")
    regular.write_bytes(b"text")
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    elif "link" in kind:
        path.symlink_to(regular if kind == "link" else "nowhere")
    if kind in ("missing", "in a file"):
        with pytest.raises(FileNotFoundError):
            open_regular(path if kind == "missing" else regular / "thing")
        return
    kind = "symbolic link" if "link" in kind else kind
    with pytest.raises(Refused, match=f"^a {kind}, not a regular file$"):
        open_regular(path if kind != "device" else Path("/dev/null"))


def test_a_link_put_in_place_of_a_file_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that becomes a link between the look at it and its opening is refused by the opening."""
    (tmp_path / "regular").write_bytes(b"text")
    (tmp_path / "link").symlink_to("regular")
    regular = (tmp_path / "regular").lstat()
    monkeypatch.setattr(os, "lstat", lambda _: regular)
    with pytest.raises(Refused, match="cannot be read"):
        open_regular(tmp_path / "link")


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission to read is refused with the system's word for it, as another user would see it."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    path = Path("secret.txt")
    path.write_bytes(b"text")
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(Refused, match=r"^cannot be read: Permission denied$"):
            open_regular(path)
    finally:
        os.seteuid(user)


def test_a_small_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is trained is what was judged, even if somebody writes in between and no time says so."""
    (path := tmp_path / "file").write_bytes(b"one two three\n")
    with open_regular(path) as file:
        found = reader.judge(file, encoding="utf-8", max_bad_ratio=0.01)
        path.write_bytes(b"six six seven\nand more")
        (block,) = reader.blocks(file, start=0, stop=found.text_bytes, encoding="utf-8")
        assert block.text == "one two three\n"
        assert (file.position, file.read(9)) == (14, b"")
    monkeypatch.setattr(opened, "FEW", 13)
    with open_regular(path) as file:
        assert file.read(3) == b"six"
        path.write_bytes(b"ten ten seven\nand more")
        file.position = 0
        assert file.read(3) == b"ten"


def test_half_a_read_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may return less than was asked for; less than that comes at the end only."""
    (path := tmp_path / "file").write_bytes(b"0123456789")
    monkeypatch.setattr(failpoints, "_armed", failpoints.arm("input.read:short:1+"))
    for few in (opened.FEW, 0):
        monkeypatch.setattr(opened, "FEW", few)
        with open_regular(path) as file:
            assert (file.read(4), file.read(99), file.read(1)) == (b"0123", b"456789", b"")


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Neither the file, nor what turned out to be none after it was opened."""
    (path := tmp_path / "file").write_bytes(b"text")
    with open_regular(path) as file:
        descriptor = file.fileno()
        os.fstat(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_packing_is_known_by_the_first_bytes(tmp_path: Path) -> None:
    """Whatever the name, and wherever the file was read before."""
    for data, name in ((b"\x1f\x8b\x08\0", "gzip"), (b"text", None), (b"", None)):
        (path := tmp_path / "file.xz").write_bytes(data)
        with open_regular(path) as file:
            file.position = 2
            assert (file.packing and file.packing.name) == name

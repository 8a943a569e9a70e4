"""Events of the real operating system: which paths they name, and that it is said when they say too little."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, Mask, WatchDescriptor

from streamer.intake import watching
from streamer.intake.watching import Hints, Told, Watch
from streamer.system import failpoints


@pytest.fixture
def told() -> Told:
    """Return what collects events."""
    return Told()


def all_of(path: str, *, folder: bool) -> bool:
    """Say of each path that it matters."""
    return True


@pytest.fixture
def watched(tmp_path: Path, told: Told) -> Iterator[Path]:
    """Return a folder that is watched, with a folder in it."""
    (tmp_path / "inbox" / "sub").mkdir(parents=True)
    watch = Watch(tmp_path / "inbox", told, all_of)
    yield tmp_path / "inbox"
    watch.close()


def hints(told: Told, enough: Callable[[Hints], object]) -> Hints:
    """Return all hints until there are enough."""
    found = Hints()
    deadline = time.monotonic() + 10
    while not enough(found):
        assert time.monotonic() < deadline, found
        told.happened.wait(0.05)
        told.happened.clear()
        new = told.take()
        found = Hints(*(old | more for old, more in zip(found, new, strict=True)))  # type: ignore[operator]
    return found


def test_files_are_named(watched: Path, told: Told) -> None:
    """A file that is written or moved in, at any depth; one that had another name here before is told apart."""
    (watched / "a").write_text("text")
    (watched.parent / "elsewhere").write_text("text")
    (watched.parent / "elsewhere").rename(watched / "sub" / "b")
    (watched / "a").rename(watched / "sub" / "c")
    found = hints(told, lambda found: {"a", "sub/b", "sub/c"} <= found.paths)
    assert found == Hints(frozenset({"a", "sub/b", "sub/c"}), frozenset(), frozenset({"sub/c"}))
    assert told.take() == Hints()


def test_folders_are_named(watched: Path, told: Told) -> None:
    """A folder that is made, moved in, or renamed; what happens in it later is told too."""
    (watched / "new" / "deep").mkdir(parents=True)
    hints(told, lambda found: "new" in found.folders)
    (watched.parent / "moved" / "deep").mkdir(parents=True)
    (watched.parent / "moved").rename(watched / "moved")
    hints(told, lambda found: "moved" in found.folders)
    (watched / "sub").rename(watched / "other")
    hints(told, lambda found: "other" in found.folders)
    for folder in ("new/deep", "moved/deep", "other"):
        (watched / folder / "late").write_text("text")
        assert not hints(told, lambda found, path=f"{folder}/late": path in found.paths).unclear  # type: ignore[misc]


def test_reading_and_writing_without_an_end_are_not_told(watched: Path, told: Told) -> None:
    """Neither our own reading nor each write of a busy writer is an event; closing the file is."""
    with (watched / "a").open("w") as file:
        hints(told, lambda found: "a" in found.paths)
        for _ in range(10):
            file.write("text")
            file.flush()
        (watched / "a").read_text()
        assert not told.happened.wait(0.3)
    hints(told, lambda found: "a" in found.paths)


def test_only_what_matters_is_told(tmp_path: Path, told: Told) -> None:
    """Nobody is woken by a path that nobody wants."""
    watch = Watch(tmp_path, told, lambda path, *, folder: "wanted" in path)
    try:
        (tmp_path / "not").write_text("text")
        (tmp_path / "wanted").write_text("text")
        assert hints(told, lambda found: found.paths).paths == {"wanted"}
        assert told.take() == Hints()
    finally:
        watch.close()


def test_names_that_are_not_utf8(watched: Path, told: Told) -> None:
    """Bytes that can't be decoded are kept as surrogate escapes, as in all paths."""
    name = os.fsdecode(b"caf\xe9\n")
    (watched / name).write_text("text")
    assert hints(told, lambda found: found.paths).paths == {name}


def test_more_paths_than_are_worth_remembering(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is unclear where something happened; what was renamed is remembered, and all is clear again later."""
    monkeypatch.setattr(watching, "MOST", 3)
    for name in "abcd":
        told.tell(name, renamed=name in "bd")
    assert told.take() == Hints(renamed=frozenset("bd"), unclear=True)
    told.tell("e", folder=True)
    assert told.take() == Hints(folders=frozenset("e"))


def test_an_overflow_is_told(watched: Path, told: Told) -> None:
    """The kernel's queue has an end; what was lost behind it has no name. All is watched as before."""
    watch = Watch(watched, told, all_of)
    try:
        lost = InotifyEvent(WatchDescriptor(-1), Mask(InotifyConstants.IN_Q_OVERFLOW), 0, b"")
        watch._queue.handle_event(lost)
        assert told.happened.is_set() and told.take().unclear
        assert watch.alive()
        (watched / "sub" / "a").write_text("text")
        assert hints(told, lambda found: found.paths).paths == {"sub/a"}
    finally:
        watch.close()


def test_folders_that_take_each_others_names(watched: Path, told: Told) -> None:
    """Moved out, followed by another of its name, removed elsewhere, moved back: all that is here is still watched."""
    out = watched.parent / "out"
    (watched / "sub").rename(out)
    (watched / "sub").mkdir()
    (watched / "sub").rename(watched / "other")
    (out / "deep").mkdir()
    out.rename(watched / "sub")
    (watched / "sub" / "deep").rename(watched / "other" / "deep")
    hints(told, lambda found: {"other", "sub"} <= found.folders)
    for path in ("other/a", "sub/b", "other/deep/c"):
        deadline = time.monotonic() + 5
        while path not in told.take().paths:  # the last of the moves may not be seen yet
            assert time.monotonic() < deadline, path
            (watched / path).write_text("text")
            time.sleep(0.02)
    (watched / "sub").rename(out)
    time.sleep(0.3)
    told.take()
    told.happened.clear()
    (out / "d").write_text("text")
    assert not told.happened.wait(0.3), "what is not in the inbox is not watched"


def test_the_files_of_a_folder_that_is_renamed(watched: Path, told: Told) -> None:
    """They are renamed with it, so they are complete; those of a folder that comes from elsewhere are not."""
    (watched / "sub" / "deep").mkdir()
    (watched / "sub" / "deep" / "a").write_text("text")
    (watched.parent / "out").mkdir()
    (watched.parent / "out" / "b").write_text("text")
    (watched / "sub").rename(watched / "other")
    (watched.parent / "out").rename(watched / "out")
    found = hints(told, lambda found: {"other", "out"} <= found.folders)
    assert found.renamed == {"other/deep/a"}


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_the_inbox_itself_is_gone(how: str, watched: Path, told: Told) -> None:
    """That wakes who waits, for it is not clear what is there now; if it is removed, the watch is dead."""
    watch = Watch(watched, told, all_of)
    try:
        watched.rename(watched.parent / "away") if how == "moved" else shutil.rmtree(watched)
        hints(told, lambda found: found.unclear)
        deadline = time.monotonic() + 5
        while watch.alive() != (how == "moved"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        watch.close()


def test_a_watch_that_hears_nothing_more_is_not_alive(tmp_path: Path, told: Told) -> None:
    """When its thread ended; and no thread is left when it is closed."""
    before = threading.active_count()
    watch = Watch(tmp_path, told, all_of)
    assert watch.alive()
    watch._queue.stop()
    watch._queue.join()
    assert not watch.alive()
    watch.close()
    assert threading.active_count() == before


def test_no_watch(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is gone, or a system that gives none, is an OSError, and leaves no thread."""
    before, open_files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        Watch(tmp_path / "gone", told, all_of)
    monkeypatch.setattr(failpoints, "_armed", failpoints.arm("inbox.watch:ENOSPC:1"))
    with pytest.raises(OSError, match="No space left"):
        Watch(tmp_path, told, all_of)
    assert threading.active_count() == before
    assert len(list(Path("/proc/self/fd").iterdir())) == open_files

"""What a folder of checkpoints promises: the last good one is always there, and none is made up."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.system import disk

from .trees import damage, filled, run, tree


def test_what_is_saved_is_the_newest(tmp_path: Path) -> None:
    """A saved tree is listed with its size and time, and comes back from another store."""
    folder = tmp_path / "not" / "there" / "yet"
    before = time.time()
    saved = filled(folder, 1, 2, 3).list()[0]
    assert saved.name == "checkpoint-0000000003.h5"
    assert (saved.sequence, saved.path) == (3, folder / saved.name)
    assert saved.size_bytes == saved.path.stat().st_size
    assert before - 5 < saved.created < time.time() + 5
    loaded = Store(folder).load_newest()
    assert loaded is not None
    assert loaded[0] == saved
    assert loaded[1]["number"] == 3
    assert np.array_equal(loaded[1]["model/vectors"], np.full(100, 3))
    with h5py.File(saved.path, "r") as file:
        assert file.attrs["number"] == 3


def test_checkpoints_are_ordered_by_number_and_nothing_else_is_listed(tmp_path: Path) -> None:
    """Times may be wrong and other files may lie about; only numbers and names count."""
    store = filled(tmp_path, 9, 11, 10)
    os.utime(store.list()[0].path, (0, 0))
    for name in ("notes.txt", "checkpoint-1.h5", ".checkpoint-0000000012.h5.tmp-1", "checkpoint-0000000012.h5.damaged"):
        (tmp_path / name).touch()
    (tmp_path / "checkpoint-0000000013.h5").mkdir()
    os.mkfifo(tmp_path / "checkpoint-0000000014.h5")
    assert [checkpoint.sequence for checkpoint in store.list()] == [11, 10, 9]


def test_there_is_nothing_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A missing or empty folder holds no checkpoint, which is no error and makes no folder."""
    for folder in (tmp_path / "none", tmp_path):
        assert Store(folder).list() == []
        assert Store(folder).load_newest() is None
        Store(folder).retire(3)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    """To take it for empty would be to start from scratch silently."""
    (tmp_path / "file").touch()
    with pytest.raises(StreamerError, match="cannot read") as refused:
        Store(tmp_path / "file").load_newest()
    assert refused.value.code == ExitCode.NO_INPUT


def test_only_chosen_parts_are_loaded(tmp_path: Path) -> None:
    """A reader of vectors does not load the rest."""
    loaded = filled(tmp_path, 1).load_newest(only={"model"})
    assert loaded is not None
    assert loaded[1].keys() == {"model/vectors"}


def test_saved_files_follow_the_umask(tmp_path: Path) -> None:
    """Others may read checkpoints if the user's umask lets them, and not otherwise."""
    for number, umask in enumerate((0o022, 0o077), 1):
        previous = os.umask(umask)
        try:
            saved = filled(tmp_path, number).list()[0]
        finally:
            os.umask(previous)
        assert stat.S_IMODE(saved.path.stat().st_mode) == 0o666 & ~umask


def test_a_file_left_by_a_killed_process_of_our_pid_does_not_stop_us(tmp_path: Path) -> None:
    """In a container every run has the same pid: its name for the half-written file may be taken."""
    left = tmp_path / f".checkpoint-0000000001.h5.tmp-{os.getpid()}"
    left.write_bytes(b"half")
    assert filled(tmp_path, 1).load_newest() is not None
    assert not left.exists()


def test_retire_keeps_the_newest_and_sweeps_up(tmp_path: Path) -> None:
    """The oldest beyond ``keep`` go, half-written files go, everything else stays; one is always kept."""
    store = filled(tmp_path, 1, 2, 3, 4, 5)
    aside = store.set_aside(store.list()[0])
    left = tmp_path / ".checkpoint-0000000009.h5.tmp-4711"
    left.touch()
    (tmp_path / "notes.txt").touch()
    store.retire(2)
    assert [checkpoint.sequence for checkpoint in store.list()] == [4, 3]
    assert not left.exists()
    store.retire(0)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-0000000004.h5", aside.name, "notes.txt"}


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    """The newest that is whole is loaded, and each one passed over is told once with its reason."""
    store = filled(tmp_path, 1, 2, 3)
    damage(tmp_path / "checkpoint-0000000003.h5")
    (tmp_path / "checkpoint-0000000002.h5").write_bytes(b"")
    told: list[tuple[int, str]] = []
    loaded = store.load_newest(on_damage=lambda checkpoint, reason: told.append((checkpoint.sequence, reason)))
    assert loaded is not None
    assert loaded[0].sequence == 1
    assert [sequence for sequence, _ in told] == [3, 2]
    assert "SHA-256" in told[0][1]
    assert "short" in told[1][1]


def test_if_none_is_whole_nothing_starts_from_scratch(tmp_path: Path) -> None:
    """With 65, the newest one's reason and a way out; and still so once the damaged ones were set aside."""
    store = filled(tmp_path, 1, 2)
    for checkpoint in store.list():
        damage(checkpoint.path)
    with pytest.raises(StreamerError, match=r"checkpoint-0000000002\.h5: .*SHA-256") as refused:
        store.load_newest()
    assert refused.value.code == ExitCode.DAMAGED
    assert "--checkpoints" in refused.value.hint
    for checkpoint in store.list():
        assert store.set_aside(checkpoint).exists()
    assert store.list() == []
    with pytest.raises(StreamerError, match=r"checkpoint-0000000002\.h5\.damaged") as refused:
        Store(tmp_path).load_newest()
    assert refused.value.code == ExitCode.DAMAGED


def test_setting_aside_loses_nothing(tmp_path: Path) -> None:
    """If the same number is damaged twice, both files are kept, and a whole one is found beside them."""
    store = Store(tmp_path)
    asides = []
    for size in (1, 2):
        saved = store.save(tree(1, size), 1)
        asides.append((store.set_aside(saved), saved.size_bytes))
    assert len({path for path, _ in asides}) == 2
    assert all(path.stat().st_size == size for path, size in asides)
    store.save(tree(1), 1)
    assert store.load_newest() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_checkpoint_that_may_not_be_read_is_not_damaged(tmp_path: Path) -> None:
    """Without permission the answer is 66 at once, so that nobody sets aside a good file."""
    folder = tmp_path / "checkpoints"
    filled(folder, 1, 2)
    (folder / "checkpoint-0000000002.h5").chmod(0)
    code = """
import os
from pathlib import Path
from streamer.checkpoints import Store
from streamer.errors import StreamerError
os.setuid(65534)
try:
    Store(Path(".")).load_newest()
except StreamerError as error:
    print(int(error.code), error)
"""
    assert run(code, folder).startswith("66 cannot read")


def test_verify_finds_one_by_number_name_path_or_age(tmp_path: Path) -> None:
    """A checkpoint can be named in all the ways people would, and a damaged one ends with 65."""
    store = filled(tmp_path, 1, 2)
    elsewhere = tmp_path / "elsewhere.h5"
    shutil.copy(store.list()[0].path, elsewhere)
    assert store.verify().sequence == 2
    assert store.verify("checkpoint-0000000001.h5").sequence == 1
    assert store.verify(store.list()[1]).sequence == 1
    assert store.verify(str(elsewhere)).path == elsewhere
    damage(store.list()[0].path)
    for name in (None, "checkpoint-0000000002.h5"):
        with pytest.raises(StreamerError, match="SHA-256") as refused:
            store.verify(name)
        assert refused.value.code == ExitCode.DAMAGED
    assert store.verify("checkpoint-0000000001.h5").sequence == 1
    for name in ("checkpoint-0000000009.h5", "/no/such/file", "."):
        with pytest.raises(StreamerError, match="there is no checkpoint") as refused:
            store.verify(name)
        assert refused.value.code == ExitCode.NO_INPUT
    with pytest.raises(StreamerError, match="there is no checkpoint in"):
        Store(tmp_path / "none").verify()


def test_one_that_vanishes_before_it_is_opened_is_looked_for_again(tmp_path: Path) -> None:
    """If what was listed is retired meanwhile, something newer is there; if it always is, that is told, not None."""

    class Outrun(Store):
        times = 1

        def list(self) -> list[Checkpoint]:
            listed = super().list()
            if self.times:
                self.times -= 1
                self.save(tree(listed[0].sequence + 1), listed[0].sequence + 1)
                self.retire(1)
            return listed

    filled(tmp_path, 1)
    store = Outrun(tmp_path)
    store.retire = lambda keep: [path.unlink() for path in sorted(tmp_path.iterdir())[:-keep]]  # type: ignore
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded[0].sequence == 2
    store.times = 10_000
    with pytest.raises(StreamerError, match="vanish"):
        store.load_newest()


def test_a_listing_that_a_trainer_overtakes_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the only one listed is replaced before it is looked at, the newer one is found; a dangling link never."""
    store = filled(tmp_path, 1)
    (tmp_path / "checkpoint-0000000009.h5").symlink_to("nowhere")
    really_list = disk.list_folder
    listings = []

    def overtaken(folder: Path) -> Iterator[Path]:
        names = list(really_list(folder))
        listings.append(names)
        if len(listings) == 1:
            filled(tmp_path, 2)
            (tmp_path / "checkpoint-0000000001.h5").unlink()
        return iter(names)

    monkeypatch.setattr(disk, "list_folder", overtaken)
    assert [checkpoint.sequence for checkpoint in store.list()] == [2]
    assert len(listings) == 2

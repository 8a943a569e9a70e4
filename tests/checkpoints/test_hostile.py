"""Files that verify and yet are not ours: nothing foreign is followed, and nothing large is believed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from streamer.checkpoints import Damaged, Image, Tree, decode, seal, verify

from . import crafted
from .trees import ROOT


def sealed(fill: object, **options: object) -> io.BytesIO:
    """Return a file that somebody else filled through h5py, with a trailer that verifies."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **{"libver": ("v110", "v110"), **options}) as file:
        fill(file)  # type: ignore[operator]
    sealed_file = io.BytesIO(b"".join(seal([buffer.getvalue()])))
    verify(sealed_file)
    return sealed_file


def _external_storage(file: h5py.File, path: str) -> None:
    file.create_dataset("a", (4,), "f4", external=[(path, 0, 16)])


def _virtual(file: h5py.File, path: str) -> None:
    layout = h5py.VirtualLayout((4,), "f4", maxshape=(None,))
    layout[: h5py.h5s.UNLIMITED] = h5py.VirtualSource(path, "x", (4,), "f4", maxshape=(None,))[: h5py.h5s.UNLIMITED]
    file.create_virtual_dataset("a", layout)


def _external_link(file: h5py.File, path: str) -> None:
    file["a"] = h5py.ExternalLink(path, "/")


def _external_group_within(file: h5py.File, path: str) -> None:
    file.create_group("g")["a"] = h5py.ExternalLink(path, "/x")


@pytest.mark.parametrize("fill", [_external_storage, _virtual, _external_link, _external_group_within])
def test_no_other_file_is_opened(tmp_path: Path, fill: object) -> None:
    """References to other files are refused before anything opens them: opening the pipe that they name would hang."""
    canary = tmp_path / "canary"
    os.mkfifo(canary)
    file = sealed(lambda root: fill(root, str(canary)))  # type: ignore[operator]
    with pytest.raises(Damaged, match=r"link to another place|not stored in one piece"):
        decode(file)


def _cycle(file: h5py.File) -> None:
    file["g/a"] = [1.0]
    file["g/again"] = file["g"]


def _shared(file: h5py.File) -> None:
    file["a"] = [1.0]
    file["b"] = file["a"]


def _overlapping(file: h5py.File) -> None:
    for number in range(3):
        file.create_dataset(str(number), (400_000,), "u1")
    file["padding"] = np.zeros(1_000_000, np.uint8)


@pytest.mark.parametrize(
    "fill",
    [
        lambda file: file.update({"a": [1.0], "b": h5py.SoftLink("/a")}),
        lambda file: file.update({"b": h5py.SoftLink("/nowhere")}),
        lambda file: file.create_dataset("a", data=["x"], dtype=h5py.string_dtype()),
        lambda file: file.create_dataset("a", (1,), h5py.vlen_dtype(np.int32)),
        lambda file: file.create_dataset("a", (1,), h5py.ref_dtype),
        lambda file: file.create_dataset("a", (1,), h5py.enum_dtype({"x": 1})),
        lambda file: file.create_dataset("a", data=np.zeros(2, [("x", "f4")])),
        lambda file: file.create_dataset("a", data=np.array([b"abc"])),
        lambda file: file.create_dataset("a", data=np.zeros(100), chunks=(10,)),
        lambda file: file.create_dataset("a", data=np.zeros(100), compression="gzip"),
        lambda file: file.create_dataset("a", (2**40,), "f4"),
        lambda file: file.create_dataset("a", (2**62, 2**62), "f8", chunks=(1, 1)),
        lambda file: file.create_dataset("a", data=h5py.Empty("f4")),
        lambda file: file.update({"a": np.dtype("f4")}),
        lambda file: file.attrs.update({"a": [1, 2]}),
        lambda file: file.attrs.update({"a": h5py.Empty("f4")}),
        lambda file: file.attrs.update({"a": np.bytes_(b"x")}),
        lambda file: file.attrs.update({"a": file.ref}),
        lambda file: h5py.h5a.create(file.id, b"a", h5py.h5t.vlen_create(h5py.h5t.STD_I32LE), h5py.h5s.create(0)),
        lambda file: file.attrs.update({"a": 1}) or file.update({"a": [1.0]}),
        _cycle, _shared, _overlapping,
    ],
    ids=[
        "soft link", "dangling link", "strings", "vlen", "references", "enum", "compound", "bytes", "chunks", "filter",
        "shape bomb", "shape overflow", "no shape", "named type", "attribute array", "attribute without value",
        "attribute bytes", "attribute reference", "attribute vlen", "twice", "cycle", "hard link", "overlapping",
    ],
)  # fmt: skip
def test_what_no_tree_holds_is_refused(fill: object) -> None:
    """A digest proves that a file is whole, not that it is harmless."""
    with pytest.raises(Damaged) as refused:
        decode(sealed(fill))
    assert "of the kind" not in refused.value.reason, "refused before it was looked at"


def test_what_is_not_hdf5_is_refused() -> None:
    """A trailer over anything else than HDF5 does not make it a checkpoint."""
    with pytest.raises(Damaged, match="does not read as a checkpoint"):
        decode(io.BytesIO(b"".join(seal([b"no HDF5" * 100]))))


def test_bytes_changed_behind_a_valid_digest_do_no_harm() -> None:
    """Whatever HDF5 makes of bent bytes, the caller gets a tree or ``Damaged``, and nothing else."""
    values: list[int | float | str] = [1, "x", 2.0, True] * 2
    tree: Tree = {f"group/{name}": value for name, value in zip("abcdefgh", values, strict=True)}
    image = bytearray(b"".join(Image({**tree, "array": np.arange(5), "group/more": np.zeros((2, 2), np.float32)})))
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        position, old = (place := int(random.integers(len(image)))), image[place]
        image[position] = int(random.integers(256))
        try:
            decode(io.BytesIO(b"".join(seal([bytes(image)]))))
        except Damaged:
            refused += 1
        image[position] = old
    assert refused > 50


@pytest.mark.slow
def test_what_is_crafted_to_do_harm_does_none(tmp_path: Path) -> None:
    """Links, plugins, bombs, tricks with the beginning, metadata that is nonsense with right checksums: all of it.

    In another process with 1 GB of memory and 5 seconds for each: it neither dies nor opens the pipe that is named, and
    each file but some of those bent at random is refused.
    """
    canary = tmp_path / "canary"
    os.mkfifo(canary)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HDF5_PLUGIN_PATH": str(tmp_path)}
    command = [sys.executable, "-m", "tests.checkpoints.crafted", str(canary), "0", str(crafted.FUZZED)]
    child = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert child.returncode == 0, (child.stdout[-300:], child.stderr[-1000:])
    came_of = {
        name: (what, float(seconds)) for name, what, seconds in (line.split("\t") for line in child.stdout.splitlines())
    }
    made = crafted.crafted(str(canary))
    assert len(came_of) == len(made) + crafted.FUZZED
    for name in made:
        assert came_of[name][0].startswith("refused Damaged"), name
    refused = sum(what.startswith("refused") for what, _ in came_of.values())
    assert crafted.FUZZED // 3 < refused < len(came_of), "or what is bent is not what is read"
    assert max(seconds for _, seconds in came_of.values()) < crafted.SECONDS


def test_the_checksums_of_what_is_crafted_are_right() -> None:
    """Otherwise HDF5 would refuse those files for their checksums, and nothing else would have been tried."""
    image = crafted.plain()
    for start, end in crafted.checked_parts(image):
        assert int.from_bytes(image[end : end + 4], "little") == crafted.lookup3(image[start:end])
    assert len(list(crafted.checked_parts(image))) >= 5
    assert crafted.bent(image, lambda data: None) == image
    assert crafted.opened(image) == "decoded ['a/array', 'a/number', 'a/text', 'b/array']"

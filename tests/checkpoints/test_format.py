"""What a checkpoint's bytes promise: everything comes back, and damage is seen."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from streamer.checkpoints import Damaged, Image, Tree, decode, seal, verify

from .trees import read, same, small_tree, whole

DTYPES = ["?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", ">f4", ">i8"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (0, 100), (3, 0), (1,), (7,), (3, 4, 5)])
def test_every_plain_array_comes_back(dtype: str, shape: tuple[int, ...]) -> None:
    """Shape, dtype, byte order and every bit of a plain array survive, be it empty or a single number."""
    array = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    assert same(read(whole({"a/b": array})), {"a/b": array})


@pytest.mark.parametrize(
    "value", [0, -(2**63), 2**63 - 1, 0.1, float("inf"), -0.0, True, False, "", "naïve 語 🙂", "x" * 100_000]
)
@pytest.mark.parametrize("key", ["x", "group/x", "deep/er/x"])
def test_every_scalar_comes_back_as_the_same_python_type(key: str, value: float | str) -> None:
    """Numbers, booleans and strings of any length come back as the Python values that they were."""
    assert same(read(whole({key: value})), {key: value})


def test_special_floats_keep_their_bits() -> None:
    """NaN payloads, infinities and denormals come back bit for bit."""
    array = np.array([0x7FC00001, 0xFFC00000, 0x7F800000, 0x00000001, 0x80000000], np.uint32).view(np.float32)
    assert same(read(whole({"a": array})), {"a": array})


def test_many_scalars_in_one_group_come_back() -> None:
    """HDF5 stores more than eight attributes another way; nobody notices."""
    tree: Tree = {f"settings/{number:03d}": number for number in range(300)}
    assert same(read(whole(tree)), tree)


def test_views_are_stored_as_they_look() -> None:
    """Transposed, strided and read-only arrays are stored by value."""
    base = np.arange(24.0).reshape(4, 6)
    base.flags.writeable = False
    tree: Tree = {"transposed": base.T, "strided": base[::2, ::3]}
    back = read(whole(tree))
    assert np.array_equal(back["transposed"], base.T)
    assert np.array_equal(back["strided"], base[::2, ::3])


def test_an_empty_tree_comes_back() -> None:
    """A tree may hold nothing."""
    assert read(whole({})) == {}


def test_an_image_does_not_follow_the_model() -> None:
    """Once the image is made, training on changes nothing in it."""
    vectors = np.ones((3, 3))
    image = Image({"vectors": vectors})
    vectors += 1
    assert np.array_equal(read(b"".join(seal(image)))["vectors"], np.ones((3, 3)))


def test_plain_h5py_opens_it(tmp_path: Path) -> None:
    """Anyone reads a checkpoint by its path with h5py; the trailer does not disturb it."""
    path = tmp_path / "checkpoint.h5"
    path.write_bytes(whole(small_tree()))
    with h5py.File(path, "r") as file:
        assert file["settings"].attrs["architecture"] == "skipgram"
        assert file.attrs["sequence"] == 7
        assert file["model/vectors"].shape == (12, 5)
        assert file["model/vectors"].chunks is None


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", ".", "a/../b", "a\0b"])
def test_a_key_that_hdf5_would_bend_is_refused(key: str) -> None:
    """Keys are paths of plain names."""
    with pytest.raises(ValueError, match="cannot be"):
        whole({key: 1})


@pytest.mark.parametrize(
    "value",
    [
        np.array(["a"], object), np.array(["a"]), np.array([1j]), np.zeros(2, [("a", int)]), np.zeros(2, "M8[s]"),
        np.zeros(1, np.longdouble), 2**63, "a\0b", "\ud800", None, b"raw", [1], 1j,
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_with_no_place_in_a_tree_is_refused_by_name(value: object) -> None:
    """What could not come back as it went in is refused, and the key is named."""
    with pytest.raises(ValueError, match="odd/key cannot be stored"):
        whole({"odd/key": value})  # type: ignore[dict-item]


def test_an_array_and_a_group_of_one_name_are_refused() -> None:
    """HDF5 cannot hold both ``a`` and ``a/b`` as arrays; the error names the key."""
    with pytest.raises(ValueError, match="a/b cannot be stored"):
        whole({"a": np.zeros(1), "a/b": np.zeros(1)})


def test_the_same_tree_gives_the_same_bytes_in_any_order_process_and_year() -> None:
    """Bytes depend on the tree only: not on the order of keys, the process, or the clock."""
    tree = small_tree()
    data = whole(tree)
    assert whole(dict(reversed(tree.items()))) == data
    code = "import sys; from tests.checkpoints.trees import *; sys.stdout.buffer.write(whole(small_tree()))"
    root = Path(__file__).parents[2]
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=root, timeout=60)
    assert other.stdout == data
    with h5py.File(io.BytesIO(data), "r") as file:
        for name in ("/", "model", "model/vectors"):
            times = h5py.h5o.get_info(file[name].id)
            assert (times.atime, times.mtime, times.ctime, times.btime) == (0, 0, 0, 0)


def test_a_flipped_bit_anywhere_is_seen() -> None:
    """No single bit can change unnoticed: metadata, numbers, trailer."""
    data = bytearray(whole(small_tree()))
    positions = [*range(0, len(data), 37), *range(len(data) - 48, len(data))]
    for position in positions:
        data[position] ^= 1 << position % 8
        with pytest.raises(Damaged):
            verify(io.BytesIO(bytes(data)))
        data[position] ^= 1 << position % 8
    verify(io.BytesIO(bytes(data)))


def test_a_file_cut_short_or_added_to_is_seen() -> None:
    """Every truncation, and anything appended, prepended or cut out, is damage."""
    data = whole(small_tree())
    cuts = [data[:length] for length in [*range(0, 100), *range(100, len(data), 97), len(data) - 1]]
    for changed in [*cuts, data + b"\0", data + data, b"\0" * 512 + data, data[:500] + data[501:], data[-48:]]:
        with pytest.raises(Damaged):
            verify(io.BytesIO(changed))


def test_digests_are_right_beyond_one_piece() -> None:
    """Files of more than one 4 MiB piece are hashed to their end."""
    data = bytearray(whole({"a": np.zeros(9 << 20, np.uint8)}))
    verify(io.BytesIO(bytes(data)))
    data[9 << 20] ^= 1
    with pytest.raises(Damaged, match="SHA-256"):
        verify(io.BytesIO(bytes(data)))


def test_a_disk_that_cannot_read_is_damage() -> None:
    """An input/output error while reading is a reason to try an older checkpoint."""

    class Broken(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(Damaged, match="cannot be read: Input/output error"):
        verify(Broken(whole(small_tree())))


@pytest.mark.parametrize(
    ("only", "keys"),
    [
        ({"model"}, {"model/vectors", "model/counts"}),
        ({"model/vectors", "sequence"}, {"model/vectors", "sequence"}),
        ({"settings/window"}, {"settings/window"}),
        ({"mod", "model/vec", "settings/"}, set()),
        (set(), set()),
    ],
)
def test_only_what_is_asked_for_is_returned(only: set[str], keys: set[str]) -> None:
    """Groups and keys can be chosen; the beginnings of names choose nothing."""
    assert read(whole(small_tree()), only).keys() == keys


def test_only_what_is_asked_for_is_read() -> None:
    """Decoding the small array does not touch the bytes of the large one."""
    data = whole({"small": np.arange(10), "large/array": np.zeros(8 << 20, np.uint8)})

    class Counting(io.BytesIO):
        bytes_read = 0

        def readinto(self, buffer: object) -> int:
            count = super().readinto(buffer)  # type: ignore[arg-type]
            self.bytes_read += count
            return count

    file = Counting(data)
    assert decode(file, {"small"}).keys() == {"small"}
    assert file.bytes_read < 100_000

"""Binary files of many kinds, made by the programs and libraries that make such files."""

from __future__ import annotations

import bz2
import contextlib
import dbm.dumb
import gzip
import io
import lzma
import marshal
import pickle
import random
import sqlite3
import struct
import sys
import tarfile
import tempfile
import wave
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

TEXT = b"The quick brown fox jumps over the lazy dog, and so on.\n" * 8


def noise(size: int, seed: int = 1) -> bytes:
    """Return random bytes, the same each time."""
    return random.Random(seed).randbytes(size)


def _tar(form: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"file{number}.txt")
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT))
    return file.getvalue()


def _old_tar() -> bytes:
    data = bytearray(_tar(tarfile.USTAR_FORMAT))
    for start in range(0, 3 * 1024, 1024):  # the seventh edition of Unix had nothing behind the name of a link
        header = data[start : start + 257] + bytes(255)
        header[148:156] = b"        "
        header[148:156] = b"%06o\0 " % sum(header)
        data[start : start + 512] = header
    return bytes(data)


def _zip(kind: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("a.txt", TEXT)
    return file.getvalue()


def _cpio() -> bytes:
    header = b"070701" + b"%08X" * 13 % (1, 0o100644, 0, 0, 1, 0, len(TEXT), 0, 0, 0, 0, 6, 0)
    return header + b"a.txt\0" + TEXT


def _ar() -> bytes:
    return b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (b"a.txt/", 0, 0, 0, 0o644, len(TEXT)) + TEXT


def _png() -> bytes:
    rows = b"".join(b"\0" + noise(96, row) for row in range(32))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _picture(form: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes("RGB", (48, 48), noise(48 * 48 * 3)).save(file, form)
    return file.getvalue()


def _sqlite() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table t (a text)")
        connection.executemany("insert into t values (?)", [(TEXT.decode(),)] * 20)
        connection.commit()
        return connection.serialize()


def _wave() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes((np.sin(np.arange(4000) / 9) * 9000).astype("<i2").tobytes())
    return file.getvalue()


def _hdf5() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as group:
        group["a"] = np.arange(300.0)
    return file.getvalue()


def _saved(save: Callable[..., object], *arrays: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    save(file, *arrays)
    return file.getvalue()


def _dbm() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with dbm.dumb.open(f"{folder}/a", "n") as database:
            for number in range(40):
                database[noise(9, number)] = noise(90, number)
        return Path(f"{folder}/a.dat").read_bytes()


def _first(path: Path, size: int = 1 << 14) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _library() -> Path:
    folder = Path(np.__file__).parent
    return next(folder.rglob("*.so"))


def _font() -> Path:
    import matplotlib

    return next((Path(matplotlib.__file__).parent / "mpl-data" / "fonts" / "ttf").glob("*.ttf"))


def _mo() -> bytes:
    pairs = [(b"word %d" % number, b"mot %d" % number) for number in range(30)]
    start = 28 + 16 * len(pairs)
    table, blob = b"", b""
    for column in (0, 1):
        for pair in pairs:
            table += struct.pack("<II", len(pair[column]), start + len(blob))
            blob += pair[column] + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0) + table + blob


def _bmp() -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 54 + 3072, 0, 0, 54, 40, 32, 32, 1, 24, 0, 3072, 0, 0, 0, 0)
        + noise(3072)
    )


def _program_for_windows() -> bytes:
    return b"MZ" + noise(58) + struct.pack("<I", 128) + noise(64) + b"PE\0\0" + noise(4000)


def _class_file() -> bytes:
    return b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d" + b"".join(
        b"\x01\0\x09" + b"Method%03d" % number for number in range(60)
    )


def _normal(size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(3).normal(size=size)


def _code() -> bytes:
    return marshal.dumps(compile("def f(a, b):\n    return a + b\n" * 40, "a.py", "exec"))


BINARIES: dict[str, Callable[[], bytes]] = {
    "random": lambda: noise(4096),
    "random, little": lambda: noise(300),
    "zlib": lambda: zlib.compress(noise(3000, 2)),
    "deflated text": lambda: zlib.compress(b"".join(b"%d words %x\n" % (n, n * n) for n in range(2000))),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(noise(3000))),
    "bzip2 in xz": lambda: lzma.compress(bz2.compress(noise(3000))),
    "lzma": lambda: lzma.compress(TEXT * 50, lzma.FORMAT_ALONE),
    "tar (pax)": lambda: _tar(tarfile.PAX_FORMAT),
    "tar (ustar)": lambda: _tar(tarfile.USTAR_FORMAT),
    "tar (gnu)": lambda: _tar(tarfile.GNU_FORMAT),
    "tar (v7)": _old_tar,
    "tar.gz": lambda: gzip.compress(_tar(tarfile.USTAR_FORMAT)),
    "zip, stored": lambda: _zip(zipfile.ZIP_STORED),
    "zip": lambda: _zip(zipfile.ZIP_DEFLATED),
    "cpio": _cpio,
    "ar": _ar,
    "png": _png,
    "jpeg": lambda: _picture("JPEG"),
    "gif": lambda: _picture("GIF"),
    "tiff": lambda: _picture("TIFF"),
    "webp": lambda: _picture("WEBP"),
    "ico": lambda: _picture("ICO"),
    "ppm": lambda: _picture("PPM"),
    "bmp": _bmp,
    "sqlite": _sqlite,
    "wave": _wave,
    "samples of sound": lambda: (np.sin(np.arange(4000) / 9) * 9000).astype("<i2").tobytes(),
    "mp3": lambda: b"ID3\x03\0\0\0\0\0\x0a" + b"\xff\xfb\x90\x64" + noise(4000),
    "mp3 without a tag": lambda: b"\xff\xfb\x90\x64" + noise(4000),
    "ogg": lambda: b"OggS\0\x02" + noise(4000),
    "mp4": lambda: b"\0\0\0\x20ftypisom\0\0\2\0isomiso2" + noise(4000),
    "hdf5": _hdf5,
    "npy": lambda: _saved(np.save, _normal(size=400)),
    "npz": lambda: _saved(np.savez_compressed, _normal(size=400)),
    "floats": lambda: _normal(size=900).astype("<f4").tobytes(),
    "doubles": lambda: _normal(size=500).tobytes(),
    "halves": lambda: _normal(size=2000).astype("<f2").tobytes(),
    "numbers": lambda: np.arange(2000, dtype="<i4").tobytes(),
    "pickle 0": lambda: pickle.dumps({"a": [1, 2.5, None], "b": list(range(200))}, 0),
    "pickle 2": lambda: pickle.dumps({"a": [1, 2.5], "b": list(range(999))}, 2),
    "pickle 5": lambda: pickle.dumps({"words": ["some", "words"] * 20, "b": _normal(size=99)}, 5),
    "marshal": _code,
    "pyc": lambda: b"\xa7\x0d\x0d\x0a" + bytes(12) + _code(),
    "elf": lambda: _first(Path(sys.executable).resolve()),
    "library": lambda: _first(_library()),
    "font": lambda: _first(_font()),
    "windows": _program_for_windows,
    "class": _class_file,
    "wasm": lambda: b"\0asm\x01\0\0\0" + noise(2000),
    "dbm": _dbm,
    "mo": _mo,
    "parquet": lambda: b"PAR1\x15\x04\x15" + noise(2000) + b"PAR1",
    "text, then noise": lambda: TEXT * 3 + noise(9000),
    "noise, then text": lambda: noise(3000) + TEXT * 3,
}
"""What each kind of file holds, as a function."""

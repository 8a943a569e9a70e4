"""Files made to do harm, each with a digest that is right, and a process that opens them within limits.

Run as ``python -m tests.checkpoints.crafted CANARY``: it prints the name of each file, and what came of it.
"""

from __future__ import annotations

import io
import random
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from streamer.checkpoints import Damaged, Image, Newer, decode, seal, verify

SECONDS, MEMORY = 5, 1 << 30
"""What opening one file may take."""
FUZZED = 1500
WORD = 0xFFFFFFFF


def lookup3(data: bytes) -> int:
    """Return the checksum that HDF5 puts over its metadata (Jenkins 2006), to make one that fits."""
    a = b = c = (0xDEADBEEF + len(data)) & WORD

    def rotated(value: int, by: int) -> int:
        return ((value << by) | (value >> (32 - by))) & WORD

    while len(data) > 12:
        x, y, z = struct.unpack_from("<3I", data)
        a, b, c, data = (a + x) & WORD, (b + y) & WORD, (c + z) & WORD, data[12:]
        a, c = ((a - c) & WORD) ^ rotated(c, 4), (c + b) & WORD
        b, a = ((b - a) & WORD) ^ rotated(a, 6), (a + c) & WORD
        c, b = ((c - b) & WORD) ^ rotated(b, 8), (b + a) & WORD
        a, c = ((a - c) & WORD) ^ rotated(c, 16), (c + b) & WORD
        b, a = ((b - a) & WORD) ^ rotated(a, 19), (a + c) & WORD
        c, b = ((c - b) & WORD) ^ rotated(b, 4), (b + a) & WORD
    if not data:
        return c
    x, y, z = struct.unpack("<3I", data.ljust(12, b"\0"))
    a, b, c = (a + x) & WORD, (b + y) & WORD, (c + z) & WORD
    c = ((c ^ b) - rotated(b, 14)) & WORD
    a = ((a ^ c) - rotated(c, 11)) & WORD
    b = ((b ^ a) - rotated(a, 25)) & WORD
    c = ((c ^ b) - rotated(b, 16)) & WORD
    a = ((a ^ c) - rotated(c, 4)) & WORD
    b = ((b ^ a) - rotated(a, 14)) & WORD
    return int((c ^ b) - rotated(b, 24)) & WORD


def checked_parts(image: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each part of the metadata that has a checksum begins, and where its checksum lies."""
    yield 0, 44
    place = -1
    while (place := image.find(b"OHDR", place + 1)) >= 0:
        flags = image[place + 5]
        start = place + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(image[start : start + width], "little")
        if start + width + size + 4 <= len(image):
            yield place, start + width + size
    for name in (b"OCHK", b"FRHP", b"BTHD", b"BTLF", b"FSHD"):
        place = -1
        while (place := image.find(name, place + 1)) >= 0:
            for end in range(place + 8, min(place + 4096, len(image) - 4)):
                if struct.unpack_from("<I", image, end)[0] == lookup3(image[place:end]):
                    yield place, end
                    break


def bent(image: bytes, change: Callable[[bytearray], None]) -> bytes:
    """Return a file after a change to its metadata, with checksums that are right again."""
    parts, changed = list(checked_parts(image)), bytearray(image)
    change(changed)
    for start, end in parts:
        struct.pack_into("<I", changed, end, lookup3(bytes(changed[start:end])))
    return bytes(changed)


def filled(fill: Callable[[h5py.File], object], **options: object) -> bytes:
    """Return HDF5 of the kind that checkpoints are, with something else in it."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **{"libver": ("v110", "v110"), **options}) as file:
        fill(file)
    return buffer.getvalue()


def plain() -> bytes:
    """Return HDF5 that decodes."""
    return b"".join(Image({"a/array": np.arange(50.0), "a/text": "some text", "a/number": 3, "b/array": np.arange(9)}))


def _link_of_a_user(canary: str) -> bytes:
    image = filled(lambda file: file.update({"a": h5py.ExternalLink(canary, "/x")}))
    place = image.index(b"\x01\x08\x40")  # version, flags, type of link: 64 is an external one, 65 somebody's own
    return bent(image, lambda data: data.__setitem__(place + 2, 65))


def _nested(depth: int) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        group = file.id
        for _ in range(depth):
            group = h5py.h5g.create(group, b"g")

    return fill


def _many_links(file: h5py.File) -> None:
    file.create_group("g")
    for number in range(100_000):
        file.id.links.create_hard(b"%d" % number, file.id, b"g")


def _many_attributes(file: h5py.File) -> None:
    kind, space = h5py.h5t.STD_I8LE, h5py.h5s.create(h5py.h5s.SCALAR)
    for number in range(20_000):
        h5py.h5a.create(file.id, b"%d" % number, kind, space)


def _plugin(file: h5py.File) -> None:
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk((10,))
    layout.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    h5py.h5d.create(file.id, b"a", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((100,)), layout)


def _number(place: int, form: str, value: int) -> bytes:
    return bent(plain(), lambda data: struct.pack_into(form, data, place, value))


def crafted(canary: str) -> dict[str, Callable[[], bytes]]:
    """Return what makes each file, by what is wrong with it; some name another file, which must not be opened."""
    virtual = h5py.VirtualLayout((4,), "f4")
    virtual[:] = h5py.VirtualSource(canary, "x", (4,), "f4")
    return {
        "a link to another file on the way": lambda: filled(
            lambda file: file.update({"a": h5py.ExternalLink(canary, "/")})
        ),
        "a link of a user": lambda: _link_of_a_user(canary),
        "a virtual array": lambda: filled(lambda file: file.create_virtual_dataset("a", virtual)),
        "storage in another file": lambda: filled(
            lambda file: file.create_dataset("a", (4,), "f4", external=[(canary, 0, 16)])
        ),
        "a filter of a plugin": lambda: filled(_plugin),
        "a large attribute": lambda: filled(lambda file: file.attrs.create("a", np.zeros(50_000_000, np.uint8))),
        "a compound attribute": lambda: filled(lambda file: file.attrs.create("a", np.zeros((), [("x", "f4")]))),
        "an attribute of two numbers": lambda: filled(lambda file: file.attrs.create("a", np.zeros(2))),
        "an opaque attribute": lambda: filled(lambda file: file.attrs.create("a", np.void(b"raw"))),
        "a boolean array of enums": lambda: filled(
            lambda file: file.create_dataset("a", (3,), h5py.enum_dtype({"x": 0, "y": 9}))
        ),
        "text that is not UTF-8": lambda: filled(
            lambda file: file.attrs.create("a", b"\xff\xfe", dtype=h5py.string_dtype())
        ),
        "10,000 groups, each in the one before": lambda: filled(_nested(10_000)),
        "100,000 names": lambda: filled(_many_links),
        "20,000 attributes": lambda: filled(_many_attributes),
        "HDF5 before 1.10": lambda: filled(lambda file: file.update({"a": [1.0]}), libver="earliest"),
        "HDF5 of 1.8": lambda: filled(lambda file: file.update({"a": [1.0]}), libver=("v108", "v108")),
        "a block of the user before it": lambda: filled(lambda file: file.update({"a": [1.0]}), userblock_size=512),
        "something before it": lambda: b"\0" * 512 + plain(),
        "something behind it": lambda: plain() + b"\0",
        "another beginning": lambda: _number(12, "<Q", 512),
        "an extension nowhere": lambda: _number(20, "<Q", 2**60),
        "an extension that is the root": lambda: _number(20, "<Q", 48),
        "an end behind the end": lambda: _number(28, "<Q", 2**40),
        "an end before the end": lambda: _number(28, "<Q", 100),
        "a root nowhere": lambda: _number(36, "<Q", 2**62),
        "a root that is the beginning": lambda: _number(36, "<Q", 0),
        "addresses of 2 bytes": lambda: _number(9, "<B", 2),
        "open for writing": lambda: _number(11, "<B", 5),
        "no metadata": lambda: plain()[:48].ljust(len(plain()), b"\0"),
    }


def fuzzed(number: int) -> bytes:
    """Return HDF5 some of whose metadata is nonsense, with the checksums that HDF5 would have put there."""
    rng = random.Random(number)
    image = plain()
    parts = [part for part in checked_parts(image) if part[0]]

    def change(data: bytearray) -> None:
        for _ in range(rng.choice((1, 1, 2, 4))):
            if rng.random() < 0.2:  # strings lie in a heap that has no checksum
                heap = image.index(b"GCOL")
                place = rng.randrange(heap, min(heap + 128, len(image)))
            else:
                start, end = rng.choice(parts)
                place = rng.randrange(start + 4, end)
            data[place] = rng.choice((0, 1, 0xFF, 0x80, data[place] ^ (1 << rng.randrange(8)), rng.randrange(256)))

    return bent(image, change)


def opened(image: bytes) -> str:
    """Open HDF5 behind a right digest, within limits; return why it was refused, or what is in it."""
    file = io.BytesIO(b"".join(seal([image])))
    verify(file)
    signal.alarm(SECONDS)
    try:
        return f"decoded {sorted(decode(file))}"
    except (Damaged, Newer) as refused:
        return f"refused {refused!r}"
    finally:
        signal.alarm(0)


def main() -> None:
    """Open them all."""
    files = {name: make() for name, make in crafted(sys.argv[1]).items()}
    fuzz = {f"fuzzed {number}": number for number in range(int(sys.argv[2]), int(sys.argv[3]))}
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in [*files, *fuzz]:
        image = files.pop(name) if name in files else fuzzed(fuzz[name])
        print(name, flush=True, end="\t")
        started = time.monotonic()
        print(opened(image).replace("\n", " "), f"{time.monotonic() - started:.2f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()

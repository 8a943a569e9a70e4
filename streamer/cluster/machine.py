"""What the bits of a result depend on, besides the program: versions of libraries, and the kind of processor."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import threadpoolctl

from streamer.version import __version__

_CPU = Path("/proc/cpuinfo")
_NUMPY = str(Path(np.__file__).resolve().parent)
"""NumPy's own folder, and the beginning of that of its libraries, ``numpy.libs``."""
_KIND = ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part")
"""What tells one kind of processor from another in Linux: on x86 the first three, on Arm the last two."""


def describe() -> dict[str, str]:
    """Return what the bits of a result depend on, on the machine and in the process that ask.

    NumPy chooses its loops by the features of the processor, BLAS its kernels by the processor's kind, and how it cuts
    matrices by the size of its caches too. The mathematical functions of the C library are chosen in the same way.
    """
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    found = threadpoolctl.ThreadpoolController().select(user_api="blas").info()
    # Other packages in the process, such as SciPy, may have loaded a BLAS of their own.
    libraries = [each for each in found if str(Path(each["filepath"]).resolve()).startswith(_NUMPY)] or found
    blas = sorted(f"{each['internal_api']} {each['version']} {each.get('architecture', '')}" for each in libraries)
    return {
        "streamer": __version__,
        "NumPy": np.__version__,
        "BLAS": ", ".join(blas).strip() or "unknown",
        "CPU features in NumPy": " ".join([*features.get("baseline", []), *features.get("found", [])]),
        "processor": _processor(),
        "C library": " ".join(platform.libc_ver()).strip() or platform.system(),
    }


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Return in words what differs between two machines; empty if nothing does."""
    names = {**here, **there}
    told = [
        f"{name} is {there.get(name, 'unknown')}, and {here.get(name, 'unknown')} at the trainer"
        for name in names
        if here.get(name) != there.get(name)
    ]
    return "; ".join(told)


def _processor() -> str:
    try:
        first = _CPU.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    return " ".join([platform.machine(), *(known[name] for name in _KIND if name in known)])

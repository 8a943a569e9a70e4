"""What bits depend on, as machines tell it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamer.cluster import machine
from streamer.cluster.machine import describe, differences
from streamer.version import __version__

from .network import ROOT, no_features

TELL = "import json; from streamer.cluster.machine import describe; print(json.dumps(describe()))"


def elsewhere(**environment: str) -> dict[str, str]:
    """Return what a new process tells that has these variables."""
    command = [sys.executable, "-c", TELL]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment})
    told: dict[str, str] = json.loads(ended.stdout)
    return told


def test_it_tells_versions_and_the_processor() -> None:
    """Nothing is unknown on the machines that this is tested on."""
    told = describe()
    assert told["streamer"] == __version__ and told["NumPy"] == np.__version__
    assert all(told.values()) and "unknown" not in told.values(), told


def test_two_processes_of_a_machine_are_alike() -> None:
    """However many threads BLAS has."""
    assert differences(describe(), elsewhere(OPENBLAS_NUM_THREADS="1")) == ""


def test_the_blas_of_another_package_does_not_count() -> None:
    """A trainer in a process that has SciPy would be unlike all nodes."""
    tell = f"import scipy.linalg; {TELL}"
    ended = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, cwd=ROOT, check=True)
    assert differences(describe(), json.loads(ended.stdout)) == ""


def test_packages_behind_a_link_are_the_same(tmp_path: Path) -> None:
    """The loader tells where a library is, Python where it was looked for."""
    link = tmp_path / "packages"
    link.symlink_to(Path(np.__file__).parent.parent)
    tell = f"import numpy, scipy.linalg; assert numpy.__file__.startswith({str(link)!r}); {TELL}"
    environment = {**os.environ, "PYTHONPATH": f"{link}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", tell]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    assert differences(describe(), json.loads(ended.stdout)) == ""


def test_a_processor_that_can_do_less_differs() -> None:
    """NumPy has other loops there."""
    told = differences(describe(), elsewhere(**no_features()))
    assert told.startswith("CPU features in NumPy is ") and ";" not in told


def test_another_kernel_of_blas_differs() -> None:
    """As on another kind of processor."""
    assert "BLAS is " in differences(describe(), elsewhere(OPENBLAS_CORETYPE="Nehalem"))


@pytest.mark.parametrize("field", ["vendor_id", "cpu family", "model", "CPU part"])
def test_another_kind_of_processor_differs(field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field that names the kind counts, on x86 and on Arm; the speed of the moment does not."""
    told = []
    for value, speed in (("1", "2000"), ("1", "2900"), ("2", "2000")):
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{field}\t: {value}\ncpu MHz\t: {speed}\n\n")
        monkeypatch.setattr(machine, "_CPU", tmp_path / "cpuinfo")
        told.append(describe())
    assert differences(told[0], told[1]) == ""
    assert differences(told[0], told[2]).startswith("processor is ")


def test_differences_in_words() -> None:
    """All of them; what only one side knows of is one too."""
    told = differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "5"})
    assert told == "b is 5, and 2 at the trainer; c is unknown, and 3 at the trainer"

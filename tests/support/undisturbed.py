"""The corpus, and what a run makes of it that is never stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import streamer
from streamer.answers import reports
from streamer.vectors import write

from .corpus import fill
from .process import QUICK, done
from .side_by_side import BLAS_THREADS, Once


@dataclass(frozen=True)
class Result:
    """What has to be the same, byte for byte, however a run was interrupted: npz export and ``files --json``."""

    vectors: bytes
    files: str

    @classmethod
    def told(cls, folder: Path) -> Result:
        """Return what the commands say."""
        done("export", "vectors.npz", folder=folder)
        return cls((folder / "vectors.npz").read_bytes(), done("files", "--json", folder=folder).stdout)

    @classmethod
    def of(cls, folder: Path, checkpoints: str = "checkpoints") -> Result:
        """Return the same without two more processes."""
        write(streamer.load(folder / checkpoints), folder / f"{checkpoints}.npz", "npz")
        rows = reports.files(folder / checkpoints)
        return cls((folder / f"{checkpoints}.npz").read_bytes(), json.dumps(rows, indent=1) + "\n")


@pytest.fixture(scope="session")
def inbox(once: Once) -> Path:
    """Return a folder of 24 files; nobody may change it."""
    return once("corpus", fill)


@pytest.fixture(scope="session")
def undisturbed(inbox: Path, once: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working folder in which the corpus was trained at one go, by two threads, and BLAS had its own."""
    own = dict.fromkeys(BLAS_THREADS, "")
    trained = once("trained", lambda folder: done("watch", inbox, "--once", *QUICK, folder=folder, environment=own))
    return shutil.copytree(trained, tmp_path_factory.mktemp("undisturbed"), dirs_exist_ok=True)


@pytest.fixture(scope="session")
def expected(undisturbed: Path) -> Result:
    """Return what every run over the corpus has to end with."""
    return Result.told(undisturbed)

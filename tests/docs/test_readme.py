"""What the README shows works, in its order, on a copy of what is in the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOUR = re.compile(r"<!-- tour -->\n```(sh|python)\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_tour_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """Every command and the Python of the tour succeed one after the other, and say what the text promises."""
    (tmp_path / "data/inbox").mkdir(parents=True)
    for name in ("sample.txt", "inbox/harbour.txt", "inbox/kitchen.txt", "inbox/railway.txt"):
        shutil.copy2(ROOT / "data" / name, tmp_path / "data" / name)
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    output = ""
    steps = TOUR.findall((ROOT / "README.md").read_text())
    assert len(steps) >= 6
    for language, code in steps:
        command = ["bash", "-euc", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        output += done.stdout
    assert "Average loss" in output
    assert "trained 3 files" in output
    assert "nothing new to train" in output
    assert "trained 1 file, 14 words" in output
    assert "is intact" in output
    assert "epoch 40/40: average loss" in output
    assert "Spearman" in output
    for name in ("vectors.npz", "vectors.gz", "history.png", "map.png"):
        assert (tmp_path / name).stat().st_size > 0


def test_the_two_commands_set_up_and_start() -> None:
    """README holds one command for the main job and one for the tests, which CI runs; each is a single line."""
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^python3 -m venv .*$", text, re.MULTILINE)
    assert [command.split(" && ")[-1] for command in commands] == [
        ".venv/bin/python -m streamer watch data/inbox",
        ".venv/bin/python -m pytest -n auto",
    ]

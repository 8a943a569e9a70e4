"""The Tab key in a shell: words of the vocabulary, names of checkpoints, files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import streamer
from streamer.cli.completion import OFFERED

from ..support.corpus import WORDS

SCRIPTS = Path(sys.executable).parent
COMPLETE = """
eval "$(_STREAMER_COMPLETE=bash_source streamer)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_streamer_completion streamer
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*line: str, folder: Path, **variables: str) -> list[str]:
    """Return what bash has to offer for the last word of a line; nothing may be said on stderr."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    environment = {**clean, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", **variables}
    command = ["bash", "--norc", "-c", COMPLETE, "bash", *line]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    # Outside of a line that is edited bash has no options to set for it.
    said = [line for line in ended.stderr.splitlines() if "compopt: not currently executing" not in line]
    assert (ended.returncode, said) == (0, [])
    return [word for word in ended.stdout.splitlines() if word]


@pytest.mark.slow
def test_words(undisturbed: Path) -> None:
    """Words that begin with what was typed, in any case, the most frequent first, as many as a shell likes to show."""
    known = streamer.load(undisturbed / "checkpoints").index_to_key
    prefix = WORDS[0][0]
    wanted = [word for word in known if word.startswith(prefix)][:OFFERED]
    assert len(wanted) == OFFERED
    assert completed("streamer", "similar", prefix, folder=undisturbed) == wanted
    assert completed("streamer", "similar", WORDS[5], prefix.upper(), folder=undisturbed) == wanted
    assert completed("streamer", "analogy", "a", "b", prefix, folder=undisturbed) == wanted
    assert completed("streamer", "explain", prefix, folder=undisturbed) == wanted


@pytest.mark.slow
def test_words_of_another_folder(undisturbed: Path, tmp_path: Path) -> None:
    """The folder of checkpoints is the one that the line or the environment names; without one there is nothing."""
    folder, word = str(undisturbed / "checkpoints"), WORDS[0]
    assert word in completed("streamer", "similar", "--checkpoints", folder, word[:2], folder=tmp_path)
    assert word in completed("streamer", "similar", word[:2], folder=tmp_path, STREAMER_CHECKPOINTS=folder)
    assert completed("streamer", "similar", word[:2], folder=tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint-0000000001.h5").write_bytes(b"no checkpoint")
    assert completed("streamer", "similar", word[:2], folder=tmp_path) == []


def test_a_damaged_checkpoint_is_passed_over_in_silence(undisturbed: Path, tmp_path: Path) -> None:
    """Words come from the newest that is whole; the line that is typed is not written over."""
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "checkpoint-0000000099.h5").write_bytes(b"no checkpoint")
    assert WORDS[0] in completed("streamer", "similar", WORDS[0][:2], folder=tmp_path)


def test_names(undisturbed: Path) -> None:
    """Commands, options and checkpoints, the newest first; a file is left to the shell."""
    assert completed("streamer", "si", folder=undisturbed) == ["similar", "sizing"]
    assert completed("streamer", "similar", "--to", folder=undisturbed) == ["--topn"]
    names = [path.name for path in sorted((undisturbed / "checkpoints").glob("*.h5"), reverse=True)]
    assert completed("streamer", "verify", "", folder=undisturbed) == names
    assert completed("streamer", "files", "--outcome", "s", folder=undisturbed) == ["skipped"]
    assert completed("streamer", "evaluate", "--pairs", "", folder=undisturbed) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell: str, tmp_path: Path) -> None:
    """Each shell gets a script of its own that asks ``streamer``."""
    environment = {**os.environ, "_STREAMER_COMPLETE": f"{shell}_source"}
    ended = subprocess.run([SCRIPTS / "streamer"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"_STREAMER_COMPLETE={shell}_complete" in ended.stdout

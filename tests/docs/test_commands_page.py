"""docs/commands.md has every command with its options, its keys in JSON as they are, and examples that run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from streamer.cli.app import cli

from .pages import DOCS, ROOT, section

PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^```sh\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.xdist_group("commands")  # its examples run once, in the process that has the group
QUESTIONS = {
    "words": ["data/sample.txt"],
    "phrases": ["data/sample.txt", "--times", "2", "--threshold", "4"],
    "status": [],
    "files": [],
    "checkpoints": [],
    "snapshots": [],
    "sizing": [],
    "similar": ["fish", "bread"],
    "analogy": ["boats", "harbour", "train"],
    "explain": ["the"],
    "diff": ["fish", "--from", "snapshot-4", "--checkpoints", "past"],
    "drift": ["--from", "snapshot-5", "--min-z", "-9", "--checkpoints", "past"],
    "timeline": ["fish", "--checkpoints", "past"],
    "emerging": ["--since", "snapshot-7", "--checkpoints", "past"],
    "evaluate": ["--pairs", "pairs.tsv", "--analogies", "analogies.txt"],
}
"""What every command with ``--json`` is asked, after the examples ran."""


def listed(command: str) -> list[str]:
    """Return what is code in the first cells of the tables of a command."""
    rows = re.findall(r"^\| (`.*?`) \|", section(PAGE, f"## {command}"), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(.*?)`", row)]


@pytest.mark.parametrize("command", cli.commands)
def test_every_command_and_option_is_on_the_page(command: str) -> None:
    """Each command has a section; its table has the options that are no settings, and no others."""
    options = [param for param in cli.commands[command].params if isinstance(param, click.Option)]
    own = {option.opts[-1] for option in options if not option.envvar}  # which settings and common options have
    assert {name for name in listed(command) if name.startswith("--")} == own
    assert f"[{command}](#{command})" in PAGE
    assert ("--json" in own) == (command in QUESTIONS)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """Return a folder in which all examples ran one after the other, and by command what they print, and should."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "data/inbox").mkdir(parents=True)
    for name in ("sample.txt", "inbox/harbour.txt", "inbox/kitchen.txt", "inbox/railway.txt"):
        shutil.copy2(ROOT / "data" / name, folder / "data" / name)
    outputs = {}
    for code, wanted in EXAMPLE.findall(PAGE):
        ended = subprocess.run(["bash", "-euc", code], cwd=folder, env=environment(), capture_output=True, text=True)
        assert ended.returncode == 0, f"{code}\n{ended.stdout}\n{ended.stderr}"
        command = re.findall(r"(?m)^(?:.*\| )?streamer (\w+)", code)[0]
        outputs[command] = (ended.stdout, wanted)
    return folder, outputs


def environment() -> dict[str, str]:
    """Return one in which ``streamer`` is the script of this Python, with nothing set for it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    return {**clean, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_every_command_has_an_example_that_runs(shown: Any) -> None:
    """Examples run in the order of the page, and there is one in each section."""
    assert set(shown[1]) == set(cli.commands)


@pytest.mark.parametrize("command", cli.commands)
def test_the_output_is_that_of_the_page(command: str, shown: Any) -> None:
    """What an example prints looks as the page says, but for figures, and words where figures decide which."""
    printed, wanted = (_shape(text, any_word=command in ("similar", "analogy")) for text in shown[1][command])
    assert printed == wanted or not wanted


def _shape(text: str, *, any_word: bool) -> str:
    text = re.sub(r"-?\d[\d.,:]*", "0", text)
    text = re.sub(r"0 (min|s|hours?) ago", "0 s ago", text)
    text = re.sub(r"(?m)^\w+(?= +0)", "word", text) if any_word else text
    return re.sub(" +", " ", text)


@pytest.mark.parametrize("command", QUESTIONS)
def test_keys(command: str, shown: Any) -> None:
    """The keys in the table are those that the command prints, and all of them."""
    call = ["streamer", command, *QUESTIONS[command], "--json"]
    ended = subprocess.run(call, cwd=shown[0], env=environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    keys = {name for name in listed(command) if not name.startswith("--")}
    assert set(_keys(json.loads(ended.stdout), keys)) == keys


def _keys(value: Any, known: set[str], path: str = "") -> Iterator[str]:
    """Yield the path of every leaf; what the page names as a whole is one."""
    if path in known or not isinstance(value, (list, dict)):
        yield path
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item, known, f"{path}[]" if path else "")
    else:
        for key, item in value.items():
            yield from _keys(item, known, f"{path}.{key}" if path else key)

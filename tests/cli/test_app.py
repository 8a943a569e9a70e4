"""All commands under one name: help with an example, in sections, and output that suits a pipe."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from streamer import cli as cli_room
from streamer.cli.app import SECTIONS, cli
from streamer.cli.options import SIZES, TEXT
from streamer.settings import ModelSettings, RunSettings, names
from streamer.version import __version__

from ..support.corpus import WORDS, put
from ..support.process import COMMAND, done

COMMON = {"checkpoints", "config", "log-format", "log-level"}
OPTIONS = {
    "watch": set(names(ModelSettings, RunSettings)) | {"once", "initial_vectors"},
    "train": set(names(ModelSettings, RunSettings)) | {"epochs", "initial_vectors"},
    "words": {*TEXT, "topn", "json"},
    "phrases": {*TEXT, "times", "threshold", "json"},
    "status": {"json"},
    "files": {"outcome", "json"},
    "release": set(),
    "similar": {"topn", "restrict_vocab", "as_of", "json"},
    "analogy": {"topn", "restrict_vocab", "as_of", "json"},
    "evaluate": {"pairs", "analogies", "restrict_vocab", "as_of", "json"},
    "explain": {"topn", "json"},
    "diff": {"from", "to", "topn", "json"},
    "drift": {"from", "to", "min_z", "topn", "json"},
    "timeline": {"topn", "json"},
    "emerging": {"since", "to", "topn", "json"},
    "export": {"format", "topn", "as_of"},
    "plot": {"map", "topn", "skip", "word", "neighbours", "font", "as_of"},
    "checkpoints": {"json"},
    "snapshots": {"json"},
    "verify": set(),
    "sizing": {*SIZES, "vocabulary", "candidates", "files", "cold", "json"},
    "inspect": set(),
    "forget": {"without_missing", "dry_run", "purge", "threads", "keep", "keep_states", "tokenizer"},
    "rollback": {"to", "dry_run", "purge", "threads", "keep", "keep_states", "tokenizer"},
}
ESCAPE = "\x1b"


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    """`--help` says in a sentence what a command does, shows how it is called, and explains each of its options."""
    description, options = _help(command, tmp_path, 80).split("\nOptions:\n")
    assert re.search(r"(?m)^  [A-Z].*", description)
    assert re.search(rf"(?m)^ +streamer {command}\b", description)
    listed = dict(re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)(.*(?:\n {4,}.*)*)", options))
    assert OPTIONS[command] | COMMON <= {name.replace("-", "_") for name in listed} | COMMON
    assert set(listed) >= COMMON
    for name, rest in listed.items():
        assert len(re.findall(r"\w+", re.sub(r"\[.*?\]", "", rest))) > 2, name


@pytest.mark.parametrize("columns", [80, 110])
@pytest.mark.parametrize("command", ["", *OPTIONS])
def test_help_fits(command: str, columns: int, tmp_path: Path) -> None:
    """No line of any help is longer than the terminal is wide."""
    shown = _help(command, tmp_path, columns)
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("command", ["watch", "train"])
def test_the_help_of_many_options_has_sections(command: str, tmp_path: Path) -> None:
    """Settings of the model, of the run, and what all commands have stand under headings of their own."""
    shown = _help(command, tmp_path, 80)
    assert "[default: " in shown and not re.search(r"\[default:\s*\n", shown)
    sections = dict(re.findall(r"(?m)^(\w.*):\n((?:  .*\n)+)", shown))
    listed = {title: set(re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)", text)) for title, text in sections.items()}
    titles = list(listed)[-4:]
    assert [title.split(",")[0] for title in titles] == ["Options", "Model", "Run", "Common"]
    own, model, run, common = (listed[title] for title in titles)
    assert own == {name.replace("_", "-") for name in OPTIONS[command] - set(names(ModelSettings, RunSettings))} | {
        "help"
    }
    assert model == {name.replace("_", "-") for name in names(ModelSettings)}
    assert run == {name.replace("_", "-") for name in names(RunSettings)}
    assert common == COMMON


def test_plain_text_in_a_pipe(undisturbed: Path) -> None:
    """What people read has no escape codes in a pipe, and its rows are not broken at 80 columns."""
    for command in ("status", "files", "checkpoints", "inspect"):
        ended = done(command, folder=undisturbed)
        assert ended.stdout and ESCAPE not in ended.stdout + ended.stderr, command
        assert not re.search(r"(?m) $", ended.stdout), command
    refused = [line for line in done("files", folder=undisturbed).stdout.splitlines() if "noise.bin" in line]
    assert "see --encoding" in refused[0]


def test_a_reader_that_has_had_enough(undisturbed: Path, tmp_path: Path) -> None:
    """`streamer files | head -1` ends well, with no traceback."""
    words = put(tmp_path / "words.txt", "\n".join(WORDS[:200] * 4))
    for command in ("files", "files --json", "similar -", "similar - xyzzy", "--help"):
        line = f"{shlex.join(COMMAND)} {command} < {words} | head -1"
        ended = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], cwd=undisturbed, capture_output=True)
        assert ended.stdout.count(b"\n") == 1
        assert b"Traceback" not in ended.stderr and b"BrokenPipe" not in ended.stderr, command


def test_letters_that_the_encoding_lacks(undisturbed: Path, tmp_path: Path) -> None:
    """Where stdout can't show a letter, its escape stands for it."""
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    put(tmp_path / "inbox" / "日本.txt", "word " * 40)
    done("watch", "inbox", "--once", folder=tmp_path)
    ended = done("files", folder=tmp_path, environment={"PYTHONIOENCODING": "ascii"})
    assert "\\u65e5\\u672c.txt" in ended.stdout


def _help(command: str, folder: Path, columns: int) -> str:
    arguments = [command, "--help"] if command else ["--help"]
    return done(*arguments, folder=folder, environment={"COLUMNS": str(columns)}).stdout


def test_every_command_has_a_section() -> None:
    """All commands that the modules of this room define can be called, each under one heading and one name."""
    modules = [importlib.import_module(f"streamer.cli.{each.name}") for each in pkgutil.iter_modules(cli_room.__path__)]
    defined = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, click.Command) and getattr(value.callback, "__module__", "") == module.__name__
    ]
    listed = [command for commands in SECTIONS.values() for command in commands]
    assert {command.name for command in listed} == {command.name for command in defined if command is not cli}
    assert len(listed) == len(set(listed)) == len(cli.commands)
    assert OPTIONS.keys() == cli.commands.keys()


def test_the_help_lists_commands_by_what_they_are_for() -> None:
    """Under the headings, in their order, with a sentence of each."""
    shown = CliRunner().invoke(cli, ["--help"]).output
    headings = re.findall(r"(?m)^(\w[\w ]*):\n(?:  \w+ +[A-Z].*\n)", shown)
    assert headings == list(SECTIONS)
    for title, commands in SECTIONS.items():
        section = shown.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == [command.name for command in commands]


def test_the_version() -> None:
    """It is that of the package that runs."""
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0 and __version__ in result.output


@pytest.mark.parametrize("command", ["", *OPTIONS])
def test_help_waits_for_nothing_that_it_does_not_use(command: str) -> None:
    """Neither NumPy nor HDF5 nor Rich is imported to say what a command does."""
    heavy = ("numpy", "h5py", "rich", "watchdog", "matplotlib", "structlog", "ray")
    code = (
        "import sys\nfrom streamer.cli.app import cli\n"
        f"cli({[command, '--help'] if command else ['--help']!r}, standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stderr) == (0, "[]\n")

"""`inspect` as a command: the sample or a file, and options that arrive."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamer.cli.app import cli
from streamer.errors import ExitCode, StreamerError

from ..support.corpus import put


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a working folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("STREAMER_")]:
        monkeypatch.delenv(name)
    return tmp_path


def inspect(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, ["inspect", *arguments], standalone_mode=False)


def epochs(result: Result) -> list[float]:
    """Return the losses that were printed."""
    assert result.exception is None
    return [float(loss) for loss in re.findall(r"(?m)^epoch +\d+ +(\S+)$", result.output)]


def test_the_sample_by_default() -> None:
    """Without a file there is one that comes with the package; nothing is left in the folder."""
    assert len(epochs(inspect("--epochs", "2"))) == 2
    assert list(Path().iterdir()) == []


def test_a_file() -> None:
    """The text is that of the file; ten epochs unless another number is named."""
    put(Path("a.txt"), "zebra quagga okapi " * 20)
    result = inspect("a.txt")
    assert "quagga" in result.output
    assert len(epochs(result)) == 10


def test_options_arrive() -> None:
    """Architecture and seed make another model of the same text; the same ones the same."""
    put(Path("a.txt"), "zebra quagga okapi gnu " * 20)
    shown = [
        inspect("a.txt", "--epochs", "2", *more).output
        for more in ((), ("--seed", "1"), ("--seed", "2"), ("--architecture", "cbow"))
    ]
    assert shown[0] == shown[1]
    assert shown[0] != shown[2] and shown[0] != shown[3]


def test_nothing_to_inspect() -> None:
    """66 for a file that is not there, and for one without a word."""
    put(Path("none.txt"), "...")
    for name in ("missing.txt", "none.txt"):
        error = inspect(name).exception
        assert isinstance(error, StreamerError) and error.code == ExitCode.NO_INPUT


@pytest.mark.parametrize("wrong", [("--epochs", "0"), ("--seed", "-1"), ("--architecture", "glove")])
def test_wrong_usage(wrong: tuple[str, str]) -> None:
    """2 for values out of bounds, named by their option."""
    result = CliRunner().invoke(cli, ["inspect", *wrong])
    assert result.exit_code == ExitCode.USAGE and wrong[0] in result.output

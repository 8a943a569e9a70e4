"""Files of pictures: whole or not there, always the same bytes, in letters of any script."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from streamer.errors import ExitCode, StreamerError
from streamer.plots import FORMATS, draw_history, draw_map, figures, save
from streamer.state import History, Score, Scores
from streamer.vectors import WordVectors

DRAW = """
import sys
from pathlib import Path
from tests.plots.test_figures import history_and_map
from streamer.plots import FORMATS, save
for number, figure in enumerate(history_and_map()):
    for suffix in FORMATS:
        save(figure, Path(sys.argv[1]) / f"{number}{suffix}")
"""
STARTS = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<?xml ", ".pdf": b"%PDF-"}


def history_and_map() -> list[Figure]:
    """Return one picture of each kind."""
    history = History([[1e4 * n, 1e4 * n, 10.0 * n, 3e3, 1e3, 0.1] for n in range(1, 60)])
    scores = Scores([Score(10_000 * n, "pairs a.tsv", 0.1 * n, 3, 4) for n in range(1, 5)])
    words = [*"абвгд", *"αβγδ", "naïve", "$x$", *(f"w{n}" for n in range(40))]
    vectors = WordVectors(words, np.random.default_rng(1).normal(size=(len(words), 9)), np.arange(len(words), 0, -1))
    return [draw_history(history, scores), draw_map(vectors).figure, draw_map(vectors, ["w1", "w2"]).figure]


@pytest.mark.slow
def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Drawn by two processes, at two times, with other hashes: the same bytes, in each format, and no date."""
    written = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": str(number), "SOURCE_DATE_EPOCH": str(10**9 * number)}
        subprocess.run([sys.executable, "-c", DRAW, folder], env=environment, check=True)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 9
    for name, content in written[0].items():
        assert content.startswith(STARTS[Path(name).suffix])
        assert b"CreationDate" not in content and b"dc:date" not in content


def test_neither_settings_nor_pictures_change_each_other(tmp_path: Path) -> None:
    """Drawing leaves matplotlib's settings as they were, and what a user has set there does not show."""
    before = dict(matplotlib.rcParams)
    save(history_and_map()[0], tmp_path / "one.svg")
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.hashsalt": "x", "axes.facecolor": "red"}):
        save(history_and_map()[0], tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_the_suffix_says_the_format(tmp_path: Path) -> None:
    """In whatever case it is written; a file that was there is replaced, and nothing is left beside."""
    for suffix, start in STARTS.items():
        path = tmp_path / f"picture{suffix.upper()}"
        path.write_text("before")
        save(Figure(), path)
        assert path.read_bytes().startswith(start)
    assert set(STARTS) == set(FORMATS)
    assert len(list(tmp_path.iterdir())) == 3


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    """A missing folder, a file for a folder and a folder for a file are errors with 74 and a hint."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.png").mkdir()
    for place in ("missing/a.png", "file/a.png", "folder.png"):
        with pytest.raises(StreamerError, match=f"cannot write .*{place}") as caught:
            save(Figure(), tmp_path / place)
        assert caught.value.code == ExitCode.CANNOT_WRITE and caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be flushed never takes the name."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a.png").write_text("kept")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StreamerError, match="No space left"):
        save(Figure(), tmp_path / "a.png")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


def test_letters_come_from_the_first_font_that_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other fonts are looked at for missing letters only, and used; those that none has are named."""
    letter, nowhere = "\N{LATIN LETTER SMALL CAPITAL OU}", "\U0010fffd"
    monkeypatch.setattr(figures, "_MORE_FONTS", ("no such font", "DejaVu Serif", "STIX"))
    assert figures.fonts_for(set("aбγ$")) == (["DejaVu Sans"], set())
    assert figures.fonts_for({"a", letter, nowhere}) == (["DejaVu Sans", "DejaVu Serif"], {nowhere})
    drawn = draw_map(WordVectors(["a", 3 * letter], np.eye(2), [2, 1]), [3 * letter], neighbours=1)
    assert (drawn.labelled, drawn.unwritable) == (2, 0)
    assert letter in drawn.figure.axes[0].get_title("left")
    for suffix in FORMATS:
        save(drawn.figure, tmp_path / f"a{suffix}")  # a letter without a glyph would be a warning, here an error


FILE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "STIXGeneral.ttf"


@pytest.mark.parametrize("font", ["STIXGeneral", "stixgeneral", str(FILE)])
def test_a_font_that_is_named_comes_first(font: str) -> None:
    """By its name in any case, or by its file; letters that it lacks come from others."""
    assert figures.fonts_for({"a"}, font) == (["STIXGeneral", "DejaVu Sans"], set())


@pytest.mark.parametrize(
    ("font", "hint"), [("STIXGenerall", "did you mean STIXGeneral?"), ("xyzzy", "name the file of a font")]
)
def test_a_font_that_there_is_not(font: str, hint: str) -> None:
    """The nearest name is the hint."""
    with pytest.raises(StreamerError, match=f"there is no font {font}") as error:
        figures.fonts_for({"a"}, font)
    assert (error.value.code, error.value.hint) == (ExitCode.NO_INPUT, hint)


def test_a_file_that_is_no_font(tmp_path: Path) -> None:
    """One line says so."""
    (tmp_path / "a.ttf").write_text("text")
    with pytest.raises(StreamerError, match="is not a font"):
        figures.fonts_for({"a"}, str(tmp_path / "a.ttf"))


def test_a_font_that_was_installed_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though matplotlib looks only once at what is installed."""
    monkeypatch.setattr(fontManager, "ttflist", [entry for entry in fontManager.ttflist if "STIX" not in entry.name])
    monkeypatch.setattr(figures, "findSystemFonts", lambda: [str(FILE)])
    monkeypatch.setattr(figures, "_letters", lambda family: {"a"} | ({"中"} if family == "STIXGeneral" else set()))
    families, missing = figures.fonts_for({"a", "中"})
    assert ("STIXGeneral" in families, missing) == (True, set())

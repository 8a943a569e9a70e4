"""`plot` as a process: a file in the format of its name, one line that says so, exit codes with one line too."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from streamer import Trainer
from streamer.state import Score

from ..support.corpus import WORDS, put
from ..support.process import POWERLESS, Ended, done, run

STARTS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml ", "pdf": b"%PDF-"}
WITHOUT_MATPLOTLIB = (
    sys.executable,
    "-c",
    "import sys; sys.modules['matplotlib'] = None\nfrom streamer.__main__ import main; main()",
)


def _complaint(ended: Ended, code: int) -> list[str]:
    """Return the lines of a complaint, of a command that had to end with this code."""
    assert ended.code == code, ended
    assert ended.stdout == "" and "Traceback" not in ended.stderr
    return ended.stderr.splitlines()


@pytest.mark.parametrize("kind", STARTS)
def test_the_history(kind: str, undisturbed: Path, tmp_path: Path) -> None:
    """A picture of the format that the name says, the same each time; stdout stays empty."""
    for name in ("one", "two"):
        ended = done("plot", tmp_path / f"{name}.{kind}", folder=undisturbed)
        assert (ended.stdout, ended.stderr) == ("", f"wrote the history to {tmp_path / name}.{kind}\n")
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one.startswith(STARTS[kind]) and one == two
    assert len(list(tmp_path.iterdir())) == 2


def test_the_history_of_one_small_file_and_its_scores(tmp_path: Path) -> None:
    """One row of history is enough, and scores are drawn where the checkpoint has some."""
    trainer = Trainer(vector_size=8, min_count=1, seed=1).partial_fit(["a few words about a few words"])
    trainer.save(tmp_path / "plain")
    trainer.scores.add([Score(trainer.state.model.words_trained, "pairs a.tsv", 0.5, 3, 4)])
    trainer.save(tmp_path / "scored")
    for name in ("plain", "scored"):
        done("plot", f"{name}.svg", "--checkpoints", name, folder=tmp_path)
    plain, scored = ((tmp_path / f"{name}.svg").read_text() for name in ("plain", "scored"))
    assert "<!-- pairs a.tsv: 0.500 (3 of 4 rows) -->" in scored and "scores" not in plain


def test_the_map(undisturbed: Path, tmp_path: Path) -> None:
    """The most frequent words, all that have a label by name, and how many those are."""
    ended = done("plot", tmp_path / "map.svg", "--map", "--topn", "30", "--skip", "2", folder=undisturbed)
    drawn = (tmp_path / "map.svg").read_text()
    labelled = [word for word in WORDS if f"<!-- {word} -->" in drawn]
    assert ended.stderr == f"wrote a map of 30 words, {len(labelled)} of them labelled, to {tmp_path}/map.svg\n"
    assert 25 < len(labelled) <= 30 and WORDS[0] not in labelled and WORDS[2] in labelled


def test_the_map_of_words_and_their_neighbours(undisturbed: Path, tmp_path: Path) -> None:
    """Given words, in any case, and as many neighbours as asked for."""
    words = ("--word", WORDS[40].upper(), "--word", WORDS[50], "--neighbours", "3")
    ended = done("plot", tmp_path / "map.svg", "--map", *words, folder=undisturbed)
    drawn = (tmp_path / "map.svg").read_text()
    near = done("similar", WORDS[40], "--topn", "3", "--json", folder=undisturbed).json[0]["neighbours"]
    assert ended.stderr.startswith("wrote a map of ")
    assert all(f"<!-- {word} -->" in drawn for word in (WORDS[40], WORDS[50], *(each["word"] for each in near)))


def test_words_that_no_font_can_write(tmp_path: Path) -> None:
    """A vocabulary in letters without a font makes a map of dots: told in the one line, with no noise beside it."""
    trainer = Trainer(vector_size=8, min_count=1, seed=1).partial_fit(["𒀀𒀁 𒀂𒀃 word $x_1$ 𒀀𒀁 𒀂𒀃"] * 5)
    trainer.save(tmp_path / "checkpoints")
    ended = done("plot", "map.png", "--map", folder=tmp_path)
    told = r"wrote a map of \d words, \d of them labelled,( 2 in letters that no installed font has,)? to map.png\n"
    assert re.fullmatch(told, ended.stderr), "a font that has them may be here, after all"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["plot.gif"], ".png, .svg, .pdf"),
        (["plot"], ".png, .svg, .pdf"),
        (["plot.png", "--word", "a", "--word", "b"], "--map"),
        (["plot.png", "--skip", "3"], "--map"),
        (["plot.png", "--map", "--neighbours", "3"], "--word"),
        (["plot.png", "--map", "--word", "a", "--topn", "3"], "--topn"),
        (["plot.png", "--map", "--topn", "0"], "--topn"),
        ([], "FILE"),
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], word: str, undisturbed: Path, tmp_path: Path) -> None:
    """2: a format that it cannot write, or options that do not go together; nothing is written."""
    where = ["--checkpoints", str(undisturbed / "checkpoints")]
    assert word in _complaint(run("plot", *arguments, *where, folder=tmp_path), 2)[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_an_unknown_word(undisturbed: Path, tmp_path: Path) -> None:
    """2: one line, and a hint with the nearest spellings."""
    problem, hint = _complaint(
        run("plot", tmp_path / "a.png", "--map", "--word", WORDS[9] + "q", folder=undisturbed), 2
    )
    assert problem.endswith("is not in the vocabulary") and WORDS[9] in hint
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_plot(tmp_path: Path) -> None:
    """66: no checkpoint, one of which no word was trained, or a map without words."""
    Trainer(vector_size=8).save(tmp_path / "untrained")
    for place in ("nowhere", "untrained"):
        for more in ([], ["--map"]):
            lines = _complaint(run("plot", "a.png", *more, "--checkpoints", place, folder=tmp_path), 66)
            assert len(lines) == 2 and lines[1].startswith("  hint: ")
    assert not (tmp_path / "a.png").exists() and not (tmp_path / "nowhere").exists()


def test_cannot_write(undisturbed: Path, tmp_path: Path) -> None:
    """74: a folder that is not there or may not be written to, with a hint; what was there stays."""
    closed = put(tmp_path / "closed" / "a.png", "kept").parent
    closed.chmod(0o555)
    for place in (tmp_path / "missing" / "a.png", closed / "a.png"):
        ended = run("plot", place, folder=undisturbed, command=POWERLESS)
        if ended.code == 77:
            pytest.skip("root may not give up its powers here")
        lines = _complaint(ended, 74)
        assert str(place) in lines[0] and lines[1].startswith("  hint: ")
    assert [path.read_text() for path in closed.iterdir()] == ["kept"]


def test_without_matplotlib(undisturbed: Path, tmp_path: Path) -> None:
    """2: one line says what is missing, and a hint how to get it; the other commands need none."""
    ended = run("plot", tmp_path / "a.png", folder=undisturbed, command=WITHOUT_MATPLOTLIB)
    assert _complaint(ended, 2) == [
        "streamer: plot needs matplotlib",
        "  hint: pip install matplotlib",
    ]
    assert "trained" in done("status", folder=undisturbed, command=WITHOUT_MATPLOTLIB).stdout
    assert list(tmp_path.iterdir()) == []


def test_without_a_home(undisturbed: Path, tmp_path: Path) -> None:
    """Where matplotlib cannot keep its cache, it is not heard of."""
    environment = {"HOME": "/nonexistent", "MPLCONFIGDIR": str(put(tmp_path / "file", "") / "no")}
    ended = run("plot", tmp_path / "a.png", folder=undisturbed, environment={**os.environ, **environment})
    assert (ended.code, ended.stderr) == (0, f"wrote the history to {tmp_path}/a.png\n")

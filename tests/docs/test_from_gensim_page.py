"""docs/from-gensim.md: what stands in a row for gensim and for streamer runs, and comes to the same."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest

import streamer
from streamer.settings import ModelSettings, names
from streamer.vectors import WordVectors, write
from streamer.vectors.left_out import LEFT_OUT

from ..support import optimal_transport
from .pages import DOCS, ROOT, code_blocks, section, table_rows

PAGE = (DOCS / "from-gensim.md").read_text(encoding="utf-8")
TRAINING = table_rows(section(PAGE, "## Training").partition("\n### ")[0])
TEXTS = section(PAGE, "### Texts")
PARAMETERS = table_rows(section(PAGE, "### Parameters"))
ASKING = table_rows(section(PAGE, "## Asking"))
OUT = table_rows(section(PAGE, "## What is left out"))
IMPORTS = code_blocks(PAGE, "python")[0]
COMMANDS = code_blocks(PAGE, "sh")[0].splitlines()

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # gensim leaves its files to the collector
    pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning"),  # gensim calls itself
]


@pytest.fixture
def names_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the lines of the page may use, in a folder with the files that they name."""
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(IMPORTS, found)
    texts = (ROOT / "data" / "sample.txt").read_text(encoding="utf-8").splitlines() * 3
    sentences = [re.findall(r"\w+", text.lower()) for text in texts if text]
    Path("texts.txt").write_text("".join(f"{' '.join(sentence)}\n" for sentence in sentences))
    Path("pairs.tsv").write_text("river\tmill\t8\nriver\tbread\t2\nmill\tbread\t5\n")
    Path("analogies.txt").write_text(": some\nriver mill bread flour\nmill river flour bread\n")
    return {**found, "texts": texts, "sentences": sentences, "more": sentences[:40]}


def same(ours: Any, theirs: Any) -> None:
    """Compare words exactly, numbers to 1e-4, and lists and tuples one by one."""
    if isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
    elif isinstance(theirs, str):
        assert ours == theirs
    else:
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def run(code: str, names_known: dict[str, Any]) -> Any:
    """Run some statements, and return the value of the last one if it is an expression."""
    *before, last = code.split("; ")
    for statement in before:
        exec(statement, names_known)
    if re.match(r"\w+ = ", last):
        return exec(last, names_known)
    return eval(last, names_known)


def test_training(names_of_the_page: dict[str, Any]) -> None:
    """Each row runs after those before it, on either side; vectors that both read from one file are the same."""
    assert len(TRAINING) >= 15
    theirs, ours = dict(names_of_the_page), dict(names_of_the_page)
    read = 0
    for row in TRAINING:
        if "intersect" in row[0]:  # gensim needs a factor for each word to be made by hand
            theirs["model"].wv.vectors_lockf = np.ones(len(theirs["model"].wv))
        run(row[0], theirs)
        run(row[1], ours)
        if "save_word2vec_format" in row[1]:
            write(ours["vectors"], "x.glove", "glove")
        if "load_word2vec_format" in row[1]:
            assert ours["vectors"].index_to_key == theirs["kv"].index_to_key
            assert np.array_equal(ours["vectors"].vectors, theirs["kv"].vectors)
            read += 1
        if row[1].startswith("trainer = ") and "resume" not in row[1]:
            known, wanted = set(ours["trainer"].wv), set(theirs["model"].wv.index_to_key)
            if "simple_preprocess" not in row[0]:
                assert wanted <= known
            assert len(known & wanted) > 50
    assert read == 3
    assert ours["trainer"].settings.architecture == "skipgram"
    assert len(ours["trainer"].wv) >= len(ours["vectors"])


def test_asking(names_of_the_page: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row gives on the right what gensim gives on the left, for vectors that were trained here."""
    optimal_transport.install(monkeypatch)
    trainer = streamer.Trainer(vector_size=12, min_count=2, threads=1)
    for _ in range(4):
        trainer.partial_fit(names_of_the_page["texts"])
    trainer.vectors.save_word2vec_format("x.txt")
    vectors = WordVectors.load_word2vec_format("x.txt")
    keyed = gensim.models.KeyedVectors.load_word2vec_format("x.txt")
    assert len(ASKING) > 40
    for theirs, ours in ASKING:
        same(run(ours, {"vectors": vectors}), run(theirs, {"kv": keyed}))


def test_all_that_both_have_is_on_the_page() -> None:
    """Each method that WordVectors shares with gensim's KeyedVectors has a row."""
    shared = {name for name in dir(WordVectors) if not name.startswith("_")} & {*dir(gensim.models.KeyedVectors)}
    shown = {name for row in [*ASKING, *TRAINING] for name in re.findall(r"(?:vectors|WordVectors)\.(\w+)", row[1])}
    assert sorted(shared - shown - {"fill_norms"}) == []
    assert "fill_norms" in "".join(row[0] for row in ASKING)


def test_left_out() -> None:
    """The table has each name that is left out, with what the error says."""
    assert {row[0]: row[1] for row in OUT} == LEFT_OUT


def test_parameters() -> None:
    """The table has each parameter of Word2Vec with its default, and what is named for it is a setting that works."""
    parameters = inspect.signature(gensim.models.Word2Vec).parameters
    defaults = {name: "hash" if each.default is hash else repr(each.default) for name, each in parameters.items()}
    said = dict(row[0].split("=", 1) for row in PARAMETERS if row[0] != "sg=1")
    assert said.keys() == defaults.keys()
    assert {name: float(each) if re.match(r"[\d.]+$", each) else each for name, each in said.items()} == {
        name: float(each) if re.match(r"[\d.]+$", each) else each for name, each in defaults.items()
    }
    settings = 0
    plain = ModelSettings()
    for row in PARAMETERS:
        found = re.fullmatch(r"(\w+)=(.+)", row[1])
        if found is None:
            continue
        name, value = found[1], eval(found[2])
        streamer.Trainer(**{name: value})
        assert name in {*names(ModelSettings), "threads"}
        if name not in ("threads", "stop_words") and row[1] != 'architecture="cbow"':
            assert getattr(plain, name) == value
        settings += 1
    assert settings == 11


def test_other_ways_for_parameters(names_of_the_page: dict[str, Any]) -> None:
    """What the rows without a setting name works too."""
    trainer = streamer.Trainer(min_count=1, threads=1).partial_fit(names_of_the_page["sentences"])
    assert np.isfinite(eval("trainer.history.loss()"))
    assert "`partial_fit` again" in PAGE
    assert trainer.partial_fit(names_of_the_page["sentences"]).vectors.most_similar("river", restrict_vocab=50000)
    (parameters,) = (row for row in PARAMETERS if row[0] == "sample=0.001")
    assert parameters[1] == "sample=0.001"


def test_texts(names_of_the_page: dict[str, Any]) -> None:
    """What the table says of texts is so: case, numbers, single letters, spaces, phrases."""
    assert len(re.findall(r"^\| ", TEXTS, re.MULTILINE)) == 7
    default = streamer.Trainer(min_count=1, threads=1).partial_fit(["A café opens at 9"]).wv
    assert set(default) == {"a", "café", "opens", "at", "9"}
    listed = streamer.Trainer(min_count=1, threads=1).partial_fit([["The", "café", "C++"], ["at 9"]]).wv
    assert set(listed) == {"The", "café", "C++", "at 9"}
    spaces = streamer.Trainer(min_count=1, threads=1, tokenizer="spaces").partial_fit(["The café, C++"]).wv
    assert set(spaces) == {"The", "café,", "C++"}
    phrases = streamer.Trainer(min_count=1, threads=1, phrases=("new york",)).partial_fit(["In New York it rains"]).wv
    assert set(phrases) == {"in", "new_york", "it", "rains"}
    theirs = gensim.models.Phrases([["new", "york"], ["it", "rains"]] * 5, min_count=1, threshold=0.1)
    assert "new_york" in theirs[["in", "new", "york"]]


def test_commands(names_of_the_page: dict[str, Any], tmp_path: Path) -> None:
    """They run, and learn what gensim learns from the same file: words as they are, a line a context."""
    Path("inbox").mkdir()
    shutil.copy2("texts.txt", "inbox/texts.txt")
    for number, command in enumerate(COMMANDS):
        line = command.replace("streamer", f"'{sys.executable}' -m streamer", 1)
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "STREAMER_CHECKPOINTS": str(number)}
        ended = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
    for number, (thing, path) in enumerate({"FILE": "texts.txt", "FOLDER": "inbox"}.items(), start=2):
        (line,) = set(re.findall(rf"`(streamer train {thing} --.*?)`", TEXTS))
        command = line.replace("streamer", f"'{sys.executable}' -m streamer", 1).replace(thing, path)
        environment["STREAMER_CHECKPOINTS"] = str(number)
        subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    sentences = gensim.models.word2vec.PathLineSentences("inbox")
    assert set(streamer.load("2")) == set(streamer.load("3"))
    assert set(streamer.load("3")) == set(gensim.models.Word2Vec(sentences, vector_size=4, workers=1).wv.index_to_key)
    model = gensim.models.Word2Vec(corpus_file="texts.txt", min_count=2, vector_size=4, epochs=1, workers=1)
    assert set(streamer.load("0")) == set(model.wv.index_to_key)


def test_pickles(names_of_the_page: dict[str, Any]) -> None:
    """What the page says of gensim's files is what one reads who gives them."""
    model = gensim.models.Word2Vec(names_of_the_page["sentences"], vector_size=4, epochs=1, workers=1)
    model.save("x.model")
    model.wv.save("x.kv")
    for path in ("x.model", "x.kv"):
        with pytest.raises(streamer.StreamerError) as caught:
            WordVectors.load_word2vec_format(path)
        way = caught.value.hint.partition(": ")[2]
        assert f"`{way}`" in PAGE
        run(way, dict(names_of_the_page))
        assert WordVectors.load_word2vec_format("x.txt").index_to_key == model.wv.index_to_key

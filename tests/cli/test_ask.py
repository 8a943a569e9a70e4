"""`similar`, `analogy`, `evaluate`: answers as JSON and for people, and words that are not known."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import streamer

from ..support.corpus import WORDS, put
from ..support.process import COMMAND, done, json_of, run


def test_similar_and_analogy(undisturbed: Path) -> None:
    """`similar --json` lists neighbours word by word, `analogy --json` the answers, the nearest first."""
    lists = json_of(undisturbed, "similar", WORDS[0], WORDS[3], "--topn", "4")
    assert [entry["word"] for entry in lists] == [WORDS[0], WORDS[3]]
    answers = json_of(undisturbed, "analogy", *WORDS[:3], "--topn", "4")
    assert all(set(entry) == {"word", "neighbours"} for entry in lists)
    for neighbours in (lists[0]["neighbours"], answers):
        assert [set(neighbour) for neighbour in neighbours] == [{"word", "cosine"}] * 4
        cosines = [neighbour["cosine"] for neighbour in neighbours]
        assert cosines == sorted(cosines, reverse=True) and cosines[0] <= 1


def test_unknown_words_keep_nothing_back(undisturbed: Path) -> None:
    """Known words are answered; each unknown one is told in a line, with the nearest spellings below; exit 2."""
    ended = run("similar", WORDS[0], "xyzzy", f"{WORDS[1]}{WORDS[1][-1]}", WORDS[2], folder=undisturbed)
    assert ended.code == 2
    assert re.findall(r"(?m)^(\w+) +cosine", ended.stdout) == [WORDS[0], WORDS[2]]
    first, second, hint = ended.stderr.splitlines()
    assert first == "streamer: 'xyzzy' is not in the vocabulary"
    assert second == f"streamer: '{WORDS[1]}{WORDS[1][-1]}' is not in the vocabulary"
    assert re.fullmatch(rf"  hint: did you mean .*\b{WORDS[1]}\b.*\?", hint)

    ended = run("analogy", WORDS[0], "xyzzy", WORDS[1], folder=undisturbed)
    assert (ended.code, ended.stdout, ended.stderr) == (2, "", "streamer: 'xyzzy' is not in the vocabulary\n")


def test_spelled(undisturbed: Path, tmp_path: Path) -> None:
    """Words never met are answered with an estimate that says so; words like no other are unknown."""
    made = f"{WORDS[1]}{WORDS[1][-1]}"
    ended = run("similar", "--spelled", "--json", WORDS[0], made, folder=undisturbed)
    assert ended.code == 0
    assert [(row["word"], row["estimate"]) for row in ended.json] == [(WORDS[0], False), (made, True)]
    assert re.fullmatch(rf"'{made}' .* estimate .*did you mean .*{WORDS[1]}.*\n", ended.stderr)
    ended = run("similar", "--spelled", "qqqq", folder=undisturbed)
    assert (ended.code, ended.stdout, ended.stderr) == (2, "", "streamer: 'qqqq' is not in the vocabulary\n")
    words = tmp_path / "words.txt"
    words.write_text(f"{made}\n{WORDS[0]}\nqqqq\n")
    ended = run("export", str(tmp_path / "out.txt"), "--spelled", str(words), folder=undisturbed)
    assert ended.code == 0 and "1 of 3 words" in ended.stderr
    rows = (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()
    assert [row.split()[0] for row in rows] == ["2", WORDS[0], made]
    words.write_text("\n \n")
    for path, problem in ((tmp_path / "none", "cannot read"), (words, "has no words")):
        ended = run("export", "-", "--spelled", path, folder=undisturbed)
        assert (ended.code, ended.stdout) == (66, "") and problem in ended.stderr


def test_words_that_left(tmp_path: Path) -> None:
    """They are answered with what was learned until then, which is said; an export has them if that is asked for."""
    trainer = streamer.Trainer(vector_size=8, min_count=1, max_vocabulary=1_000, threads=1)
    for start in (0, 700):
        trainer.partial_fit([[f"w{number}" for number in range(start, start + 700)] * (1 + start // 700)])
    trainer.save(tmp_path / "checkpoints")
    left = "w1"
    ended = run("similar", "w900", left, "never", "--topn", "2", "--json", folder=tmp_path)
    assert ended.code == 2
    assert [(row["word"], row.get("cold", False)) for row in ended.json] == [("w900", False), (left, True)]
    assert "'w1' left the vocabulary" in ended.stderr and "'never' is not in the vocabulary" in ended.stderr
    ended = done("similar", left, "--topn", "2", folder=tmp_path)
    assert re.findall(r"(?m)^(\w+) +cosine", ended.stdout) == [left]
    file = next((tmp_path / "checkpoints").glob("checkpoint-*.h5"))
    assert done("similar", left, "--topn", "2", "--checkpoints", file, folder=tmp_path).stdout == ended.stdout
    status = json_of(tmp_path, "status")
    assert (status["vocabulary"], status["max_vocabulary"], status["cold"]) == (938, 1_000, 462)
    for flags, count in (((), 938), (("--cold",), 1_400)):
        ended = done("export", "-", *flags, folder=tmp_path)
        assert ended.stdout.splitlines()[0] == f"{count} 8"


def test_evaluate_spelled(undisturbed: Path, tmp_path: Path) -> None:
    """Pairs with a word that was never met are scored too, and the output says that they are estimates."""
    pairs = tmp_path / "pairs.tsv"
    rows = [(WORDS[number], WORDS[number + 1], number) for number in range(4)]
    rows += [(f"{WORDS[1]}{WORDS[1][-1]}", WORDS[7], 5), ("qqqq", WORDS[8], 6)]
    pairs.write_text("".join(f"{one}\t{other}\t{score}\n" for one, other, score in rows))
    plain = json_of(undisturbed, "evaluate", "--pairs", pairs)["pairs"]
    ended = done("evaluate", "--pairs", pairs, "--spelled", "--json", folder=undisturbed)
    assert (plain["scored"], ended.json["pairs"]["scored"], ended.json["pairs"]["rows"]) == (4, 5, 6)
    assert ended.json["pairs"]["spelled"] is True and "spelled" not in plain
    assert "estimated from their spelling" in ended.stderr
    ended = run("evaluate", "--analogies", pairs, "--spelled", folder=undisturbed)
    assert ended.code == 2 and "--spelled is for --pairs" in ended.stderr


def test_words_on_standard_input(undisturbed: Path) -> None:
    """`similar -` answers a word a line as if it had been given each, in any case, and tells of the unknown ones."""
    lines = f"\ufeff{WORDS[3]}\r\n\n  {WORDS[0].upper()}\nxyzzy\n".encode() + b"caf\xe9\nxyzzy\n"

    def asked(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*COMMAND, "similar", "-", *arguments]
        return subprocess.run(command, cwd=undisturbed, input=lines, capture_output=True)

    ended = asked("--json", "--topn", "3")
    wanted = json_of(undisturbed, "similar", WORDS[3], WORDS[0], "--topn", "3")
    assert json.loads(ended.stdout) == wanted
    assert ended.returncode == 2
    assert [line.split("'")[1] for line in ended.stderr.decode().splitlines()] == ["xyzzy", "caf\ufffd"]
    assert re.findall(rb"(?m)^(\w+) +cosine", asked().stdout) == [WORDS[3].encode(), WORDS[0].encode()]


def test_restricted_to_frequent_words(undisturbed: Path) -> None:
    """`--restrict-vocab` keeps answers among the most frequent words, and evaluation to rows of those."""
    frequent = streamer.load(undisturbed / "checkpoints").index_to_key[:50]
    (answer,) = json_of(undisturbed, "similar", frequent[30], "--restrict-vocab", "50")
    assert {neighbour["word"] for neighbour in answer["neighbours"]} <= set(frequent)
    near = json_of(undisturbed, "analogy", *frequent[:3], "--restrict-vocab", "50")
    assert len(near) == 10 and {neighbour["word"] for neighbour in near} <= set(frequent) - set(frequent[:3])


def test_how_often_a_neighbour_was_seen(undisturbed: Path) -> None:
    """People see how often each neighbour was seen, and what an analogy asks."""
    vectors = streamer.load(undisturbed / "checkpoints")
    shown = done("analogy", *WORDS[:3], folder=undisturbed).stdout.splitlines()
    assert shown[0] == f"{WORDS[0]} is to {WORDS[1]} as {WORDS[2]} is to"
    for line in shown[2:]:
        word, _, seen = line.split()
        assert seen == f"{vectors.counts[vectors.key_to_index[word]]:,}"


def test_evaluate(undisturbed: Path, tmp_path: Path) -> None:
    """`evaluate --json` has what was asked for in exactly the contract's keys, and counts rows it could not score."""
    rows = [f"{WORDS[number]}\t{WORDS[number + 1]}\t{number}" for number in range(9)]
    pairs = put(tmp_path / "pairs.tsv", "\n".join([*rows, "unheard\tof\t1"]))
    analogies = put(tmp_path / "analogies.txt", ": one\n" + " ".join(WORDS[:4]) + "\n: two\nunheard of by us\n")
    scores = json_of(undisturbed, "evaluate", "--pairs", pairs, "--analogies", analogies)
    assert set(scores) == {"pairs", "analogies"}
    assert set(scores["pairs"]) == {"spearman", "scored", "rows"}
    assert (scores["pairs"]["scored"], scores["pairs"]["rows"]) == (9, 10)
    assert set(scores["analogies"]) == {"accuracy", "correct", "scored", "rows", "sections"}
    assert (scores["analogies"]["scored"], scores["analogies"]["rows"]) == (1, 2)
    assert [section["section"] for section in scores["analogies"]["sections"]] == ["one", "two"]
    assert set(json_of(undisturbed, "evaluate", "--pairs", pairs)) == {"pairs"}
    few = json_of(undisturbed, "evaluate", "--pairs", pairs, "--analogies", analogies, "--restrict-vocab", "1")
    assert (few["pairs"]["scored"], few["analogies"]["scored"]) == (0, 0)

    shown = done("evaluate", "--pairs", pairs, "--analogies", analogies, folder=undisturbed).stdout
    assert f"pairs.tsv: Spearman {scores['pairs']['spearman']:.4f}, scored 9 of 10 rows\n" in shown
    assert re.search(r"(?m)^two +– +0 of 1\n\n.*analogies\.txt +[\d.]+% +1 of 2$", shown)
    nothing = put(tmp_path / "nothing.txt", "unheard of by us\n")
    shown = done("evaluate", "--analogies", nothing, folder=undisturbed).stdout
    assert shown == f"{nothing}: 0 of 1 rows could be scored: each has a word that is not in the vocabulary\n"


def test_words_as_people_type_them(tmp_path: Path) -> None:
    """Capitals, curly apostrophes and letters in two parts find the word that the tokenizer makes of them."""
    text = "don't ask at the café why they don't open the café before ten " * 20
    streamer.Trainer(vector_size=8, min_count=1, threads=1).partial_fit([text]).save(tmp_path / "checkpoints")
    typed = ("DON’T", "Cafe\u0301", "café")
    found = done("similar", *typed, "--json", folder=tmp_path).json
    assert [entry["word"] for entry in found] == ["don't", "café", "café"]

"""Files with markup in a run: recognised, trained to their end as they were begun, and what was skipped is said."""

from __future__ import annotations

import bz2
import lzma
from pathlib import Path

from streamer.state.reading import read_words

from ..support.corpus import put
from ..support.process import QUICK, done, files

ONCE = ("watch", "inbox", "--once", *QUICK, "--min-count", "1")
LINES = '{"key": "one two", "other": "three four five"}\n'

SEEN = {"one", "two", "six", "seven", "eight", "nine", "ten", "eleven", "plain", "text", "packed"}


def words(folder: Path) -> set[str]:
    """Return the vocabulary."""
    return set(read_words(folder / "checkpoints")[0])


def test_each_format_is_known_and_only_its_text_is_trained(tmp_path: Path) -> None:
    """Whatever the files are called; packed ones, too."""
    inbox = tmp_path / "inbox"
    put(inbox / "a.txt", LINES, age=100)
    put(inbox / "b.txt", "<!DOCTYPE html><html class=no><p>six <b>sev</b>en<script>no()</script>", age=90)
    put(inbox / "c.txt", "From: no\nSubject: eight\n\nnine\n> no\n", age=80)
    put(inbox / "d.txt", "id,key\nno,ten\nno,eleven\n", age=70)
    put(inbox / "e.txt", "plain text", age=60)
    put(inbox / "f.txt", bz2.compress(LINES.encode()), age=50)
    put(inbox / "g.txt", lzma.compress(b"packed"), age=40)
    ended = done(*ONCE, "--field", "key", "--duplicates", "train", folder=tmp_path)
    assert not ended.events("file.skipped")
    assert {name[0]: row["format"] for name, row in files(tmp_path).items()} == {
        "a": "jsonl key", "b": "html", "c": "mail", "d": "csv key", "e": "text", "f": "jsonl key", "g": "text",
    }  # fmt: skip
    assert words(tmp_path) == SEEN


def test_a_file_is_finished_as_it_was_begun(tmp_path: Path) -> None:
    """It grows, and another format is asked for, or another field."""
    inbox = tmp_path / "inbox"
    put(inbox / "text.txt", LINES, age=100)
    done(*ONCE, "--format", "text", folder=tmp_path)
    put(inbox / "json.txt", LINES, age=100)
    done(*ONCE, "--field", "key", "--duplicates", "train", folder=tmp_path)
    before = {name: row["words"] for name, row in files(tmp_path).items()}
    assert before == {"text.txt": 7, "json.txt": 2}
    for name in before:
        put(inbox / name, LINES * 3, age=50)
    done(*ONCE, "--format", "html", "--duplicates", "train", folder=tmp_path)
    rows = files(tmp_path)
    assert {name: row["words"] for name, row in rows.items()} == {name: 3 * count for name, count in before.items()}
    assert {name: row["format"] for name, row in rows.items()} == {"text.txt": "text", "json.txt": "jsonl key"}


def test_what_was_skipped_is_in_the_log(tmp_path: Path) -> None:
    """A number with the file, and only if there is one."""
    put(tmp_path / "inbox" / "a.jsonl", LINES * 2 + "broken\n" + LINES + '{"cut', age=100)
    put(tmp_path / "inbox" / "b.jsonl", LINES, age=50)
    first, second = done(*ONCE, folder=tmp_path).events("file.trained")
    assert (first["records_skipped"], first["words"]) == (2, 15)
    assert "records_skipped" not in second


def test_a_table_without_the_column_waits_for_a_better_one(tmp_path: Path) -> None:
    """It is refused with the reason, until a column is asked for that it has."""
    put(tmp_path / "inbox" / "a.csv", "id,text\n1,word\n", age=100)
    done(*ONCE, "--format", "csv", "--field", "body", folder=tmp_path)
    assert files(tmp_path)["a.csv"]["reason"] == "csv: no column body; see --field"
    done(*ONCE, "--format", "csv", "--field", "text", folder=tmp_path)
    row = files(tmp_path)["a.csv"]
    assert (row["outcome"], row["format"], row["words"]) == ("trained", "csv text", 1)

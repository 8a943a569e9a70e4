"""`explain`: where a word comes from, for people and as JSON, and words that are not known."""

from __future__ import annotations

import re
from pathlib import Path

import streamer

from ..support.corpus import WORDS
from ..support.process import done, json_of, run

KEYS = {
    *(
        "word",
        "moment",
        "dates_of_texts",
        "count",
        "cold",
        "came_back",
        "files",
        "first",
        "last",
        "moved_most",
        "examples",
    ),
    *("without_examples", "over_time"),
}


def test_a_word_of_files(undisturbed: Path) -> None:
    """What people see is what the JSON has, and the same as in Python."""
    found = json_of(undisturbed, "explain", WORDS[0].upper(), "--topn", "3")
    assert found.keys() == KEYS
    assert found == streamer.explain(WORDS[0], undisturbed / "checkpoints", topn=3)
    assert found["files"] > 3 and len(found["moved_most"]) == 3
    assert found["examples"] or found["without_examples"]
    shown = done("explain", WORDS[0], "--topn", "3", folder=undisturbed).stdout
    assert shown.startswith(f"{WORDS[0]}: seen {found['count']:,} times; in {found['files']} files since it has a vec")
    for end in ("first", "last"):
        assert re.search(rf"(?m)^{end}  +\d{{4}}-\d\d-\d\d \d\d:\d\d  {re.escape(found[end]['path'])}$", shown)
    for file in found["moved_most"]:
        assert re.search(rf"(?m)^  ×[\d.e+]+ +{re.escape(file['path'])}$", shown)
    near = ", ".join(each["word"] for each in found["over_time"][-1]["neighbours"])
    assert shown.partition("neighbours")[2].partition("\n\n")[0].endswith(f"  {near}")


def test_a_word_that_is_not_known(undisturbed: Path) -> None:
    """2, with the nearest spelling; and nothing on stdout, as JSON too."""
    for flags in ((), ("--json",)):
        ended = run("explain", f"{WORDS[1]}{WORDS[1][-1]}", *flags, folder=undisturbed)
        assert (ended.code, ended.stdout) == (2, "")
        first, hint = ended.stderr.splitlines()
        assert first == f"streamer: '{WORDS[1]}{WORDS[1][-1]}' is not in the vocabulary"
        assert re.fullmatch(rf"  hint: did you mean .*\b{WORDS[1]}\b.*\?", hint)


def test_where_there_is_no_checkpoint(tmp_path: Path) -> None:
    """66, as every command that reads one."""
    assert run("explain", "word", folder=tmp_path).code == 66

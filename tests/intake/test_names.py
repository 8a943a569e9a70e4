"""Which names in the inbox are accepted."""

from __future__ import annotations

import pytest

from streamer.intake.names import Names, hidden, looks_like_text
from streamer.settings import DEFAULT_EXCLUDE


@pytest.mark.parametrize(
    ("include", "exclude", "taken", "left"),
    [
        ((), DEFAULT_EXCLUDE, "a.txt A.TMP b/c.txt", "a~ a.tmp b/a.part c.partial d.crdownload e.filepart"),
        ((), ("*.md",), "a.txt", "a.md sub/a.md a.tmp"),
        (("*.txt",), DEFAULT_EXCLUDE, "a.txt b/c.txt", "a.TXT a.md a.txt.tmp"),
        (("*.tmp",), DEFAULT_EXCLUDE, "a.tmp", "a.txt a.part"),
        (("*.tmp",), ("b*",), "a.tmp", "b.tmp a.txt"),
        (("*",), (*DEFAULT_EXCLUDE, "x"), "a.txt", "a.tmp x"),
        (("news/*.txt",), DEFAULT_EXCLUDE, "news/a.txt news/2020/a.txt", "a.txt old/news/a.txt"),
        ((), ("drafts/*",), "a drafts.txt", "drafts/a drafts/b/c"),
        (("[ab].txt", "c?.txt"), DEFAULT_EXCLUDE, "a.txt cc.txt", "c.txt d.txt"),
        ((), (), "a.txt", "a.tmp"),
    ],
)
def test_which_names_are_taken(include: tuple[str, ...], exclude: tuple[str, ...], taken: str, left: str) -> None:
    """Includes choose, and are stronger than the default excludes; a user's own excludes are stronger than both."""
    names = Names(include, exclude)
    assert [path for path in taken.split() if not names.take(path.rpartition("/")[2], path)] == []
    assert [path for path in left.split() if names.take(path.rpartition("/")[2], path)] == []


def test_hidden_names() -> None:
    """A dot at the beginning of any name in the path hides it; a dot elsewhere does not."""
    assert all(map(hidden, (".a", ".a/b", "a/.b", "a/.b/c")))
    assert not any(map(hidden, ("a", "a.b", "a/b.c", "a./b")))


def test_names_of_texts() -> None:
    """A folder with such a name may be a mistake, so it is refused with a reason."""
    assert all(map(looks_like_text, ("a.txt", "a.txt.gz", "a.html", "a.gz")))
    assert not any(map(looks_like_text, ("a", "conf.d", "2024.01", "a.png")))

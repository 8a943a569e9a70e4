"""Which files are to be trained, and the one name that each has in the ledger, however it came."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.formats.dates import seconds
from streamer.intake import reader
from streamer.intake.inbox import Candidate, Inbox, Scan
from streamer.intake.opened import open_regular
from streamer.ledger.entries import REWRITTEN, Entry, Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.service.files import Files, has_changed, outdated, refuse_unreadable
from streamer.settings import RunSettings

from ..support.corpus import aged, put

Make = Callable[..., Files]


@pytest.fixture
def ledger() -> Ledger:
    """Return a ledger without rows."""
    return Ledger()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder of three files, one of them in a folder of its own; b.txt is the oldest."""
    inbox = tmp_path / "inbox"
    put(inbox / "a.txt", "one", age=100)
    put(inbox / "b.txt", "two", age=200)
    put(inbox / "deep" / "c.txt", "three", age=50)
    return inbox


@pytest.fixture
def make(ledger: Ledger, tmp_path: Path) -> Make:
    """Return what makes the files of that ledger, with some settings."""
    (tmp_path / "checkpoints").mkdir()
    return lambda **run: Files(tmp_path / "checkpoints", ledger, RunSettings(threads=1, **run))


def train(ledger: Ledger, candidate: Candidate) -> None:
    """Let a ledger have a file as trained."""
    size = candidate.signature.size
    entry = ledger.plan(candidate.path, Verdict(candidate.signature, os.urandom(32), size))
    assert entry
    ledger.advance(entry, size, 1)
    ledger.finish(entry)


def paths(candidates: list[Candidate]) -> list[str]:
    """Return the names of files."""
    return [candidate.path for candidate in candidates]


def test_names_in_the_folder_are_relative(make: Make, ledger: Ledger, inbox: Path) -> None:
    """Files of the first folder have names relative to it, oldest first; they can be opened by their absolute ones."""
    found = make().candidates([inbox], passes=1)
    assert paths(found) == ["b.txt", "a.txt", "deep/c.txt"]
    assert [Path(each.absolute) for each in found] == [inbox / each.path for each in found]
    assert [each.signature for each in found] == [Signature.of((inbox / each.path).stat()) for each in found]
    assert ledger.root == str(inbox)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a folder of texts with and without dates in their names, in an order of mtimes that is another one."""
    names = ["letters 1843.txt", "z.txt", "1840-05-02.txt", "2090.txt", "a.txt", "1841/b.txt", "1840-05-01.txt"]
    for number, name in enumerate(names):
        put(tmp_path / "archive" / name, "text", age=100 * (number + 1))
    return tmp_path / "archive"


BY_NAME = ["1840-05-01.txt", "1840-05-02.txt", "1841/b.txt", "letters 1843.txt", "2090.txt", "a.txt", "z.txt"]
BY_MTIME = ["1840-05-01.txt", "1841/b.txt", "a.txt", "2090.txt", "1840-05-02.txt", "z.txt", "letters 1843.txt"]


@pytest.mark.parametrize(
    ("source", "expected"), [("name", BY_NAME), ("mtime", BY_MTIME), ("trained", BY_MTIME), ("field", BY_MTIME)]
)
def test_the_order_of_a_folder(source: str, expected: list[str], make: Make, archive: Path) -> None:
    """Dates in names, then those without, each by name; else the oldest first. A date in the future counts, too."""
    assert paths(make(date_from=source).candidates([archive], passes=1)) == expected
    inbox = Inbox(archive, RunSettings(), lambda *_: False, order=make(date_from=source).order_in(archive))
    assert paths(inbox.scan().ready) == expected


def test_the_order_of_files_that_are_named(make: Make, archive: Path) -> None:
    """As they are named; but with dates from names or mtimes, in the order of those."""
    given = [archive / "z.txt", archive / "1841", archive / "letters 1843.txt", archive / "1840-05-02.txt"]

    def named(source: str) -> list[str]:
        return [Path(path).name for path in paths(make(date_from=source).candidates(given, passes=1))]

    assert named("trained") == named("field") == ["z.txt", "b.txt", "letters 1843.txt", "1840-05-02.txt"]
    assert named("name") == ["1840-05-02.txt", "b.txt", "letters 1843.txt", "z.txt"]
    assert named("mtime") == ["b.txt", "1840-05-02.txt", "z.txt", "letters 1843.txt"]


def test_the_order_is_that_of_the_names_in_the_ledger(make: Make, ledger: Ledger, archive: Path) -> None:
    """In another folder than the first, files have absolute names, and the folders that lead there count."""
    put(archive.parent / "1839" / "other.txt", "text")
    files = make(date_from="name")
    files.adopt(archive)
    inbox = Inbox(archive.parent, RunSettings(), lambda *_: False, order=files.order_in(archive.parent))
    first = inbox.scan().ready[0]
    assert (first.path, files.named(first, archive.parent).path) == (
        "1839/other.txt",
        f"{archive.parent}/1839/other.txt",
    )


def test_the_folders_above_say_nothing(make: Make, tmp_path: Path) -> None:
    """Of the folder that is given, its own name counts, and so do those beside it."""
    folder = tmp_path / "1700" / "1841"
    folder.mkdir(parents=True)
    files = make(date_from="name")
    files.adopt(folder)
    assert files.date_in_name("b.txt") == seconds(1841)
    assert files.date_in_name("1840 b.txt") == seconds(1840)
    assert files.date_in_name(f"{tmp_path}/1700/1842/b.txt") == seconds(1842)
    assert files.date_in_name(f"{tmp_path}/1700/other/b.txt") is None
    assert files.date_in_name("/1699/b.txt") == seconds(1699)


def test_what_was_seen_in_a_folder(make: Make, ledger: Ledger, inbox: Path, tmp_path: Path) -> None:
    """It is known by its path in the folder, whatever its name in the ledger; with another signature it is not."""
    files = make()
    given = files.candidates([inbox / "a.txt"], passes=1)[0]
    train(ledger, given)
    assert given.path == f"{inbox}/a.txt"
    found = {candidate.path: candidate for candidate in files.candidates([inbox], passes=1)}
    assert list(found) == ["b.txt", "deep/c.txt"]
    train(ledger, found["b.txt"])
    for folder, above in ((inbox, ""), (tmp_path, "inbox/")):
        seen = files.seen_in(str(folder))
        assert seen(f"{above}a.txt", given.signature) and seen(f"{above}b.txt", found["b.txt"].signature)
        assert not seen(f"{above}deep/c.txt", found["deep/c.txt"].signature)
        assert not seen(f"{above}b.txt", given.signature)
        assert not files.seen_in(str(folder), 2)(f"{above}b.txt", found["b.txt"].signature)


def test_names_elsewhere_are_absolute(make: Make, ledger: Ledger, inbox: Path, tmp_path: Path) -> None:
    """Before any folder, and outside of the folder that was first, a file is called by where it is."""
    other = put(tmp_path / "other" / "a.txt", "other")
    beside = put(tmp_path / "inbox-2" / "a.txt", "a name that begins as the folder's does")
    files = make()
    assert paths(files.candidates([other], passes=1)) == [str(other)]
    assert ledger.root == ""
    found = files.candidates([inbox, other.parent, beside], passes=1)
    assert paths(found) == ["b.txt", "a.txt", "deep/c.txt", str(other), str(beside)]
    assert ledger.root == str(inbox)


def test_a_file_by_itself_has_the_name_that_it_has_in_the_folder(make: Make, ledger: Ledger, inbox: Path) -> None:
    """Whether it comes by itself, in its own folder or in the whole one, and through whatever spelling."""
    ledger.adopt(str(inbox))
    files = make()
    (inbox.parent / "link").symlink_to(inbox)
    for path in (inbox / "deep" / "c.txt", inbox / "deep", inbox / "deep" / ".." / "deep", inbox.parent / "link/deep"):
        assert paths(files.candidates([path], passes=1)) == ["deep/c.txt"]
    assert ledger.root == str(inbox)


def test_one_that_came_by_itself_first_keeps_its_name(make: Make, ledger: Ledger, inbox: Path) -> None:
    """It was known by its absolute name before there was a folder, so it is not trained again with the folder."""
    files = make()
    (alone,) = files.candidates([inbox / "a.txt"], passes=1)
    assert alone.path == str(inbox / "a.txt")
    train(ledger, alone)
    assert paths(files.candidates([inbox], passes=1)) == ["b.txt", "deep/c.txt"]
    assert files.name(f"{inbox}/a.txt") == str(inbox / "a.txt")
    assert files.name(f"{inbox}/b.txt") == "b.txt"


def test_the_root_of_all_folders_leaves_names_absolute(make: Make, ledger: Ledger) -> None:
    """Names of files in / are not cut."""
    ledger.adopt("")
    assert make().name("/a.txt") == "/a.txt"


def test_a_folder_that_was_moved(make: Make, ledger: Ledger, inbox: Path) -> None:
    """The names of its files still hold: what was trained under them is not trained again."""
    files = make()
    for candidate in files.candidates([inbox], passes=1):
        train(ledger, candidate)
    moved = inbox.rename(inbox.with_name("moved"))
    assert paths(files.candidates([moved], passes=1)) == []
    assert ledger.root == str(moved)


def test_a_folder_that_is_still_there_is_not_given_up(make: Make, ledger: Ledger, inbox: Path, tmp_path: Path) -> None:
    """Another folder that is named later does not take its place."""
    files = make()
    files.adopt(inbox)
    files.adopt(put(tmp_path / "other" / "a.txt", "other").parent)
    assert ledger.root == str(inbox)


def test_each_file_once(make: Make, inbox: Path) -> None:
    """However often and in however many ways it was named; the first naming gives its place."""
    named = [inbox / "a.txt", inbox, inbox / "deep", inbox / "deep" / ".." / "a.txt", inbox]
    files = make()
    files.adopt(inbox)
    assert paths(files.candidates(named, passes=1)) == ["a.txt", "b.txt", "deep/c.txt"]


def test_what_was_trained_is_left_out(make: Make, ledger: Ledger, inbox: Path) -> None:
    """As often as was asked for, and as long as it looks the same."""
    files = make()
    for candidate in files.candidates([inbox], passes=1):
        train(ledger, candidate)
    assert files.candidates([inbox, inbox / "a.txt"], passes=1) == []
    assert paths(files.candidates([inbox / "a.txt"], passes=2)) == ["a.txt"]
    assert len(files.candidates([inbox], passes=2)) == 3
    aged(inbox / "a.txt", 10)
    assert paths(files.candidates([inbox / "a.txt", inbox], passes=1)) == ["a.txt"]


def test_files_that_are_not_still_yet(make: Make, inbox: Path) -> None:
    """Who names files or a folder wants them now: nothing is waited for."""
    put(inbox / "new.txt", "new", age=0)
    assert "new.txt" in paths(make(settle=3600.0).candidates([inbox], passes=1))


def test_names_that_are_not_taken(make: Make, inbox: Path) -> None:
    """In a folder the globs of the settings count; a file that is named is taken whatever its name."""
    put(inbox / "half.tmp", "half")
    files = make(exclude=("a.*",))
    assert paths(files.candidates([inbox], passes=1)) == ["b.txt", "deep/c.txt"]
    assert paths(files.candidates([inbox / "half.tmp"], passes=1)) == ["half.tmp"]


def test_the_folder_of_checkpoints_is_refused(make: Make, tmp_path: Path) -> None:
    """2: the trainer would train on its own checkpoints; under whatever name the folder was given."""
    (tmp_path / "link").symlink_to(tmp_path / "checkpoints")
    for folder in (tmp_path / "checkpoints", tmp_path / "link"):
        with pytest.raises(StreamerError) as caught:
            make().candidates([folder], passes=1)
        assert caught.value.code == ExitCode.USAGE and "--checkpoints" in caught.value.hint


def test_checkpoints_within_a_folder_are_left_out(make: Make, tmp_path: Path, inbox: Path) -> None:
    """A folder above that of the checkpoints can be trained; what is in theirs is none of its files."""
    put(tmp_path / "checkpoints" / "notes.txt", "notes")
    assert paths(make().candidates([tmp_path], passes=1)) == ["inbox/b.txt", "inbox/a.txt", "inbox/deep/c.txt"]


def test_a_file_that_is_not_there(make: Make, inbox: Path) -> None:
    """66, and which one it is."""
    with pytest.raises(StreamerError) as caught:
        make().candidates([inbox, inbox / "none.txt"], passes=1)
    assert caught.value.code == ExitCode.NO_INPUT and "none.txt" in caught.value.problem


def test_a_named_link_is_looked_at_itself(make: Make, inbox: Path) -> None:
    """It is a candidate, for whoever opens it to refuse: it is not followed to a file that has another name."""
    link = inbox / "link.txt"
    link.symlink_to(inbox / "a.txt")
    (found,) = make().candidates([link], passes=1)
    assert Path(found.absolute) == link and found.signature == Signature.of(link.lstat())


def test_a_folder_that_cannot_be_listed() -> None:
    """66 where it is trained once: a service waits until it can be."""
    refuse_unreadable(Path("inbox"), Scan())
    with pytest.raises(StreamerError) as caught:
        refuse_unreadable(Path("inbox"), Scan(failure="Permission denied"))
    assert caught.value.code == ExitCode.NO_INPUT and caught.value.hint


def refusal(path: Path, **settings: object) -> str:
    """Return why a file is refused."""
    run = RunSettings(threads=1, **settings)  # type: ignore[arg-type]
    with open_regular(path) as file:
        verdict = reader.judge(file, encoding=run.encoding_of(path.name), max_bad_ratio=run.max_bad_ratio)
    assert verdict.refusal
    return verdict.refusal


def refused(reason: str, path: str = "a.txt") -> Entry:
    """Return the row of a file that was refused."""
    return Entry(path, Signature(1, 1, 1), bytes(32), 1, outcome="skipped", reason=reason)


def test_reasons_that_other_settings_do_away_with(tmp_path: Path) -> None:
    """A file refused for its encoding or for being rewritten is looked at anew with other settings, and not before."""
    latin = refused(refusal(put(tmp_path / "latin.txt", "é è à".encode("latin-1"))))
    strict = refused(refusal(tmp_path / "latin.txt", encoding="utf-8"))
    empty = refused(refusal(put(tmp_path / "empty.txt", "")))
    same, other = RunSettings(), RunSettings(encoding=("latin-1",))
    assert (outdated(same, strict), outdated(RunSettings(encoding=("utf-8",)), strict)) == (True, False)
    assert not outdated(RunSettings(encoding=("utf-8",)), latin), "it was not even that"
    named = RunSettings(encoding=("b.*=latin-1",))
    assert [outdated(named, refused(latin.reason, name)) for name in ("a.txt", "b.txt", "b/b.txt")] == [
        False,
        True,
        True,
    ]
    assert (outdated(same, latin), outdated(other, latin)) == (False, True)
    assert outdated(RunSettings(max_bad_ratio=0.5), latin)
    assert not any(outdated(run, empty) for run in (same, other, RunSettings(on_change="retrain")))
    assert (outdated(same, refused(REWRITTEN)), outdated(RunSettings(on_change="retrain"), refused(REWRITTEN))) == (
        False,
        True,
    )


def test_what_is_a_change(tmp_path: Path) -> None:
    """Size or time of the last change; that a file was renamed or its mode changed does not matter."""
    path = put(tmp_path / "a.txt", "some words")
    signature = Signature.of(path.stat())
    path = path.rename(tmp_path / "b.txt")
    path.chmod(0o600)
    assert path.stat().st_ctime_ns != signature.ctime_ns
    assert not has_changed(path.stat(), signature)
    os.utime(path, ns=(0, signature.mtime_ns + 1))
    assert has_changed(path.stat(), signature)
    path.write_text("some more words")
    os.utime(path, ns=(0, signature.mtime_ns))
    assert has_changed(path.stat(), signature)

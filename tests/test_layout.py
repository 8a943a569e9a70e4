"""The tests mirror the package: a folder a room, and for each module a file of its name."""

from __future__ import annotations

from pathlib import Path

import streamer

PACKAGE = Path(streamer.__file__).parent
TESTS = Path(__file__).parent
SPECIAL = {"faults", "benchmarks", "docs", "support", "browser"}
"""Folders of tests that are about no room: of the whole under faults, of its speed, of its pages; and what all need."""

EXCEPTIONS: dict[str, str] = {}
"""Modules that need no test of their own, and why. Keep it as small as it is."""


def rooms() -> set[str]:
    """Return the folders of the package that hold modules."""
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def modules() -> set[str]:
    """Return the modules of all rooms, as ``room/name``."""
    return {f"{path.parent.name}/{path.stem}" for path in PACKAGE.glob("*/*.py") if path.stem != "__init__"}


def with_tests() -> set[str]:
    """Return the modules that have a test file, as ``room/name``."""
    written = (path for path in TESTS.glob("*/test_*.py") if "\ndef test_" in path.read_text())
    return {f"{path.parent.name}/{path.stem.removeprefix('test_')}" for path in written}


def folders() -> set[str]:
    """Return the folders of tests that hold Python; an empty one is left by git where all of it was moved away."""
    return {path.relative_to(TESTS).parts[0] for path in TESTS.glob("*/**/*.py")}


def test_there_are_rooms() -> None:
    """What follows would hold of nothing, too."""
    assert {"cli", "service", "model"} <= rooms()
    assert {"cli/app", "service/loop", "model/sgns"} <= modules()


def test_every_folder_of_tests_is_a_room() -> None:
    """Or one of those that are about the whole."""
    assert folders() - SPECIAL <= rooms(), "no such room"


def test_every_room_has_a_folder_of_tests() -> None:
    """Whoever looks for the tests of a room finds them under its name."""
    assert rooms() <= folders(), "rooms without tests"
    assert not rooms() & SPECIAL, "a room that is called as tests of the whole are"


def test_every_module_has_a_test_of_its_own() -> None:
    """The test of ``streamer/ROOM/NAME.py`` is ``tests/ROOM/test_NAME.py``."""
    missing = modules() - with_tests() - EXCEPTIONS.keys()
    assert sorted(missing) == [], "modules without a test"


def test_exceptions_are_some() -> None:
    """A module that is gone, or has a test by now, is no exception any more; each of the others has a reason."""
    assert sorted(EXCEPTIONS.keys() - modules()) == [], "no such modules"
    assert sorted(EXCEPTIONS.keys() & with_tests()) == [], "modules that have a test"
    assert all(EXCEPTIONS.values())


def test_rooms_have_no_rooms() -> None:
    """One level of folders is all that is looked at here, so that it has to be all that there is."""
    assert [str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("*/*/*.py")] == []

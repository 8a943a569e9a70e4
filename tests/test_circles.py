"""The shape of the package: no circles of imports, no long modules, and few that are in no room."""

from __future__ import annotations

import graphlib
import importlib
import sys
from pathlib import Path

import grimp
import pytest

import streamer

PACKAGE = Path(streamer.__file__).parent
LINES = 400
"""Most lines of a module: longer ones do more than one thing."""
AT_THE_TOP = 6
"""Most modules beside the rooms."""


def circle(package: str) -> list[str]:
    """Return modules of a package each of which imports the next, and the last the first; [] if there are none.

    Imports within functions, and those that are made for type checkers only, are imports: they say who knows whom.
    """
    graph = grimp.build_graph(package, exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_module_imports_itself_by_a_detour() -> None:
    """Strongly connected components of more than one module: none."""
    assert circle("streamer") == []


PLANTED = {
    "at the top": "from {package} import second\n",
    "in a function": "def f():\n    from {package}.second import g\n    return g\n",
    "for type checkers": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {package}.second import g\n",
    "relative": "from .second import g\n",
}


@pytest.mark.parametrize("how", PLANTED)
@pytest.mark.parametrize("length", [2, 3])
def test_the_check_sees_a_circle(how: str, length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two modules, or three, that import each other in whatever way are found; without the one import they are not."""
    package = f"planted_{length}_{how.replace(' ', '_')}"
    folder = tmp_path / package
    folder.mkdir()
    for name in ("__init__", "third", "other"):
        (folder / f"{name}.py").touch()
    (folder / "first.py").write_text(PLANTED[how].format(package=package))
    (folder / "second.py").write_text(f"from {package} import other\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert circle(package) == []
    if length == 2:
        (folder / "second.py").write_text(f"from {package} import other, first\n")
    else:
        (folder / "second.py").write_text(f"from {package} import third\n")
        (folder / "third.py").write_text(f"import {package}.first\n")
    importlib.invalidate_caches()
    names = {"first", "second", "third"} if length == 3 else {"first", "second"}
    assert set(circle(package)) == {f"{package}.{name}" for name in names}
    assert package not in sys.modules, "the check reads the code, and runs none of it"


def test_the_graph_is_that_of_the_whole_package() -> None:
    """Every module is looked at, with the imports that only type checkers make."""
    graph = grimp.build_graph("streamer", exclude_type_checking_imports=False, cache_dir=None)
    files = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE.rglob("*.py")
    }
    assert graph.modules == files
    assert graph.direct_import_exists(importer="streamer", imported="streamer.training.trainer")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short(path: Path) -> None:
    """A module is read at one go."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def test_few_modules_are_in_no_room() -> None:
    """What is not in a room belongs to all of them: the door, the errors."""
    top = sorted(path.stem for path in PACKAGE.glob("*.py"))
    assert len(top) <= AT_THE_TOP, top
    assert {"__init__", "__main__", "errors", "version"} <= set(top)


def test_rooms_are_flat_and_say_what_they_are_for() -> None:
    """Each room is one folder of modules with a docstring of its own."""
    rooms = [path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    for room in rooms:
        assert (room / "__init__.py").read_text(encoding="utf-8").startswith('"""'), room
        assert not [path for path in room.iterdir() if path.is_dir() and path.name != "__pycache__"], room

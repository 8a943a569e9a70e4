"""docs/files.md names every reason for which a file is refused or given up, in the words of the product."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

from streamer import service
from streamer.intake import inbox, ledger, reader

from .pages import DOCS

PAGE = (DOCS / "files.md").read_text(encoding="utf-8")
VERDICTS = ("empty", "not text in utf-8: ", " % of its characters can't be decoded (limit ", " %); see --encoding")


def strings(module: ModuleType, function: str) -> Iterator[str]:
    """Yield the strings, and the constant parts of f-strings, that a module passes to a function."""
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == function:
            parts = (part for argument in call.args for part in ast.walk(argument))
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


REASONS = {
    *(inbox.FOLDER, ledger.IN_TRAINING, ledger.CHANGED, ledger.REWRITTEN),
    *(reader._KINDS.values()),
    *VERDICTS,
    *strings(reader, "Refused"),
    *strings(service, "abandon"),
}


@pytest.mark.parametrize("reason", sorted({reason.strip(" ()") for reason in REASONS} - {""}))
def test_every_reason_is_on_the_page(reason: str) -> None:
    """A reason that ``files`` can show is explained."""
    assert reason in PAGE

"""docs/files.md names every reason for which a file is refused or given up, in the words of the product."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType

import attrs
import pytest

from streamer.formats import binary, detect
from streamer.formats.dates import NAMES
from streamer.intake import decoding, inbox, opened, packings, reader
from streamer.intake.dates import date_of
from streamer.ledger import entries
from streamer.service import loop
from streamer.settings import RunSettings

from .pages import DOCS, section, table_rows

PAGE = (DOCS / "files.md").read_text(encoding="utf-8")
VERDICTS = ("empty", "not text in utf-8: ", decoding.UNDECODABLE, decoding.CONTROLS, decoding.FOR_PRIVATE_USE)
ENDS = (decoding.ADVICE, decoding.GUESSED, "; perhaps cp1251 or koi8-r", "; no other encoding fits", binary.BINARY)


DOCUMENTS = (b"%PDF-1.7\n", b"{\\rtf1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04[Content_Types].xml")


def strings(module: ModuleType, function: str) -> Iterator[str]:
    """Yield the strings, and the constant parts of f-strings, that a module passes to a function."""
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == function:
            texts = (part for argument in call.args for part in _texts(argument))
            yield from (part.value for part in texts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _texts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what is in it, apart from how an f-string writes its numbers."""
    yield node
    for name, part in ast.iter_fields(node):
        for child in part if isinstance(part, list) else [part]:
            if isinstance(child, ast.AST) and name != "format_spec":
                yield from _texts(child)


REASONS = {
    *(inbox.FOLDER, entries.IN_TRAINING, entries.CHANGED, entries.REWRITTEN),
    *(entries.FORGOTTEN, entries.FORGOTTEN_TEXT, entries.FORGOTTEN_BEGINNING),
    *(opened._KINDS.values()),
    *VERDICTS,
    *ENDS,
    *strings(reader, "Refused"),
    *strings(opened, "Refused"),
    *strings(packings, "BadPacking"),
    *(packing.bomb for packing in packings.PACKINGS[:1]),
    *(packing.name for packing in packings.PACKINGS),
    *(packings.ZSTD_EXTRA, detect.NO_COLUMN, detect.SEE_FIELD),
    *filter(None, map(detect.document, DOCUMENTS)),
    *strings(loop, "abandon"),
}


@pytest.mark.parametrize("reason", sorted({reason.strip(" ()") for reason in REASONS} - {""}))
def test_every_reason_is_on_the_page(reason: str) -> None:
    """A reason that ``files`` can show is explained."""
    assert reason in PAGE


DATES = section(PAGE, "## When a text is from")


def test_dates_in_names_are_as_the_page_says() -> None:
    """Each example of the table."""
    rows = {row[0]: row[1] for row in table_rows(DATES) if len(row) == 2}
    assert len(rows) > 20
    for name, said in rows.items():
        found = date_of(name)
        day = found is not None and datetime.fromtimestamp(found, UTC).isoformat(" ").removesuffix("+00:00")
        assert said.partition(": ")[0] == (day.removesuffix(" 00:00:00") if day else "none"), name


def test_places_of_dates_are_on_the_page() -> None:
    """The choices of --date-from, and the usual fields in their order."""
    heading, *choices = [row[0] for row in table_rows(DATES) if len(row) == 3]
    assert heading == "--date-from"
    assert choices == list(attrs.fields(RunSettings).date_from.metadata["choices"])
    assert ", ".join(f"`{name}`" for name in NAMES) in " ".join(DATES.split())

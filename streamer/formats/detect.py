"""Which format a file has, by how its text begins. What is not certain is text."""

from __future__ import annotations

import csv
import functools
import json
import re

from streamer.formats import tables
from streamer.formats.recipes import Recipe
from streamer.formats.records import SEPARATES

HEAD = 1 << 16
"""Bytes at the beginning of the text that are looked at."""
LINES = 5
"""Lines at the beginning that are looked at where each is a record."""

_TAG = r"\s*(?:<!--(?:(?!-->).)*+-->\s*)*+<"
_HTML = re.compile(
    rf"\s*(?:<\?xml[^>]*+>\s*)?(?:<!--(?:(?!-->).)*+-->\s*)*+<(?:!doctype\s+html\b[^>]*+>{_TAG}[!a-z]|html(?:\s[^>]*+)?>{_TAG}[a-z])",
    re.IGNORECASE | re.DOTALL,
)
_SHORT_HTML = re.compile(r"\s*<html(?:\s[^>]*+)?>.*</html>\s*\Z", re.IGNORECASE | re.DOTALL)
_HEADER = re.compile(r"([!-9;-~]+)[ \t]*:")
_SENDERS = ("From ", ">From ")
_USUAL = {
    *("from", "to", "cc", "subject", "date", "message-id", "received", "return-path", "reply-to", "sender"),
    *("mime-version", "content-type", "content-transfer-encoding", "delivered-to", "in-reply-to", "references"),
}
_ONLY_MAIL = {"from", "subject", "received", "return-path", "message-id"}
_JSON = re.compile(r'(?:[\s\[\]{},:]++|"(?:[^"\\\n]|\\.)*+"|-?\d[\d.eE+-]*+|true|false|null)*+')
_JSON_BEGINS = re.compile(r'\s*(?:\{\s*(?:"(?:[^"\\\n]|\\.)*+"\s*:|\}|\Z)|\[\s*(?:[\[{"\]]|-?\d|true|false|null|\Z))')
_DOCUMENTS = (b"%PDF-", rb"{\rtf", b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
_ZIP = (b"[Content_Types].xml", b"mimetypeapplication/vnd.", b"mimetypeapplication/epub+zip")


class NoFormat(Exception):  # noqa: N818 - it is an outcome of the file, not an error of ours
    """A file can't be read as it was asked for; the message is the reason that ``files`` shows."""


def document(head: bytes) -> str | None:
    """Return why a file is refused that another program has to convert, by its first bytes; None for others."""
    if not head.startswith(_DOCUMENTS):
        return None  # almost every file
    if re.match(rb"%PDF-\d\.\d\s*[\r\n%]", head):
        return "PDF: convert it to text first, for example with pdftotext"
    if re.match(rb"\{\\rtf\d", head):
        return "RTF: convert it to text first, for example with unrtf --text"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "office file of before 2007: convert it to text first, for example with soffice --convert-to txt"
    if head.startswith(b"PK\x03\x04") and any(name in head for name in _ZIP):
        return "office file: convert it to text first, for example with pandoc --to plain"
    return None


def choose(head: str, wanted: Recipe) -> Recipe:
    """Return by which recipe to read a file.

    Args:
        head: How its text begins: about :data:`HEAD` bytes of it, or all.
        wanted: What the user wants; fields are of no interest where a format has none.

    Raises:
        NoFormat: If a table has no column of a name.
    """
    head = head.lstrip("\ufeff")
    name = detected(head, wanted.fields) if wanted.format == "auto" else wanted.format
    if name == "csv":
        try:
            _table(head, wanted.fields)
        except tables.NoColumn as missing:
            raise NoFormat(f"{NO_COLUMN}{missing}{SEE_FIELD}") from None
    return Recipe(name, wanted.fields) if name in ("jsonl", "csv") else _without_fields(name)


_without_fields = functools.cache(Recipe)


NO_COLUMN = "csv: no column "
SEE_FIELD = "; see --field"


def detected(head: str, fields: tuple[str, ...] = ()) -> str:
    """Return the format of a text that begins in this way: ``text`` if it is not certain."""
    if _HTML.match(head) or _SHORT_HTML.match(head):
        return "html"
    if _is_mail(head):
        return "mail"
    if _is_json(head):
        return "jsonl"
    return "csv" if fields and _is_table(head, fields) else "text"


def _is_mail(head: str) -> bool:
    first, _, rest = head.partition("\n")
    if not _HEADER.match(first) and not first.startswith(_SENDERS):
        return False
    if SEPARATES.match(first.encode("utf-8", "replace")):
        return len(_headers(rest) or ()) >= 2
    names = _headers(head)
    return names is not None and len(names & _USUAL) >= 2 and bool(names & _ONLY_MAIL)


def _headers(text: str) -> set[str] | None:
    """Return the names of the headers that a text begins with; None if there is something else before a blank line."""
    names = set[str]()
    for line in text.split("\n"):
        if not line.strip():
            return names
        if line[0] in " \t" and names:
            continue
        header = _HEADER.match(line)
        if header is None:
            # Some mailers leave a line for the mailbox in a message.
            if line.startswith(_SENDERS):
                continue
            return None
        names.add(header[1].lower())
    return None  # headers without an end are none


def _is_json(head: str) -> bool:
    if not _JSON_BEGINS.match(head):
        return False
    lines = head.split("\n")
    goes_on = len(head) >= HEAD // 4  # a character has up to four bytes
    if goes_on or (lines[-1].startswith(("{", "[")) and len(lines) > 1 and not _is_value(lines[-1])):
        lines.pop()  # the file may have been written so far
    first = [line for line in lines if line.strip()][:LINES]
    # One of them may be broken.
    if first and _is_value(first[0]) and 2 * sum(map(_is_value, first)) > len(first):
        return True
    # One document, or several over many lines: what is there is JSON to the last token, which may be cut.
    matched = _JSON.match(head)
    end = matched.end() if matched else 0
    rest = head[end:]
    return not rest or (goes_on and ((rest[0] == '"' and "\n" not in rest) or (len(rest) < 6 and rest.isalpha())))


def _is_value(line: str) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (ValueError, RecursionError):
        return False


def _table(head: str, fields: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the delimiter and the first row of a table; raise NoColumn if it has not all columns."""
    lines = head.lstrip("\n").splitlines(keepends=True)
    if not lines:
        raise tables.NoColumn(fields[0])
    delimiter = tables.sniffed(lines[0], fields)
    try:
        row = next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        row = []
    tables.columns(row, fields)
    return delimiter, row


def _is_table(head: str, fields: tuple[str, ...]) -> bool:
    """Return whether all columns are there, of at least two, and most of the first rows are as long as the header."""
    try:
        delimiter, row = _table(head, fields)
        rows = list(csv.reader(head.lstrip("\n").splitlines(keepends=True)[: 4 * LINES], delimiter=delimiter))
    except (tables.NoColumn, csv.Error):
        return False
    rows = [cells for cells in rows[:LINES] if cells]
    return len(row) >= 2 and len(rows) >= 2 and 2 * sum(len(cells) == len(row) for cells in rows) > len(rows)

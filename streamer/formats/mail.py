"""Mail: one message (eml) or many (mbox). Its subject and its own text are taken, without headers and attachments.

Lines and boundaries are followed from the first byte on, so that an attachment of any length is passed over. Decoding
is up to the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message

from streamer.formats import html
from streamer.formats.dates import DateReader, Written
from streamer.formats.records import LIMIT, SEPARATES, Buffer, Record, Stream, plain, wanted

HEADERS = 1 << 16
"""Bytes of the headers of a message or a part that are looked at."""
NESTED = 100
"""How deeply parts are followed; what is deeper is passed over."""
PIECE = 1 << 18
"""Bytes of HTML that are parsed at a time."""

_MARK = re.compile(rb"(?<=\n)(?:--|From )")
_ESCAPED = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_NEEDED = re.compile(
    rb"^(?:subject|content-(?:type|transfer-encoding|disposition))[ \t]*:.*(?:\n[ \t].*)*\n?",
    re.IGNORECASE | re.MULTILINE,
)
_DATE = re.compile(rb"^date[ \t]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]*>.*\n?", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- (?:\n.*|\Z)", re.MULTILINE | re.DOTALL)
_SLOW = {
    "punycode",
    "idna",
    "undefined",
    "unicode_escape",
    "raw_unicode_escape",
    "unicode-escape",
    "raw-unicode-escape",
}


@dataclass
class _Part:
    """A part with a text: its headers, its body as far as it was read, the alternative that it is in (0: none)."""

    headers: Message
    alternative: int
    html: bool
    body: list[bytes] = field(default_factory=list)


@dataclass
class _Level:
    """A multipart that is open: its boundary, and the alternative that its parts are in."""

    boundary: bytes
    alternative: int


def records(stream: Stream, dates: DateReader | None = None) -> Iterator[Record]:
    """Yield the messages of a mailbox, or the one message that there is.

    Args:
        stream: The text.
        dates: What reads the headers that say when messages are from; None if nobody asks for it.
    """
    return _Scanner(stream, dates).records()


class _Scanner:
    def __init__(self, stream: Stream, dates: DateReader | None) -> None:
        self._stream, self._dates = stream, dates
        self._buffer = Buffer(stream)
        self._at = 0
        self._mbox = False
        self._end = 0  # after the last byte of the message that is no white space
        self._begin()

    def _begin(self) -> None:
        """Forget the message before."""
        self._subject: str | None = None
        self._date: Written | None = None
        self._parts: list[_Part] = []
        self._part: _Part | None = None  # the one whose body comes
        self._levels: list[_Level] = []
        self._depths: dict[bytes, int] = {}  # of each boundary
        self._alternatives = 0
        self._held = 0  # bytes of bodies
        self._broken = 0

    def records(self) -> Iterator[Record]:
        first = self._buffer.find(b"\n", 0, HEADERS, keep=0)
        self._mbox = first >= 0 and SEPARATES.match(self._buffer.slice(0, first)) is not None
        if self._mbox:
            self._at = min(first + 1, self._buffer.stop)
        while True:
            self._entity(0)
            goes_on = self._body()
            yield self._record()
            if not goes_on:
                return
            line = self._buffer.find(b"\n", self._at, HEADERS, keep=self._at)
            self._at = self._buffer.stop if line < 0 else min(line + 1, self._buffer.stop)
            self._begin()

    def _entity(self, alternative: int) -> None:
        """Read headers, of a message or of a part, and see what follows them."""
        self._part = None
        while True:
            headers = self._headers(first=self._subject is None)
            if self._subject is None:
                self._subject = _subject(headers)
            kind, boundary, attached = _content(headers)
            if attached or len(self._levels) >= NESTED:
                return
            if kind == "message/rfc822":
                continue
            if boundary:
                if kind == "multipart/alternative":
                    self._alternatives += 1
                    alternative = self._alternatives
                self._levels.append(_Level(boundary, alternative))
                self._number()
            elif kind in ("text/plain", "text/html"):
                self._part = _Part(headers, alternative, kind == "text/html")
                self._parts.append(self._part)
            return

    def _number(self) -> None:
        self._depths = {level.boundary: depth for depth, level in enumerate(self._levels)}

    def _headers(self, *, first: bool) -> Message:
        """Read up to the blank line that ends the headers, and return those that are needed.

        Args:
            first: Whether they are those of the whole message, which say when it is from.
        """
        buffer, start = self._buffer, self._at
        lines: list[bytes] = []
        while True:
            stop = buffer.find(b"\n", self._at, HEADERS, keep=max(buffer.base, self._at - 1))
            if stop < 0:  # longer than any header
                self._at += HEADERS
                continue
            line = buffer.slice(self._at, min(stop + 1, buffer.stop))
            if not line or self._level(line):
                break
            self._at += len(line)
            if line in (b"\n", b"\r\n"):
                break
            self._end = self._at - len(line) + len(line.rstrip())
            if self._at - start <= HEADERS:
                lines.append(line)
        joined = b"".join(lines).replace(b"\r\n", b"\n")
        if first and self._dates and (date := _DATE.search(joined)):
            self._date = self._dates.read(b" ".join(date[1].split()).decode("ascii", "replace"))
        needed = _NEEDED.findall(joined)
        return message_from_bytes(b"".join(line.rstrip(b"\n") + b"\n" for line in needed) + b"\n")

    def _level(self, line: bytes) -> tuple[int, bool] | None:
        """Return which multipart a line is a boundary of, and whether the last one; None if it is none."""
        if not line.startswith(b"--") or not self._depths:
            return None
        mark = line[2:].rstrip()
        depth = self._depths.get(mark)
        if depth is None and mark.endswith(b"--"):
            last = self._depths.get(mark[:-2])
            return None if last is None else (last, True)
        return None if depth is None else (depth, False)

    def _body(self) -> bool:
        """Read the bodies of a message to its end; return whether another message follows."""
        buffer, tail = self._buffer, b"\n\n"
        while True:
            found = _MARK.search(buffer.data, self._at - buffer.base)
            if found is None:
                # The end may be the beginning of a mark.
                stop = buffer.stop if buffer.ended else max(self._at, buffer.stop - 5)
                tail = self._take(tail, stop)
                if not buffer.more(max(buffer.base, self._at - 1)) and self._at == buffer.stop:
                    return False
                continue
            tail = self._take(tail, buffer.base + found.start())
            stop = buffer.find(b"\n", self._at, HEADERS, keep=max(buffer.base, self._at - 1))
            stop = self._at + HEADERS if stop < 0 else min(stop + 1, buffer.stop)
            line = buffer.slice(self._at, stop)
            if self._mbox and tail.endswith((b"\n\n", b"\n\r\n")) and SEPARATES.match(line):
                return True
            if (level := self._level(line)) is None:
                tail = self._take(tail, stop)
                continue
            depth, last = level
            self._at, self._end = stop, stop - len(line) + len(line.rstrip())
            alternative = self._levels[depth].alternative
            del self._levels[depth + (not last) :]
            self._number()
            self._part, tail = None, b"\n"
            if not last:
                self._entity(alternative)
                tail = b"\n\n"

    def _take(self, tail: bytes, stop: int) -> bytes:
        """Add the bytes up to a position to the part that they are of, if it is a text; return the last of them.

        Args:
            tail: The last bytes before them.
            stop: The position.
        """
        body = self._buffer.slice(self._at, stop)
        if bare := body.rstrip():
            self._end = self._at + len(bare)
        self._at = stop
        if part := self._part:
            self._held += len(body)
            part.body.append(body)
            if self._held > LIMIT:
                self._held -= sum(map(len, part.body))
                self._parts.remove(part)
                self._part = None
                self._broken += 1
        return (tail + body[-4:])[-4:]

    def _record(self) -> Record:
        stop = self._at
        if not wanted(self._stream, self._end):
            return Record(self._end, stop, "", self._broken)
        with_plain = {part.alternative for part in self._parts if not part.html and part.alternative}
        texts = [self._subject or ""]
        for part in self._parts:
            if part.html and part.alternative in with_plain:
                continue
            try:
                texts.append(_text(part, unescape=self._mbox))
            except (MessageError, ValueError, LookupError, TypeError, RecursionError):
                self._broken += 1
        joined = "\n\n".join(plain(text).strip("\n") for text in texts if text)
        return Record(self._end, stop, joined, self._broken, self._date)


def _text(part: _Part, *, unescape: bool) -> str:
    """Return the text of a part that its author wrote."""
    body = b"".join(part.body)
    if unescape:
        body = _ESCAPED.sub(b"", body)
    message = part.headers
    message.set_payload(body.decode("ascii", "surrogateescape"))
    data = message.get_payload(decode=True)
    text = _decoded(data if isinstance(data, bytes) else body, str(message.get_content_charset("utf-8")))
    if part.html:
        pieces = html.records(html.Fixed(text.encode("utf-8", "replace")), PIECE)
        return "".join(piece.text for piece in pieces)
    return _SIGNATURE.sub("", _QUOTED.sub("", plain(text)))


def _decoded(data: bytes, charset: str) -> str:
    """Return bytes as text; UTF-8 in place of a charset that there is not, Latin-1 if that fails, too."""
    try:
        if charset.lower().replace("-", "_") not in _SLOW:
            return data.decode(charset, "replace")
    except (LookupError, ValueError):
        pass
    try:
        return data.decode("utf-8")
    except ValueError:
        return data.decode("latin-1")


def _content(headers: Message) -> tuple[str, bytes, bool]:
    """Return the type of a part, the boundary if it is a multipart, and whether it is attached."""
    try:
        kind, attached = headers.get_content_type(), headers.get_content_disposition() == "attachment"
        boundary = headers.get_boundary("") if kind.startswith("multipart/") else ""
        return kind, str(boundary).encode("ascii", "surrogateescape"), attached
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return "", b"", True


def _subject(headers: Message) -> str:
    """Return the subject as people read it."""
    raw = next((value for name, value in headers.raw_items() if name.lower() == "subject"), "")
    raw = _decoded(raw.encode("ascii", "surrogateescape"), "utf-8").replace("\r", "").replace("\n", " ")
    try:
        words = decode_header(raw)
    except (MessageError, ValueError):
        return raw
    return "".join(word if isinstance(word, str) else _decoded(word, charset or "utf-8") for word, charset in words)

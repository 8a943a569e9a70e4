"""HTML: the text that a reader sees, with blank lines where blocks end.

A file is parsed in pieces, so that its length does not matter. What must not be cut, such as a script, is found by a
look at all tags from the first on; what is in a piece is up to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from streamer.formats.records import Buffer, Record, Stream, plain

LOOKAHEAD = 1 << 13
"""Bytes that must follow a tag when it is looked at: longer tags may be cut."""
DEPTH = 1000
"""A piece whose elements are nested deeper is parsed in small parts: the parser takes the square of the depth."""
PART = 1 << 14

_INVISIBLE = ["script", "style", "template", "noscript", "iframe", "noembed", "noframes", "datalist", "rp"]
_HIDDEN = "[hidden], [style*='display:none' i], [style*='display: none' i]"
_MAY_HIDE = re.compile(rb"hidden|display", re.IGNORECASE)
_VOID = "area base br col embed hr img input link meta param source track wbr"
_CLOSED_BY_OTHERS = "p li dd dt option tr td th thead tbody tfoot"
_BLOCKS = (
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol optgroup option p pre "
    "section summary table tbody td tfoot th thead title tr ul"
)
_APART = "audio button canvas embed img input math meter object progress select svg textarea video"


def _any(names: str) -> bytes:
    return b"(?:%b)" % "|".join(sorted(names.split(), key=len, reverse=True)).encode()


_AT_BLOCK = re.compile(rb"<(?=/?%b[\s/>])" % _any(_BLOCKS.replace(" br ", " ")), re.IGNORECASE)
_AT_BREAK = re.compile(rb"<(?=br[\s/>])", re.IGNORECASE)
_AT_PICTURE = re.compile(rb"<(?=%b[\s/>])" % _any(_APART), re.IGNORECASE)
_KEEPS_LINES = re.compile(rb"<(/?)(?:pre|textarea)\b", re.IGNORECASE)
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
_BLANK_LINES = re.compile(r"[^\S\n]*\n(?:\s*\n)+[^\S\n]*")
_NESTING = re.compile(rb"<(/?)(?!%b\b)([a-zA-Z]+)" % _any(f"{_VOID} {_CLOSED_BY_OTHERS}"), re.IGNORECASE)
_SPECIAL = re.compile(
    rb"<(?:(?P<comment>!--)"
    rb"|(?P<raw>script|style|iframe|noembed|noframes)(?=[\s/>])"
    rb"|(?P<nested>template|noscript)(?=[\s/>])"
    rb"|(?!%b\b)(?P<hidden>[a-z][a-z0-9-]*)(?=\s)[^<>]*?(?:\shidden(?=[\s=/>])|display\s*:\s*none)[^<>]*>)"
    % _any(_VOID),
    re.IGNORECASE,
)
_BLOCK_END = re.compile(rb"</%b\s*>" % _any(_BLOCKS), re.IGNORECASE)
_FOREVER = 1 << 62


def records(stream: Stream, size: int) -> Iterator[Record]:
    """Yield the pieces of an HTML text, each of at most ``size`` bytes, from where text is wanted on."""
    text = _Tags(stream)
    while stream.start is None or text.buffer.stop < stream.start:
        if not text.more(text.buffer.stop):
            return
    at = stream.start
    while True:
        while text.buffer.stop - at < size + LOOKAHEAD and text.more(at):
            pass
        if at >= text.buffer.stop:
            return
        wish = text.cut(at, size)
        while (stop := stream.rounded(wish)) <= at:  # among bytes that can't be decoded
            wish += 1
        yield Record(stop, stop, visible(text.buffer.slice(min(text.visible_from(at), stop), stop)))
        at = stop


def visible(data: bytes) -> str:
    """Return the visible text of a piece of HTML in UTF-8, with a blank line where a block begins or ends."""
    if _depth(data) <= DEPTH:
        return _parsed(data)
    return "".join(_parsed(part) for part in _parts(data))


def _parts(data: bytes) -> Iterator[bytes]:
    """Yield small parts of a piece that is nested deeply, without those parts of it that are invisible."""
    text = _Tags(Fixed(data))
    text.more(0)
    text.more(0)
    at = 0
    while at < len(data):
        stop = text.cut(at, PART)
        yield data[min(text.visible_from(at), stop) : stop]
        at = stop


def _depth(data: bytes) -> int:
    """Return how deeply elements may be nested, at most: an end tag ends only elements of its name."""
    depths: dict[bytes, int] = {}
    depth = deepest = 0
    for end, name in _NESTING.findall(data):
        before = depths.get(name, 0)
        if not end:
            depths[name] = before + 1
            depth += 1
            deepest = max(deepest, depth)
        elif before:
            depths[name] = before - 1
            depth -= 1
    return deepest


def _parsed(data: bytes) -> str:
    data = _with_spaces(data)
    data = _AT_BLOCK.sub(b"\n\n<", data)
    data = _AT_BREAK.sub(b"\n<", data)
    data = _AT_PICTURE.sub(b" <", data)
    tree = LexborHTMLParser(data.decode("utf-8", "replace"))
    tree.strip_tags(_INVISIBLE)
    if _MAY_HIDE.search(data):
        for node in tree.css(_HIDDEN):
            node.decompose()
    root = tree.root
    return _BLANK_LINES.sub("\n\n", plain(root.text())).strip("\n") + "\n" if root is not None else ""


def _with_spaces(data: bytes) -> bytes:
    """Return HTML with spaces as line ends, except where line ends are shown."""
    parts, at, inside = [], 0, False
    for found in _KEEPS_LINES.finditer(data):
        if inside == bool(found[1]):  # the first that opens, the first that closes
            part = data[at : found.start()]
            parts.append(part if inside else part.translate(_ONE_LINE))
            at, inside = found.start(), not inside
    parts.append(data[at:] if inside else data[at:].translate(_ONE_LINE))
    return b"".join(parts)


class Fixed:
    """Bytes as a stream, all of which are wanted."""

    start = 0

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        """Return the bytes; none at the second call."""
        data, self._data = self._data, b""
        return data

    def rounded(self, position: int) -> int:
        """Return the position."""
        return position


class _Tags:
    """HTML as it is read, and which parts of it are invisible and must not be cut.

    What is found depends on the bytes only, and not on where pieces are cut.
    """

    def __init__(self, stream: Stream) -> None:
        self.buffer = Buffer(stream)
        self._spans: list[tuple[int, int]] = []
        self._looked = 0  # the position up to which tags are known
        self._closing: re.Pattern[bytes] | None = None  # what ends the span that is open
        self._depth = 0
        self._began = 0

    def more(self, keep: int) -> bool:
        """Read on; forget the bytes before a position. Return False at the end."""
        more = self.buffer.more(min(keep, self._looked))
        self._look(self.buffer.stop if self.buffer.ended else self.buffer.stop - LOOKAHEAD)
        self._spans = [span for span in self._spans if span[1] > keep]
        return more

    def visible_from(self, position: int) -> int:
        """Return the position itself, or the end of the invisible part that it is in."""
        return next((stop for start, stop in self._all_spans() if start < position < stop), position)

    def cut(self, start: int, size: int) -> int:
        """Return where a piece ends that begins at ``start``."""
        buffer = self.buffer
        if buffer.stop - start <= size:
            return buffer.stop
        first, last = start - buffer.base, start - buffer.base + size
        if self.visible_from(start) >= start + size:
            return start + size
        for back in (1 << 14, size):
            ends = [found.end() for found in _BLOCK_END.finditer(buffer.data, max(first, last - back), last)]
            for end in reversed(ends):
                if self.visible_from(buffer.base + end) == buffer.base + end:
                    return buffer.base + end
        for mark in (b">", b" ", b"\n"):
            end = buffer.data.rfind(mark, first, last) + 1
            while end > first:
                if self.visible_from(buffer.base + end) == buffer.base + end:
                    return buffer.base + end
                inside = next(begin for begin, stop in self._all_spans() if begin < buffer.base + end < stop)
                end = buffer.data.rfind(mark, first, max(first, inside - buffer.base)) + 1
        while last > first + 1 and buffer.data[last] & 0xC0 == 0x80:  # within a character
            last -= 1
        return buffer.base + last

    def _all_spans(self) -> list[tuple[int, int]]:
        return [*self._spans, (self._began, _FOREVER)] if self._closing else self._spans

    def _look(self, limit: int) -> None:
        data, base = self.buffer.data, self.buffer.base
        while self._looked < limit:
            pattern = self._closing or _SPECIAL
            found = pattern.search(data, self._looked - base)
            if found is None or base + found.start() >= limit:
                self._looked = limit
                return
            self._looked = base + found.end()
            if self._closing is None:
                self._open(found, base)
            else:
                self._depth += 1 if found.lastgroup == "open" else -1
                if not self._depth:
                    self._spans.append((self._began, self._looked))
                    self._closing = None

    def _open(self, found: re.Match[bytes], base: int) -> None:
        name = found[found.lastgroup or 0].lower()
        self._began, self._depth = base + found.start(), 1
        if found.lastgroup == "comment":
            closing = b"-->"
        elif found.lastgroup == "raw":
            closing = rb"</%b(?=[\s/>])[^>]*+>?" % name
        else:
            closing = rb"<(?:(?P<open>%b(?=[\s/>]))|/%b(?=[\s/>])[^>]*+>?)" % (name, name)
        self._closing = re.compile(closing, re.IGNORECASE)

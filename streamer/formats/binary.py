"""Which kind of binary file something is, by its first bytes: what is of none of these kinds may be text.

A text may begin with any letters. So where a mark is nothing but a few letters, the fields behind it are looked at too.
"""

from __future__ import annotations

import re
import struct

_PICTURE, _ARCHIVE, _SOUND, _FILM, _FONT = "picture", "archive", "sound", "film", "font"
_PROGRAM, _DATABASE, _ARRAYS, _OBJECTS = "program", "database", "arrays", "objects"

_MARKS: tuple[tuple[bytes, str], ...] = (  # each has a byte that is a control or not ASCII
    (b"\x89PNG\r\n\x1a\n", _PICTURE),
    (b"\x8aMNG\r\n\x1a\n", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"II*\0", _PICTURE),
    (b"MM\0*", _PICTURE),
    (b"II+\0", _PICTURE),
    (b"MM\0+", _PICTURE),
    (b"8BPS\0\x01", _PICTURE),
    (b"8BPS\0\x02", _PICTURE),
    (b"\0\0\0\x0cjP  \r\n\x87\n", _PICTURE),
    (b"\xff\x4f\xff\x51", _PICTURE),
    (b"\xff\x0a\xfa", _PICTURE),
    (b"\0\0\0\x0cJXL \r\n\x87\n", _PICTURE),
    (b"AT&TFORM\0", _PICTURE),
    (b"\x76\x2f\x31\x01", _PICTURE),
    (b"DDS |\0\0\0", _PICTURE),
    (b"PK\x03\x04", _ARCHIVE),
    (b"PK\x05\x06", _ARCHIVE),
    (b"PK\x07\x08", _ARCHIVE),
    (b"Rar!\x1a\x07", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"\x04\x22\x4d\x18", _ARCHIVE),
    (b"\x02\x21\x4c\x18", _ARCHIVE),
    (b"\xff\x06\0\0sNaPpY", _ARCHIVE),
    (b"\x89LZO\0\r\n\x1a\n", _ARCHIVE),
    (b"\x1f\x9d", _ARCHIVE),
    (b"\x1f\xa0", _ARCHIVE),
    (b"\x1f\x1e", _ARCHIVE),
    (b"MSCF\0\0\0\0", _ARCHIVE),
    (b"\xed\xab\xee\xdb", _ARCHIVE),
    (b"xar!\0", _ARCHIVE),
    (b"\x7fELF", _PROGRAM),
    (b"\xfe\xed\xfa\xce", _PROGRAM),
    (b"\xfe\xed\xfa\xcf", _PROGRAM),
    (b"\xce\xfa\xed\xfe", _PROGRAM),
    (b"\xcf\xfa\xed\xfe", _PROGRAM),
    (b"\xca\xfe\xba\xbe", _PROGRAM),
    (b"\xca\xfe\xd0\x0d", _PROGRAM),
    (b"\0asm", _PROGRAM),
    (b"dex\n03", _PROGRAM),
    (b"BC\xc0\xde", _PROGRAM),
    (b"SQLite format 3\0", _DATABASE),
    (b"\0\x01\0\0Standard Jet DB\0", _DATABASE),
    (b"\0\x01\0\0Standard ACE DB\0", _DATABASE),
    (b"\x13\x57\x9a\xce", _DATABASE),
    (b"\xce\x9a\x57\x13", _DATABASE),
    (b"\x89HDF\r\n\x1a\n", _ARRAYS),
    (b"\x93NUMPY", _ARRAYS),
    (b"CDF\x01", _ARRAYS),
    (b"CDF\x02", _ARRAYS),
    (b"CDF\x05", _ARRAYS),
    (b"ARROW1\0\0", _ARRAYS),
    (b"Obj\x01", _ARRAYS),
    (b"SEQ\x06", _ARRAYS),
    (b"\xac\xed\0\x05", _OBJECTS),
    (b"bplist0", _OBJECTS),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _FILM),
    (b"\x1a\x45\xdf\xa3", _FILM),
    (b"\0\0\x01\xba", _FILM),
    (b"\0\0\x01\xb3", _FILM),
    (b"FLV\x01", _FILM),
    (b"fLaC\0", _SOUND),
    (b"OggS\0", _SOUND),
    (b"MThd\0\0\0\x06", _SOUND),
    (b".snd\0\0\0", _SOUND),
    (b"\0\x01\0\0\0", _FONT),
    (b"OTTO\0", _FONT),
    (b"true\0", _FONT),
    (b"ttcf\0", _FONT),
    (b"\x01fcp", _FONT),
    (b"\x80\x01", _FONT),
    (b"\xde\x12\x04\x95", "translations"),
    (b"\x95\x04\x12\xde", "translations"),
    (b"\xd4\xc3\xb2\xa1", "packets of a network"),
    (b"\xa1\xb2\xc3\xd4", "packets of a network"),
    (b"\xd9\xd5\x05\xf9", "journal"),
)
_ANY_MARK = tuple(mark for mark, _ in _MARKS)

# What a text could begin with, and the fields that no text has behind it.
_SHAPES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"GIF8[79]a.[\0-\x08].[\0-\x08]", _PICTURE),
        (rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", _PICTURE),
        (rb"\0\0[\x01\x02]\0[\x01-\xff]\0.{3}\0", _PICTURE),
        (rb"P[56]\s(?:#[^\n]*\n)*\s*\d+\s+\d+\s+\d+\s(?=.{0,4096}?[^\t\n\r\f -~])", _PICTURE),
        (rb"P4\s(?:#[^\n]*\n)*\s*\d+\s+\d+\s(?=.{0,4096}?[^\t\n\r\f -~])", _PICTURE),
        (rb"gimp xcf (?:file|v\d\d\d)\0", _PICTURE),
        (rb"\xabKTX (?:11|20)\xbb\r\n\x1a", _PICTURE),
        (rb"\0\0\0.\0\0\0[\x01\x02].{12}GIMP", _PICTURE),
        (rb".{128}DICM[\x02\x08]\0", _PICTURE),
        (rb"RIFF.{4}(?:WAVEfmt |AVI LIST|WEBPVP8)", "picture, sound or film"),
        (rb"(?:FORM|RIFX).{4}(?:AIFF|AIFC|ILBM|WAVE)", "picture, sound or film"),
        (rb"\0\0[\0-\x03].ftyp", _FILM),
        (rb"\0\0..(?:moov|mdat|wide|free|skip)", _FILM),
        (rb"ID3[\x02-\x04]\0", _SOUND),
        (rb"\xff[\xe2\xe3\xf2-\xf5\xfa-\xfd][\x10-\xef](?=.{0,4096}?[\0-\x07])", _SOUND),
        (rb"\xff[\xf0\xf1\xf8\xf9][\x40-\xbf](?=.{0,4096}?[\0-\x07])", _SOUND),
        (rb"#!AMR(?:-WB)?\n(?=.{0,4096}?[\0-\x07])", _SOUND),
        (rb"wOF[F2](?:\0\x01\0\0|OTTO|true)\0", _FONT),
        (rb".{8}(?:\x01\0\x02\0|\x02\0\x02\0|\0\0\x01\0).{22}LP", _FONT),
        (rb"!<(?:arch|thin)>\n(?:.{58}\x60\n|\Z)", _ARCHIVE),
        (rb"0707(?:0[12][0-9A-Fa-f]{104}|07[0-7]{70})", _ARCHIVE),
        (rb"(?:\xc7\x71|\x71\xc7).{18}(?:[\x01-\xff]\0|\0[\x01-\xff]).{4}[\x20-\x7e]+\0", _ARCHIVE),
        (rb".{257}ustar(?:\x0000|  \0)", _ARCHIVE),
        (rb"[\x20-\xff]{1,99}+\0.{0,98}?(?:[0-7 ]{7}[\0 ]){3}(?:[0-7 ]{11}[\0 ]){2}[0-7 ]{6}\0", _ARCHIVE),
        (rb"hsqs.{24}[\x01-\x06]\0", _ARCHIVE),
        (rb"..-lh[0-7d]-.{13}[\0-\x03]", _ARCHIVE),
        (rb".{7}\*\*ACE\*\*[\x0b\x14]", _ARCHIVE),
        (rb"LZIP\x01[\x0c-\x1d]", _ARCHIVE),
        (rb"\x5d\0\0.{2}(?:\xff{8}|.{5}\0{3})", _ARCHIVE),
        (rb".{32769}CD001", _ARCHIVE),
        (rb"PAR1[\x15\x19\x1c]", _ARRAYS),
        (rb"MATLAB 5\.0 MAT-file.{105}(?:\0\x01IM|\x01\0MI)", _ARRAYS),
        (rb"SIMPLE  =  {19}[TF] {50}(?=.{0,65536}?[^\t\n\r\f -~])", _ARRAYS),
        (rb"GRIB.{3}[\x01\x02]", _ARRAYS),
        (rb"ply\r?\nformat binary_", "model"),
        (rb"glTF[\x01\x02]\0\0\0", "model"),
        (rb"\x80[\x02-\x05][\x88-\x97\]}()cCXUKMJGBNIq]", _OBJECTS),
        (rb"\([ldt]p\d+\n|[(\]}]{1,2}q[\0-\x08]", _OBJECTS),
        (rb"c(?:copy_reg|__builtin__|builtins|collections|numpy[\w.]*)\n[\w.]+\n(?:p\d+\n|\()", _OBJECTS),
        (rb"[\xe3\xfb\xa8\xdb\xa9\xe9][\0-\xff]\0\0\0", _OBJECTS),
        (rb"..\r\n[\0-\x03]\0\0\0", _PROGRAM),
        (rb"(?:\x64\x86|\x4c\x01)[\x01-\x40]\0", _PROGRAM),
        (rb"\x1bLua[\x50-\x55]", _PROGRAM),
        (rb"KDMV[\x01-\x03]\0\0\0", "disk"),
        (rb"QFI\xfb\0", "disk"),
        (rb"conectix\0\0\0\x02", "disk"),
        (rb"\n\r\r\n.{4}(?:\x1a\x2b\x3c\x4d|\x4d\x3c\x2b\x1a)", "packets of a network"),
        (rb"LPKSHHRH[\0-\x0f]", "journal"),
    )
)


_ANY_SHAPE = re.compile(b"|".join(b"(?:%b)" % pattern.pattern for pattern, _ in _SHAPES), re.DOTALL)


def binary(head: bytes) -> str | None:
    """Return why a file that begins with these bytes is no text, if that is certain; else None."""
    found = None
    if head.startswith(_ANY_MARK):
        found = next(kind for mark, kind in _MARKS if head.startswith(mark))
    elif _ANY_SHAPE.match(head):
        found = next(kind for pattern, kind in _SHAPES if pattern.match(head))
    found = found or _program(head)
    return f"{BINARY}{found}" if found else None


BINARY = "not text: its first bytes are those of a binary file: "


def _program(head: bytes) -> str | None:
    """Return whether this is a program for DOS or Windows: its header says where the next one is."""
    if head[:2] == b"MZ" and len(head) >= 64:
        (at,) = struct.unpack_from("<I", head, 60)
        if head[at : at + 2] in (b"PE", b"NE", b"LE", b"LX") or b"\0" in head[2:28]:
            return _PROGRAM
    return None

"""What all pictures share: one style, whatever the user's own is; fonts for any script; files complete or absent."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

from streamer.system.atomic_files import atomic

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
"""Formats by the suffix of a file's name."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours that colour-blind people can tell apart (Okabe and Ito, 2008), without yellow: it is too pale for lines."""
GREY = "#666666"

_METADATA = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
_STYLE = {
    "figure.dpi": 150,
    "font.size": 9,
    "text.parse_math": False,  # words and file names may hold a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.linewidth": 0.8,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "svg.hashsalt": "streamer",  # without it, names within a file are random
}
_FONTS = ("DejaVu Sans",)  # comes with matplotlib
_MORE_FONTS = (
    "Noto Sans",
    "Source Han Sans",
    "WenQuanYi",
    "Droid Sans Fallback",
    "IPA",
    "Hiragino Sans",
    "PingFang",
    "Arial Unicode",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "FreeSans",
    "Unifont",
)
"""Prefixes of the names of fonts that have letters which DejaVu Sans lacks, best first."""


def style(fonts: Sequence[str] = _FONTS) -> AbstractContextManager[None]:
    """Return a context in which all pictures look alike; after it, the user's own settings apply again."""
    context: AbstractContextManager[None] = matplotlib.style.context(["default", {**_STYLE, "font.family": [*fonts]}])
    return context


def fonts_for(letters: set[str]) -> tuple[list[str], set[str]]:
    """Return the font families that some letters need, and the letters that no installed font has."""
    families, missing = list(_FONTS), letters - _letters(_FONTS[0])
    installed = sorted(fontManager.get_font_names()) if missing else []
    for family in (name for prefix in _MORE_FONTS for name in installed if name.startswith(prefix)):
        if missing and (found := missing & _letters(family)):
            families.append(family)
            missing = missing - found
    return families, missing


def _letters(family: str) -> set[str]:
    """Return the letters that a family has in regular and in bold."""
    faces = (findfont(FontProperties(family=family, weight=weight)) for weight in ("normal", "bold"))
    return set.intersection(*({chr(code) for code in get_font(face).get_charmap()} for face in faces))


def shortened(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` letters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def save(figure: Figure, path: Path) -> None:
    """Write a picture to a file, in the format of its suffix; the same picture always gives the same bytes.

    Raises:
        StreamerError: With exit code 74, if it cannot be written.

    """
    kind, buffer = FORMATS[path.suffix.lower()], io.BytesIO()
    with style():
        figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
    with atomic(path) as file:
        file.write(buffer.getbuffer())

"""What all pictures share: one style, whatever the user's own is; fonts for any script; files complete or absent."""

from __future__ import annotations

import contextlib
import difflib
import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

from streamer.errors import ExitCode, StreamerError
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


def fonts_for(letters: set[str], font: str = "") -> tuple[list[str], set[str]]:
    """Return the font families that some letters need, and the letters that no installed font has.

    Args:
        letters: The letters.
        font: The family or the file of a font to use before all others.

    Raises:
        StreamerError: 66 if there is no such font.
    """
    families = [_named(font), *_FONTS] if font else list(_FONTS)
    missing = letters - set().union(*map(_letters, families))
    for family in _others() if missing else ():
        if missing and (found := missing & _letters(family)):
            families.append(family)
            missing = missing - found
    return families, missing


def _named(font: str) -> str:
    """Return the family of a font that the user names."""
    if Path(font).is_file():
        try:
            fontManager.addfont(font)
        except (OSError, RuntimeError) as error:
            raise StreamerError(f"{font} is not a font: {error}", code=ExitCode.NO_INPUT) from None
        return fontManager.ttflist[-1].name
    installed = {name.casefold(): name for name in fontManager.get_font_names()}
    if font.casefold() not in installed:
        near = difflib.get_close_matches(font.casefold(), installed, n=1, cutoff=0.5)
        hint = f"did you mean {installed[near[0]]}?" if near else "name the file of a font"
        raise StreamerError(f"there is no font {font}", hint=hint, code=ExitCode.NO_INPUT)
    return installed[font.casefold()]


def _others() -> Iterator[str]:
    """Yield the families of all installed fonts: those that are known to be good first."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(
        set(findSystemFonts()) - known
    ):  # matplotlib has a list, and does not see what is installed later
        with contextlib.suppress(OSError, RuntimeError):  # some formats are not for it
            fontManager.addfont(path)
    # "Last Resort" comes with matplotlib, and has a box for every letter.
    installed = sorted(name for name in fontManager.get_font_names() if not name.startswith("Last Resort"))
    good = [name for prefix in _MORE_FONTS for name in installed if name.startswith(prefix)]
    yield from dict.fromkeys([*good, *installed])


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

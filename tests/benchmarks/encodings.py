"""How often the encoding of a text is guessed right, on real texts: prints the table of docs/performance.md.

The texts are not part of this project. They come from packages of Debian: translated manuals, help pages, fortunes.

    apt-get download gnome-user-docs manpages-fr manpages-ru debian-reference-zh-tw …
    for f in *.deb; do dpkg-deb -x $f unpacked/${f%%_*}; done
    python -m tests.benchmarks.encodings prepare unpacked texts
    python -m tests.benchmarks.encodings table texts

Each text is cut to a random length between 300 bytes and 50 kB and encoded. Then the service's own ``judge`` reads it.
The texts are divided in two halves by their names: the limits in ``intake/guessing.py`` were chosen on ``--half tune``,
and ``--half report`` is what is reported. ``--alone`` asks charset-normalizer alone.
"""

from __future__ import annotations

import argparse
import gettext
import gzip
import hashlib
import html
import io
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from streamer.intake import reader
from streamer.intake.opened import open_regular

WEST = ("fr", "de", "es", "pt", "pt_BR", "it", "sv")
WIDE = ("fr", "ru", "zh_CN", "zh_TW", "ja", "ko", "el", "en")
KINDS = {
    "latin-1": WEST,
    "cp1252": WEST,
    "cp1251": ("ru", "uk", "bg"),
    "koi8-r": ("ru", "bg"),
    "gbk": ("zh_CN",),
    "big5": ("zh_TW",),
    "shift_jis": ("ja",),
    "euc-jp": ("ja",),
    "euc-kr": ("ko",),
    "utf-16-le": WIDE,
    "utf-16-be": WIDE,
    "iso8859-2": ("pl", "cs", "hu"),
    "cp1250": ("pl", "cs", "hu"),
    "cp866": ("ru",),
    "koi8-u": ("uk",),
    "cp1254": ("tr",),
    "cp1253": ("el",),
    "iso8859-5": ("ru", "bg"),
    "mac-roman": ("fr", "de"),
    "cp850": ("fr", "de"),
    "iso8859-15": ("fr", "fi"),
}
"""Encodings, and the languages of the texts."""
LANGUAGES = {language for languages in KINDS.values() for language in languages}
TABLES = re.compile(r"iso.?8859|latin\d|koi8|charsets|cp125|armscii")
"""Manuals of encodings, which have each character of one."""
TYPED = str.maketrans(
    {
        **{"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "…": "...", "•": "*", "œ": "oe"},
        **{"Œ": "OE", "€": "EUR", "\u2010": "-", "\u2011": "-", "\u202f": " ", "\xad": "", "→": "->"},
    }
)
QUOTES = ((r"(?<=\w)'(?=\w)", "’"), (r'"([^"\n]*)"', r"“\1”"), (r" - ", " – "), ("[\u2010\u2011]", "-"))


def prepare(unpacked: Path, texts: Path) -> None:
    """Write the texts in unpacked packages as UTF-8, by language."""
    for language, name, text in _found(unpacked):
        whole = re.sub(r"\n\s*\n\s*\n+", "\n\n", text).strip() + "\n"
        if language in LANGUAGES and len(whole.encode()) >= 300 and "\ufffd" not in whole:
            (texts / language).mkdir(parents=True, exist_ok=True)
            plain = re.sub(r"[^\w.-]", "_", name)[-80:]
            (texts / language / f"{plain}.txt").write_text(whole, encoding="utf-8")


def _found(unpacked: Path) -> Iterator[tuple[str, str, str]]:
    for path in sorted(unpacked.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        parts = path.parts
        if path.suffix == ".page":
            language = parts[-3]
            yield "en" if language == "C" else language, f"gnome_{path.stem}", _without_tags(path.read_text("utf-8"))
        elif path.suffix == ".mo" and "LC_MESSAGES" in parts:
            language = parts[parts.index("LC_MESSAGES") - 1]
            try:
                catalog = gettext.GNUTranslations(io.BytesIO(path.read_bytes()))._catalog  # type: ignore[attr-defined]
            except (IndexError, OSError, ValueError):
                continue  # its rule for plurals is broken
            said = [text for key, text in catalog.items() if key and isinstance(text, str) and len(text) > 20]
            for start in range(0, len(said), 150):
                yield language, f"mo_{path.stem}_{start}", "\n".join(said[start : start + 150])
        elif re.search(r"/man/(\w+)/man\d\w*/[^/]+\.gz$", str(path)):
            data = gzip.decompress(path.read_bytes())
            yield parts[-3], f"man_{path.stem}", _without_roff(data.decode("utf-8", "replace"))
        elif "fortunes" in parts and not path.suffix:
            language = {"br": "pt_BR"}.get(code := _language_of(parts), code)
            said = path.read_bytes().decode("utf-8", "replace").split("\n%\n")
            for start in range(0, len(said), 30):
                yield language, f"fortune_{path.stem}_{start}", "\n\n".join(said[start : start + 30])
        elif path.name.endswith((".html", ".html.gz")):
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            yield _language_of(parts), f"doc_{path.stem}", _without_tags(data.decode("utf-8", "replace"))


def _language_of(parts: tuple[str, ...]) -> str:
    """Return the language that ends the name of a package: debian-reference-zh-cn."""
    name = next((part for part in parts if re.match(r"(debian|developers|maint|gimp-help|fortunes)-", part)), "")
    matched = re.search(r"-(zh)-(cn|tw)$|-([a-z]{2})$", name)
    return "" if not matched else f"zh_{matched[2].upper()}" if matched[1] else matched[3]


def _without_tags(text: str) -> str:
    text = re.sub(r"<(script|style|info)\b.*?</\1>|<!--.*?-->", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\xa0", " ")
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _without_roff(text: str) -> str:
    text = re.sub(r"(?m)^\.?\\\".*\n", "", text)
    text = re.sub(r"\\f[A-Z(\[]|\\&|\\[|/,]", "", text)
    text = re.sub(r"\\\(..|\\\[\w+\]|\\\*\(..", "", text).replace("\\-", "-").replace("\\e", "\\")
    text = re.sub(r"(?m)^[.'](TH|SH|SS|B|I|BR|IR|RB|RI|BI|IB|Nm|It|Fl|Ar|Xr|TP|IP)\b ?", "", text)
    return re.sub(r"(?m)^[.'].*\n", "", text)


def _cut(text: str, encoding: str, chance: random.Random) -> str:
    size = int(300 * (50_000 / 300) ** chance.random())
    start = chance.randrange(len(text) - size) if len(text) > size else 0
    start = text.find("\n", start - 1) + 1 if start else 0
    text = text[start : start + size]
    if encoding == "cp1252":
        for pattern, typographic in QUOTES:
            text = re.sub(pattern, typographic, text)
        return text
    return text if encoding.startswith("utf-16") else text.translate(TYPED)


def _in_english(text: str) -> bool:
    """Return whether a translation has not been translated."""
    words = re.findall(r"\w+", text.lower())
    return sum(word in ("the", "of", "and", "to", "is") for word in words) > 0.03 * len(words)


def samples(texts: Path, encoding: str, half: str, per: int) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of encoded texts that are not ASCII, so many in each language."""
    for language in KINDS[encoding]:
        chance, count = random.Random(f"{encoding}{language}"), 0
        paths = sorted((texts / language).iterdir())
        chance.shuffle(paths)
        for path in paths:
            tune = hashlib.sha256(path.name.encode()).digest()[0] % 2 == 0
            text = path.read_text(encoding="utf-8")
            if tune != (half == "tune") or TABLES.search(path.name) or (language != "en" and _in_english(text)):
                continue
            data = _cut(text, encoding, chance).encode(encoding, "replace")
            if len(data) < 300 or (data.isascii() and 0 not in data) or count == per:
                continue
            count += 1
            yield f"{language}/{path.name}", data


def found(data: bytes, path: Path, *, alone: bool) -> str:
    """Return the encoding in which a file would be trained; empty if it is refused."""
    if alone:
        import charset_normalizer

        best = charset_normalizer.from_bytes(data).best()
        return best.encoding if best else ""
    path.write_bytes(data)
    with open_regular(path) as file:
        verdict = reader.judge(file, encoding="auto", max_bad_ratio=0.01)
    return "" if verdict.refusal else verdict.encoding


def table(texts: Path, half: str, per: int, *, alone: bool, verbose: bool) -> None:
    """Print how many texts of each encoding are right, wrong and refused."""
    print("| encoding | texts | right | wrong | refused | mean ms | most ms |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for encoding in KINDS:
            counts, times = Counter[str](), [0.0]
            for name, data in samples(texts, encoding, half, per):
                start = time.perf_counter()
                guess = found(data, Path(folder, "file"), alone=alone)
                times.append(1e3 * (time.perf_counter() - start))
                words = re.findall(r"\w+", data.decode(encoding, "replace"))
                right = guess and re.findall(r"\w+", data.decode(guess, "replace")) == words
                counts["refused" if not guess else "right" if right else "wrong"] += 1
                if verbose and not right:
                    print(f"  {name}: {len(data)} bytes, {guess or 'refused'}")
            total = counts.total() or 1
            shares = " | ".join(f"{100 * counts[kind] / total:.1f} %" for kind in ("right", "wrong", "refused"))
            print(
                f"| {encoding} | {counts.total()} | {shares} | {sum(times) / total:.0f} | {max(times):.0f} |",
                flush=True,
            )


def main() -> None:
    """Prepare texts, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "table"])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--half", choices=["tune", "report"], default="report")
    parser.add_argument("--per", type=int, default=40, help="texts in each language")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    if given.what == "prepare":
        prepare(*given.folders)
    else:
        table(given.folders[0], given.half, given.per, alone=given.alone, verbose=given.verbose)


if __name__ == "__main__":
    main()

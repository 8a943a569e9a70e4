"""The tokenizer ``words``, in both versions, against a slow reference made of ``re``, ``unicodedata`` and ICU."""

from __future__ import annotations

import random
import re
import time
import unicodedata

import numpy as np
import pytest
from icu4py.breakers import WordBreaker

from streamer.text import scripts, tokenizer
from streamer.text.cleaning import MARKS
from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import NO_WORD, WORD_BYTES, Rules
from streamer.text.words import WORD, Words

BOUNDARIES = ("paragraph", "line", "file")
VERSIONS = (1, 2)


def encode(text: str, boundary: str = "paragraph", version: int = 2) -> EncodedText:
    """Return what the product makes of a text."""
    return Words(Rules(version=version, boundary=boundary)).encode(text)


def is_letter(character: str) -> bool:
    """Say whether a character belongs to words: letters, digits, marks, joiners; not the underscore."""
    return (
        character.isalnum() or unicodedata.category(character).startswith("M") or character in "\u200c\u200d"
    ) and character not in "\u2019\u02bc'"


def folded(word: str, version: int) -> str:
    """Return a word in lower case."""
    lower = word.lower() if version == 1 else re.sub("i\u0307", "i", word.casefold()).replace("\u02bc", "'")
    return unicodedata.normalize("NFC", lower.strip("\u200c\u200d'"))


def reference(text: str, boundary: str, version: int = 2) -> list[tuple[int, str]]:
    """Return the tokens of a text, each with the number of context ends before it.

    Marks beyond the thirtieth on a letter are not read. NFC; invisible characters vanish; then words are runs of
    letters with single apostrophes inside, and of no more bytes than a word may have, as written and in lower case.
    From version 2 on, ICU cuts each run of a script without spaces.
    """
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()
    read, marks = "", 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        read += character if marks <= MARKS else ""
    text = read
    text = unicodedata.normalize("NFC", text)
    text = re.sub("[\u00ad\u2060\ufeff]", "", text)
    text = re.sub("[\u2019\u02bc]", "'", text)
    text = re.sub("[\u2028\u2029]", "\n\n", text)
    text = "".join(c if c.isascii() or is_letter(c) else " " if c.isspace() else "_" for c in text)
    if version > 1:
        text = scripts.RUNS.sub(lambda run: f" {' '.join(WordBreaker(run[0], 'ja'))} ", text)
    end = {"paragraph": "\n[ \t\n\r\f\v]*\n|\x1e", "line": "\n|\x1e", "file": "\x1e"}[boundary]
    found = []
    for segment, piece in enumerate(re.split(end, text)):
        letters = "".join("w" if is_letter(c) else "'" if c == "'" else " " for c in piece)
        for match in re.finditer("w+('w+)*", letters):
            written = piece[slice(*match.span())]
            word = folded(written.strip("\u200c\u200d'"), version)
            longest = max(len(written.encode()), len(word.encode()))
            if any(c.isalnum() for c in word) and longest <= WORD_BYTES:
                found.append((segment, word))
    return found


def tokens(text: str, boundary: str = "paragraph", version: int = 2) -> list[tuple[int, str]]:
    """Return what the product makes of a text, in the form of the reference."""
    encoded = encode(text, boundary, version)
    return list(zip(encoded.segments.tolist(), encoded.tokens(), strict=True))


PIECES = [
    *"abcXYZ019_-.,!?;:()\"'`",
    *["'", "'", "''", " ' ", "\u2019", "\u02bc", "\u2018", "_", "don't", "'tis", "dogs'", "rock'n'roll", "snake_case"],
    *[" ", " ", " ", "\n", "\n\n", "\n \t\n", "\r", "\r\n", "\t", "\f", "\v", "\x1c", "\x1f", "\x85", "\u00a0"],
    *["\x00", "\x1e", "\x7f", "\u2028", "\u2029", "\u3000"],
    *["é", "e\u0301", "É", "E\u0301", "ñ", "o\u0308", "\u0301", "ﬁ", "ß", "ẞ", "İ", "I\u0307", "ı", "ǅ", "\u212a", "Å"],
    *["ΟΔΟΣ", "Σ", "σ", "ς", "ΑΣ", "Жизнь", "中文", "日本", "한국", "\u1112\u1161\u11ab", "½", "²", "٣", "Ⅷ"],
    *["हिन्दी", "क्\u200dष", "ไทยก็", "שָׁלוֹם", "می\u200cخواهم", "\u200c", "\u200d", "\u0e31"],
    *["\u00ad", "\u2060", "\ufeff", "\u200b", "—", "…", "“", "”", "😀", "👨\u200d👩", "\ufe0f", "\u20e3", "𝔘", "𐐀"],
    *["\ud800", "\udfff", "\ufffd", "\ue000", "\U0010ffff", "\u0378"],
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("seed", range(3))
def test_any_mixture_is_tokenized_as_the_reference_does(boundary: str, seed: int, version: int) -> None:
    """Letters, marks, apostrophes, invisible and broken characters in any order give the reference's words."""
    rng = random.Random(seed)
    for _ in range(500):
        text = "".join(rng.choices(PIECES, k=rng.randint(0, 30)))
        assert tokens(text, boundary, version) == reference(text, boundary, version), ascii(text)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_tricky_together_is_tokenized_as_the_reference_does(version: int) -> None:
    """Few characters, each of which changes what its neighbours mean, meet in all manners."""
    rng = random.Random(8)
    pieces = [*"aeEIΣİ''_ \n", "\u2019", "\u0301", "\u0307", "\u00ad", "\u200c", "\u1112", "\u1161", "\u11ab", "\u1e9e"]
    for _ in range(3000):
        text = "".join(rng.choices(pieces, k=rng.randint(1, 12)))
        assert tokens(text, "paragraph", version) == reference(text, "paragraph", version), ascii(text)


@pytest.mark.parametrize("version", VERSIONS)
def test_long_words_and_many_marks_are_tokenized_as_the_reference_does(version: int) -> None:
    """Tokens about as long as a word may be, in letters of one to four bytes, and about as many marks as are read."""
    rng = random.Random(10)
    letters = ["a", "B", "é", "İ", "ẞ", "中", "𐐀", "a'", "\u0301", "\u0315\u0300", "\u200d", "\u00ad", "e\u0301"]
    for _ in range(600):
        text = " ".join(
            rng.choice(letters)
            * rng.choice([1, 14, 15, 16, 29, 30, 31, 63, 64, 65, 85, 86, 127, 128, 129, 255, 256, 257])
            + rng.choice(letters) * rng.randint(0, 40)
            for _ in range(rng.randint(1, 4))
        )
        assert tokens(text, "paragraph", version) == reference(text, "paragraph", version), ascii(text)


def test_what_is_data_in_letters_is_no_word() -> None:
    """A token of 256 bytes is a word, a longer one is none; what is around it is tokenized and keeps its segment."""
    found = encode(f"one {'x' * 257} two\n\n{'0123456789abcdef' * 65536} three {'y' * 256} {'é' * 128} {'é' * 129}")
    assert found.tokens() == ["one", "two", "three", "y" * 256, "é" * 128]
    assert found.segments.tolist() == [0, 0, 1, 1, 1]


@pytest.mark.alone
@pytest.mark.parametrize(
    "text",
    [
        "e" + "\u0315\u0300" * 150_000,
        "\u0f73" * 300_000,
        "".join(map(chr, (*range(0xF0000, 0xFFFFE), *range(0x100000, 0x10FFFE)))) * 2,
        "'" * 1_000_000,
        "\n" * 1_000_000,
        "\n" + " " * 1_000_000 + "x",
        "\u200d" * 300_000,
        "\u1112\u1161\u11ab" * 100_000,
        "中" * 300_000,
        "ก" * 300_000,
        "カ" * 300_000,
    ],
    ids=[
        "marks",
        "marks of two",
        "private use",
        "apostrophes",
        "lines",
        "spaces",
        "joiners",
        "jamo",
        "han",
        "thai",
        "kana",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """Whatever a block holds, it is tokenized in time proportional to its length."""
    started = time.monotonic()
    encode(text)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_any_ascii_is_tokenized_as_the_reference_does(boundary: str) -> None:
    """All 128 characters of ASCII, in any order, take the shorter way to the same words."""
    rng = random.Random(9)
    letters = [chr(point) for point in range(128)] + ["'"] * 30 + ["a", "\n"] * 20
    for _ in range(500):
        text = "".join(rng.choices(letters, k=rng.randint(0, 40)))
        assert tokens(text, boundary) == reference(text, boundary), ascii(text)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_character_of_unicode_is_tokenized_as_the_reference_does(version: int) -> None:
    """Each code point, alone and inside a word, is a letter for both or for neither."""
    for start in range(0, 0x30000, 0x1000):
        text = " ".join(f"{c} x{c}y" for c in map(chr, range(start, start + 0x1000)) if c not in "\x1e\n")
        assert tokens(text, "file", version) == reference(text, "file", version)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\n \x1e\x00 '' _ — ", []),
        ("The CAT sat.", ["the", "cat", "sat"]),
        ("don't 'tis dogs' rock'n'roll a''b", ["don't", "tis", "dogs", "rock'n'roll", "a", "b"]),
        ("it\u2019s it\u02bcs \u2018it\u2019s\u2019", ["it's", "it's", "it's"]),
        ("snake_case __init__", ["snake", "case", "init"]),
        ("R2D2 3.14 1,000", ["r2d2", "3", "14", "1", "000"]),
        ("cafe\u0301 café CAFÉ", ["café", "café", "café"]),
        ("हिन्दी שָׁלוֹם", ["हिन्दी", unicodedata.normalize("NFC", "שָׁלוֹם")]),
        ("می\u200cخواهم \u200cab\u200d", ["می\u200cخواهم", "ab"]),
        ("soft\u00adhyphen a\u00ade\u0301 e\u00ad\u0301", ["softhyphen", "aé", "é"]),
        ("a\x00b a\ud800b a\ufffdb a😀b", ["a", "b", "a", "b", "a", "b", "a", "b"]),
        ("\ufeffbom", ["bom"]),
        ("a'\u200c a' \u200c'a", ["a", "a", "a"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Lower case, NFC, apostrophes only inside, nothing but words."""
    for version in VERSIONS:
        assert encode(text, version=version).tokens() == words


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Straße STRASSE", ["straße", "strasse"], ["strasse", "strasse"]),
        ("ΟΔΟΣ οδος", ["οδος", "οδος"], ["οδοσ", "οδοσ"]),
        (
            "İstanbul Istanbul ISPARTA ılık",
            ["i\u0307stanbul", "istanbul", "isparta", "ılık"],
            ["istanbul"] * 2 + ["isparta", "ılık"],
        ),
        ("ﬁne ﬁﬂ", ["ﬁne", "ﬁﬂ"], ["fine", "fifl"]),
        ("ŉ ſo µm", ["ŉ", "ſo", "µm"], ["n", "so", "μm"]),
        ("ไทยก็", ["ไทยก็"], ["ไทย", "ก็"]),
        ("我们在北京学习。", ["我们在北京学习"], ["我们", "在", "北京", "学习"]),
        ("第3章 iPhone手机", ["第3章", "iphone手机"], ["第", "3", "章", "iphone", "手机"]),
        ("東京に行きました", ["東京に行きました"], ["東京", "に", "行き", "ま", "した"]),
        ("ສະບາຍດີ ភាសាខ្មែរ", ["ສະບາຍດີ", "ភាសាខ្មែរ"], ["ສະບາຍດີ", "ភាសាខ្មែរ"]),
        ("한국어를 배웁니다", ["한국어를", "배웁니다"], ["한국어를", "배웁니다"]),
    ],
)
def test_what_the_versions_make_of_a_text(text: str, first: list[str], second: list[str]) -> None:
    """Version 1 knows neither dictionaries nor the folding of Unicode."""
    assert encode(text, version=1).tokens() == first
    assert encode(text, version=2).tokens() == second


def test_case_can_be_kept() -> None:
    """Nothing is folded then, but everything else is as without it."""
    keeps = Words(Rules(keep_case=True))
    assert keeps.encode("The CAT Straße İ cafe\u0301 ’tis ﬁne").tokens() == [
        "The",
        "CAT",
        "Straße",
        "İ",
        "café",
        "tis",
        "ﬁne",
    ]
    assert keeps.fold("CAT") == "CAT"
    assert keeps.as_words(["CAT", "Cat's", "a b"]) == ["CAT", "Cat's", ""]


@pytest.mark.parametrize(
    ("boundary", "segments"),
    [
        ("paragraph", [0, 0, 0, 1, 1, 2, 3]),
        ("line", [0, 0, 1, 3, 3, 6, 7]),
        ("file", [0, 0, 0, 0, 0, 0, 1]),
    ],
)
def test_contexts_end_where_the_boundary_says(boundary: str, segments: list[int]) -> None:
    """A blank line, a line end or nothing ends a context; the separator always does."""
    found = encode("a b\nc\n \nd e\n\n\nf\x1eg", boundary)
    assert found.tokens() == list("abcdefg")
    np.testing.assert_array_equal(found.segments, segments)


def test_words_are_listed_in_order_of_first_appearance() -> None:
    """Codes are positions in the list of distinct words; the arrays are int32 and as long as the text has tokens."""
    found = encode("b a B é c a e\u0301")
    assert found.words == ["b", "a", "é", "c"]
    assert found.codes.tolist() == [0, 1, 0, 2, 3, 1, 2]
    assert found.codes.dtype == found.segments.dtype == np.int32
    assert len(found) == 7
    assert len(encode("")) == 0
    assert encode("").words == []


def test_tokens_are_their_own_tokens() -> None:
    """Tokenizing what was tokenized changes nothing."""
    rng = random.Random(2)
    text = " ".join("".join(rng.choices(PIECES, k=8)) for _ in range(3000))
    once = encode(text, "file").tokens()
    assert encode(" ".join(once), "file").tokens() == once


def test_the_pattern_says_what_a_word_is() -> None:
    """Where words hold letters, digits and apostrophes only, they are the matches of the documented pattern."""
    rng = random.Random(6)
    text = "".join(rng.choices("abcé9_'’ʼ.- \n", k=20_000))
    expected = [re.sub("[’ʼ]", "'", match) for match in re.findall(WORD, text)]
    assert [word for _, word in tokens(text)] == expected


@pytest.mark.parametrize(
    ("string", "word"),
    [
        ("word", "word"),
        ("Word", "word"),
        ("don’t", "don't"),
        ("Naïve", "naïve"),
        ("nai\u0308ve", "naïve"),
        ("Straße", "strasse"),
        ("東京", "東京"),
        ("3", "3"),
        *((none, NO_WORD) for none in ("", ",", "two words", "New_York", "dog!", "'tis", "a\nb", "a\n", "\x00a")),
        *((none, NO_WORD) for none in ("a\u2028b", "\u2029", "a\x1eb", "x" * 257, "我们在北京")),
    ],
)
def test_a_string_is_the_word_that_it_is_in_a_text(string: str, word: str) -> None:
    """What the tokenizer makes one word of, and nothing else, is that word, whatever stands around it."""
    assert Words(Rules()).as_words(["before", string, "after"]) == ["before", word, "after"]


def test_many_strings_are_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes no difference in which pieces they are looked at."""
    strings = ["One", "two words", "", "three", "\n", "four"] * 5
    whole = Words(Rules()).as_words(strings)
    monkeypatch.setattr(tokenizer, "STRINGS", 7)
    assert Words(Rules()).as_words(strings) == whole == ["one", "", "", "three", "", "four"] * 5


def test_words_with_signs() -> None:
    """A line of the phrases that is one word with signs in it is found as it is written, in any case."""
    found = Words(Rules(phrases=("AT&T", "R&D", "C++", ".org", "plain"))).encode(
        "At&t's AT&T, at t R&D... C++ xC++ a.org .org"
    )
    assert found.tokens() == ["at&t", "s", "at&t", "at", "t", "r&d", "c++", "xc", "a", "org", ".org"]
    assert Words(Rules(phrases=("AT&T",), keep_case=True)).encode("AT&T at&t").tokens() == ["AT&T", "at&t"]


def test_private_characters_of_a_text_are_no_special_words() -> None:
    """They stand for special words inside of the tokenizer only."""
    text = "a \U000f0000 b \U000f0001 AT&T \U0010fffd"
    assert Words(Rules(phrases=("AT&T",))).encode(text).tokens() == ["a", "b", "at&t"]


def test_apostrophes_of_phrases_are_straight() -> None:
    """As those of all other words: a phrase must not make two words of one."""
    words = Words(Rules(phrases=("O’Reilly", "AT&T’s")))
    assert words.encode("O’Reilly O'REILLY AT&T’s").tokens() == ["o'reilly", "o'reilly", "at&t's"]


def test_many_phrases_with_signs() -> None:
    """Thousands of them take little longer than one: as a plain list, they would take five seconds here."""
    rng = random.Random(6)
    phrases = tuple("".join(rng.choices("abcdefghij", k=5)) + f"-{n}" for n in range(5000))
    text = " ".join("".join(rng.choices("abcdefghij", k=5)) for _ in range(50_000))
    words = Words(Rules(phrases=phrases))
    words.encode("a")
    before = time.process_time()
    assert words.encode(f"{text} {phrases[7]}").tokens()[-1] == phrases[7]
    assert time.process_time() - before < 1.5

"""The tokenizer ``social``: tags, names, tickers, emoji and addresses."""

from __future__ import annotations

import pytest
from icu4py.breakers import CharacterBreaker

from streamer.text.social import Social
from streamer.text.tokenizer import Rules


def cut(text: str, keep_case: bool = False) -> list[list[str]]:
    """Return the contexts of a text."""
    return Social(Rules("social", 1, "line", keep_case)).encode(text).contexts()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#Tag #big_sale, #2024 (#a) x#y ##z", ["#tag", "#big_sale", "#2024", "#a", "x", "y", "z"]),
        ("#東京タワー #हिन्दी #été.", ["#東京タワー", "#हिन्दी", "#été"]),
        ("#love❤️#more", ["#love", "❤️", "#more"]),
        ("@Bob's @a_b: .@x a@b.com", ["@bob", "s", "@a_b", "@x", "a", "b", "com"]),
        ("$AAPL $BRK.B $5 US$ $toolong1", ["$aapl", "$brk.b", "5", "us", "toolong1"]),
        ("see https://t.co/a?b=c#d. www.X.org/y (HTTP://Z)", ["see", "<url>", "<url>", "<url>"]),
        ("看https://t.co/abc。好www.x.y测试 https://z😂", ["看", "<url>", "好", "<url>", "测试", "<url>", "😂"]),
        ("#话题#真好 回复@bob：", ["#话题", "真好", "回复", "@bob"]),
        ("#وسم، #تاج؟ #हिन्दी। #می\u200cخواهم: #שָׁלוֹם־", ["#وسم", "#تاج", "#हिन्दी", "#می\u200cخواهم", "#שָׁלוֹם"]),
        ("#東京？#ア・イ「@bob」", ["#東京", "#ア", "イ", "@bob"]),
        ("it's 'so' good!!1", ["it's", "so", "good", "1"]),
        ("我们在北京👍", ["我们", "在", "北京", "👍"]),
        ("AT&T", ["at", "t"]),
        ("&#39; &amp;", ["39", "amp"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Signs belong to the word only where they mean something."""
    assert cut(text) == [words]


def test_a_line_is_a_context() -> None:
    """One post does not explain the next."""
    assert cut("a b\nc\n\nd") == [["a", "b"], ["c"], ["d"]]


EMOJI = [
    "😂",
    "❤️",
    "❤",
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "🏳️\u200d🌈",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "🇩🇪",
    "1️⃣",
    "#️⃣",
    "☀️",
    "⌚",
    "✈️",
    "🧑🏿\u200d🚀",
    "🫠",
    "♻️",
    "‼️",
]


def test_an_emoji_is_a_grapheme_cluster() -> None:
    """However many code points it has, and however many stand side by side."""
    for emoji in EMOJI:
        assert cut(f"a{emoji}b {emoji}{emoji}") == [["a", emoji, "b", emoji, emoji]], ascii(emoji)
        assert list(CharacterBreaker(emoji, "en")) == [emoji]
    assert cut("".join(EMOJI)) == [EMOJI]


def test_case_can_be_kept() -> None:
    """Of names too."""
    assert cut("@Bob #Tag $X Https://x Yes", keep_case=True) == [["@Bob", "#Tag", "$X", "<url>", "Yes"]]


def test_asking() -> None:
    """Somebody who types a name with its sign finds it."""
    social = Social(Rules("social", 1, "line"))
    assert [social.fold(word) for word in ("@BOB", "#Tag", "❤️", "Word")] == ["@bob", "#tag", "❤️", "word"]
    assert social.as_words(["@Bob", "#x", "a b", "https://x", "😂"]) == ["@bob", "#x", "", "", "😂"]


def test_a_phrase_that_begins_as_an_address_does() -> None:
    """It is a word, and no address."""
    social = Social(Rules("social", phrases=("HTTP/2", "www.x")))
    assert social.encode("HTTP/2 at http://a, www.x and www.y").tokens() == [
        "http/2",
        "at",
        "<url>",
        "<url>",
        "and",
        "<url>",
    ]


def test_more_tags_than_private_characters() -> None:
    """Those beyond are left out: a block with so many is no text that people wrote."""
    tags = [f"#{number:x}" for number in range(135_000)]
    found = cut(" ".join([*tags, "end"]))[0]
    assert found == [*tags[: 0x10FFFF - 0xF0000 + 1], "end"]

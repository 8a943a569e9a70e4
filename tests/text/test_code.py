"""The tokenizer ``code``: identifiers and their parts."""

from __future__ import annotations

import pytest

from streamer.text.code import Code
from streamer.text.tokenizer import Rules


def cut(text: str, keep_case: bool = False) -> list[str]:
    """Return the words of a text."""
    return Code(Rules("code", 1, keep_case=keep_case)).encode(text).tokens()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("get_user_by_id", ["get_user_by_id", "get", "user", "by", "id"]),
        ("getUserById", ["getuserbyid", "get", "user", "by", "id"]),
        ("HTTPServer parseXML2JSON", ["httpserver", "http", "server", "parsexml2json", "parse", "xml2", "json"]),
        ("MAX_SIZE CamelCase x", ["max_size", "max", "size", "camelcase", "camel", "case", "x"]),
        ("__init__ _x utf8_decode", ["__init__", "init", "_x", "x", "utf8_decode", "utf8", "decode"]),
        (
            "C++ C# c++11 F# .NET asp.net node.js Vue.js",
            ["c++", "c#", "c++", "11", "f#", ".net", "asp.net", "node.js", "vue.js"],
        ),
        ("i++; a+b #include obj.method()", ["i", "a", "b", "include", "obj", "method"]),
        ("don't 'quoted' \"both\"", ["don't", "quoted", "both"]),
        ("“hello” — café—bar … naïve·x \U000f0000y", ["hello", "café", "bar", "naïve", "x", "y"]),
        ("f'hello' rb'x y' L'z' can't self's", ["hello", "x", "y", "z", "can't", "self's"]),
        ("größe_max Größe 中文注释", ["grösse_max", "grösse", "max", "grösse", "中文", "注释"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """The whole identifier, then its parts if there are several."""
    assert cut(text) == words


def test_a_part_is_the_word_of_prose() -> None:
    """So that a comment explains a name."""
    assert {"user", "id"} <= set(cut("user id")) & set(cut("userId"))


def test_case_can_be_kept() -> None:
    """Parts too keep it."""
    parts = ["getUserById", "get", "User", "By", "Id", "C++", "MAX_SIZE", "MAX", "SIZE"]
    assert cut("getUserById C++ MAX_SIZE", keep_case=True) == parts


def test_asking() -> None:
    """An identifier is one word for who asks, though a text has its parts too."""
    code = Code(Rules("code", 1))
    assert [code.fold(word) for word in ("getUserById", "C++", "User")] == ["getuserbyid", "c++", "user"]
    assert code.as_words(["user", "C++", "get_user", "a b"]) == ["user", "c++", "", ""]

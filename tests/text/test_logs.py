"""The tokenizer ``logs``: identifiers stay, and what never repeats is its class."""

from __future__ import annotations

import random
import re
import time
import uuid
from pathlib import Path

import pytest

from streamer.text.logs import Logs
from streamer.text.tokenizer import Rules


def cut(text: str, keep_case: bool = False) -> list[list[str]]:
    """Return the contexts of a text."""
    return Logs(Rules("logs", 1, "line", keep_case)).encode(text).contexts()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # numbers
        ("1 42 404 1000 -7 +12345 3.14 1234.5.6", "1 42 404 <num> 7 <num> <num> <num>"),
        ("10ms 1500ms 12kB 99% 0 007", "10ms <num>ms 12kb 99 0 007"),
        ("v1.2.3 1.2.3 6.18.0-generic 10.15.7.1-3", "v1.2.3 1.2.3 6.18.0-generic 10.15.7.1-3"),
        ("HTTP/1.1 TLS/2 a/b TCP/IP", "http/1.1 tls/2 a b tcp ip"),
        # times
        ("2026-11-25T01:44:05.741941Z 2026-11-25 01:44:05,123 01:44:05", "<time> <time> <time> <time>"),
        ("[25/Nov/2026:01:44:05 +0000] 2026/11/25 12:30", "<time> <num> <time> <time>"),
        ("2026-11-25 01:44:05+01:00 Nov 25", "<time> <time> nov 25"),
        # addresses
        ("10.0.0.1 10.0.0.1:443 192.168.0.0/16 src=10.0.0.7,", "<ip> <ip> 443 <ip> src <ip>"),
        (
            "fe80::1 ::1 2001:db8:0:0:0:0:0:1 [::1]:80 fe80::1%eth0 a::b2 DB::add",
            "<ip> <ip> <ip> <ip> 80 <ip> <ip> db::add",
        ),
        ("::ffff:10.0.0.1 [::ffff:10.0.0.1]:80 64:ff9b::192.0.2.33,", "<ip> <ip> 80 <ip>"),
        ("25.11.2026 02:33:01 v25.11.2026 1.25.11.2026", "<time> <time> v25.11.2026 1.25.11.2026"),
        ("bob@example.com <alice.b+c@mail.example.org>, root@localhost", "<mail> <mail> root@localhost"),
        ("https://a.b/c?d=1, http://x:80/ ftp://f postgres://u:p@h/db", "<url> <url> <url> <url>"),
        # paths
        ("/var/log/syslog ./a/b ~/x ../y C:\\Windows\\x.dll /", "<path> <path> <path> <path> <path>"),
        ('GET /index.html?a=b "POST /api/v1/users/12345"', "get <path> post <path>"),
        ("path=/a/b,c (/etc/fstab) and/or", "path <path> <path> and or"),
        # hashes
        ("0x7ffe 0X1F deadbeef a2cf549 e3b0c44298fc1c149afbf4c8996fb924", "<hex> <hex> deadbeef <hex> <hex>"),
        ("550e8400-e29b-41d4-a716-446655440000 aa:bb:cc:dd:ee:ff", "<uuid> <hex>"),
        ("commit a2cf5490 added facade decade", "commit <hex> added facade decade"),
        # identifiers
        ("ipv6 sha256 http2 E1234 x86_64 eth0 sda1 utf-8", "ipv6 sha256 http2 e1234 x86_64 eth0 sda1 utf-8"),
        ("ORA-00942 CVE-2024-12345 KB50012", "ora-00942 cve-2024-12345 kb50012"),
        ("session-1234567.scope blk_-1608999687919862906 user12345678", "session-<num>.scope blk_-<num> user<num>"),
        ("nginx-7d9f8b6c5-x2x4z task_8f3a2b1c90de", "nginx-<hex>-<hex> task_<hex>"),
        ("sshd[4711]: kernel: [12345.678] pid=99 user='x'", "sshd <num> kernel <num> pid 99 user x"),
        (
            "getty@tty1.service a.b.C.Exception: std::vector Foo$Bar",
            "getty@tty1.service a.b.c.exception std::vector foo$bar",
        ),
        ('--flag -x key=value {"k":"v"} f(x) a,b;c', "flag x key value k v f x a b c"),
        ("AKIAIOSFODNN7EXAMPLE x1y2z3w4v5u6", "akiaiosfodnn7example <hex>"),
        ("Größe Ошибка 错误 don't it's 't' a'b", "grösse ошибка 错误 don't it's t a b"),
        ("job-1234 job-12345 k1m2n3p4q k1m2n3p4qz", "job-1234 job-<num> k1m2n3p4q <hex>"),
        ("İstanbul.X STRASSE-Straße", "istanbul.x strasse-strasse"),
        ("... --- === [] :: ' \"", ""),
        ("\x1b[31mred\x1b[0m [\x1b[1;32mOK\x1b[0m] \x1b[Kline\x1b", "red ok line"),
    ],
)
def test_words(text: str, words: str) -> None:
    """What is what in a line."""
    assert [word for context in cut(text) for word in context] == words.split()


def test_a_line_is_a_context() -> None:
    """And nothing else is."""
    assert cut("a b\nc\n\nd\x1ee") == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_never_repeats_is_one_word() -> None:
    """A thousand lines with ids of all kinds have the words of one."""
    rng = random.Random(1)

    def line() -> str:
        number, bits = rng.getrandbits(40) + 10_000, rng.getrandbits(128)
        return (
            f"2026-11-{rng.randrange(10, 28)}T01:02:{rng.randrange(10, 60)}Z host app[{number}]: "
            f"request {uuid.UUID(int=bits, version=4)} "
            f"from {'.'.join(str(rng.randrange(256)) for _ in range(4))} took {rng.random() * 1000:.3f}ms "
            f"sha {bits:032x} at 0x{number:x} of user-{number} in /srv/{number}/x.log session={number}"
        )

    found = Logs(Rules("logs", 1, "line")).encode("\n".join(line() for _ in range(1000)))
    assert len(found.words) < 30, found.words
    assert len(found.contexts()) == 1000


def test_long_chunks() -> None:
    """What has no space for long is cut at its signs, and data in letters is no word."""
    found = cut('{"a":"' + "x" * 300 + '","list":[' + ",".join(['"item"'] * 5000) + "]}")[0]
    assert found == ["a", "list", *["item"] * 5000]
    assert cut("x" * 257 + " y") == [["y"]]


@pytest.mark.slow
def test_no_text_takes_long() -> None:
    """A chunk of any signs is cut in time proportional to its length: with its square, it would take a minute."""
    for sign in (
        "a",
        "-",
        ".",
        "@",
        ":",
        "/",
        "0",
        "a.",
        "a@",
        "a-",
        "0:",
        "0.",
        "a/",
        "::",
        "0-",
        "f0",
        "%",
        "=",
        "~/",
        "C:\\",
        "a://",
        "+",
        "a+",
        "a--",
        "a+@",
        "\x1b[",
    ):
        before = time.process_time()
        cut(sign * ((1 << 18) // len(sign)))
        assert time.process_time() - before < 10, sign


def test_case_can_be_kept() -> None:
    """Classes are the same then."""
    assert cut("NullPointerException at Foo 0XAB", keep_case=True) == [["NullPointerException", "at", "Foo", "<hex>"]]


def test_words_are_words() -> None:
    """No word holds white space, and none is a lone sign."""
    rng = random.Random(2)
    signs = "ab0-1._:/@[]()'\"=+%$~\\,; éÉ中\u0301\u00a0"
    for _ in range(500):
        for word in (word for context in cut("".join(rng.choices(signs, k=60))) for word in context):
            assert not re.search(r"\s", word)
            assert any(map(str.isalnum, word))


def test_asking() -> None:
    """A number that is typed is asked for as its class, an identifier as itself."""
    logs = Logs(Rules("logs", 1, "line"))
    assert [logs.fold(word) for word in ("SSHD", "10.0.0.1", "12345", "<ip>", "E1234")] == [
        "sshd",
        "<ip>",
        "<num>",
        "<ip>",
        "e1234",
    ]
    assert [logs.fold(typed) for typed in ("10.0.0.1 X", "A=1", "")] == ["10.0.0.1 x", "a=1", ""]
    assert logs.as_words(["sshd", "10.0.0.1", "Foo.Bar", "a b"]) == ["sshd", "", "foo.bar", ""]


def test_identifiers_survive() -> None:
    """Two hundred names that people look for in logs are words, among ids of all kinds."""
    names = (Path(__file__).parent / "identifiers.txt").read_text().split()
    assert len(names) == len(set(names)) >= 200
    rng = random.Random(4)
    lines = [
        f"2026-11-25T10:{n % 60:02}:00.{rng.randrange(10**6):06}Z {name} pid={rng.randrange(10**4, 10**7)} "
        f"[{name}] id={uuid.UUID(int=rng.getrandbits(128), version=4)} ({name}) "
        f"{rng.getrandbits(64):016x}: {name}, '{name}'"
        for n, name in enumerate(names)
    ]
    contexts = cut("\n".join(lines))
    lost = [name for name, context in zip(names, contexts, strict=True) if context.count(name.lower()) != 5]
    assert lost == []
    classes = {word for context in contexts for word in context if word.startswith("<")}
    assert classes == {"<time>", "<num>", "<uuid>", "<hex>"}


def test_phrases_with_signs() -> None:
    """A line of the phrases that is one word with signs in it is found as it is written, in any case."""
    rules = Rules("logs", 1, "line", phrases=("AT&T", "C++", "New York"))
    assert Logs(rules).encode("at&t: from=AT&T/c++ xC++ new york").contexts() == [
        ["at&t", "from", "at&t", "c++", "xc", "new_york"]
    ]

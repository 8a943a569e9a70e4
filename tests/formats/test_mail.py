"""Mail: subjects and what their authors wrote, in any encoding; no headers, attachments, quotes and signatures."""

from __future__ import annotations

import random
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from functools import partial

import pytest

from streamer.formats import mail
from streamer.formats.dates import DateReader, seconds
from streamer.formats.records import LIMIT

from .pieces import MiB, Pieces, dates, memory, scanned, skipped, texts

FROM = b"From ada@example.org Mon Jan  1 10:00:00 2024\n"
LANGUAGES = {
    "us-ascii": "Hello, this is plain English.",
    "iso-8859-1": "Grüße aus Köln, à bientôt.",
    "utf-8": "Καλημέρα κόσμε, 日本語も。",
    "koi8-r": "Привет, это письмо.",
    "gb2312": "你好，这是一封信。",
}


def message(charset: str, encoding: str) -> bytes:
    """Return a mail as the standard library writes it."""
    made = EmailMessage()
    made["From"], made["To"], made["Date"] = (
        "Ada <ada@example.org>",
        "bob@example.org",
        "Mon, 1 Jan 2024 10:00:00 +0000",
    )
    made["Message-ID"] = "<unique@example.org>"
    made["Subject"] = f"{LANGUAGES[charset]} subject"
    made.set_content(LANGUAGES[charset] + "\n", charset=charset, cte=encoding)
    return made.as_bytes()


@pytest.mark.parametrize("charset", LANGUAGES)
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_mails_of_five_languages(charset: str, encoding: str) -> None:
    """Subject and body, decoded, and no word of the headers."""
    words = LANGUAGES[charset]
    assert texts(mail.records, message(charset, encoding)) == [f"{words} subject\n\n{words}"]


def test_a_mailbox_has_a_record_for_each_mail() -> None:
    """A line that begins with From in a text begins no mail; one that was escaped is as it was."""
    first = b"From: a\nSubject: one\n\nText here\nFrom time to time\n\nFrom the blank line on\n>From me, escaped\n\n"
    data = FROM + first + FROM + b"Subject: two\nFrom: b\n\nEnd" + b"\n\n" + FROM + b"Subject: three\n\n"
    found = scanned(mail.records, data)
    assert [record.text for record in found] == [
        "one\n\nText here\nFrom time to time\n\nFrom the blank line on\nFrom me, escaped",
        "two\n\nEnd",
        "three",
    ]
    assert found[0].stop == len(FROM + first)
    assert found[0].end == found[0].stop - 2, "what is added behind a mail does not change it"


def test_quotes_and_signatures_are_of_others() -> None:
    """Lines with > and all after the two dashes and a blank; two dashes alone are text."""
    body = b"I say\n> you said\n>> he said\n > so\nmore\n--\nstill text\n-- \nAda\nTel. 123\n"
    assert texts(mail.records, b"Subject: re\nFrom: a\n\n" + body) == ["re\n\nI say\nmore\n--\nstill text"]
    assert texts(mail.records, b"Subject: re\nFrom: a\n\n" + body.replace(b"\n", b"\r\n")) == [
        "re\n\nI say\nmore\n--\nstill text"
    ]


def parts(*made: EmailMessage | MIMEMultipart | MIMEText, kind: str = "mixed") -> MIMEMultipart:
    """Return a mail of several parts."""
    whole = MIMEMultipart(kind)
    for part in made:
        whole.attach(part)
    return whole


PLAIN, HTML = MIMEText("plain wörds", "plain", "utf-8"), MIMEText("<p>html <b>wö</b>rds</p>", "html", "utf-8")


def attached(data: bytes, kind: str = "application/pdf", name: str = "secret.pdf") -> EmailMessage:
    """Return a file in a mail."""
    made = EmailMessage()
    main, _, sub = kind.partition("/")
    made.set_content(data, maintype=main, subtype=sub, filename=name, cte="base64")
    return made


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (parts(PLAIN, HTML, kind="alternative"), "plain wörds"),
        (parts(HTML, PLAIN, kind="alternative"), "plain wörds"),
        (parts(HTML, kind="alternative"), "html wörds"),
        (parts(PLAIN, HTML), "plain wörds\n\nhtml wörds"),
        (parts(parts(PLAIN, parts(HTML, kind="related"), kind="alternative"), attached(b"words " * 99)), "plain wörds"),
        (parts(attached(b"plain text", "text/plain", "a.txt"), PLAIN), "plain wörds"),
        (parts(parts(parts(parts(PLAIN)))), "plain wörds"),
        (parts(attached(b"x" * 999, "image/png", "a.png")), ""),
    ],
)
def test_parts(whole: MIMEMultipart, expected: str) -> None:
    """Plain text, HTML only where there is no plain text of the same, and no files."""
    whole["From"], whole["Subject"] = "ada@example.org", "sub"
    assert texts(mail.records, whole.as_bytes()) == ["\n\n".join(filter(None, ["sub", expected]))]


def test_a_mail_in_a_mail() -> None:
    """Forwarded, its text is text; attached, it is a file."""
    inner = message("utf-8", "8bit")
    head = b"From: a\nSubject: fwd\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\nContent-Type: message/rfc822\n"
    assert texts(mail.records, head + b"\n" + inner + b"\n--xx--\n") == [f"fwd\n\n{LANGUAGES['utf-8']}"]
    disposition = b"Content-Disposition: attachment\n"
    assert texts(mail.records, head + disposition + b"\n" + inner + b"\n--xx--\n") == ["fwd"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Subject: s\nFrom: a", ["s"]),
        (b"Subject: s\nContent-Type: text/plain; charset=no-such\n\nt\xc3\xa9xt", ["s\n\ntéxt"]),
        (b"Subject: s\nContent-Type: text/plain; charset=punycode\n\ntext", ["s\n\ntext"]),
        (b"Subject: s\nContent-Type: text/plain; charset=rot13\n\ntext", ["s\n\ntext"]),
        (b"Subject: =?utf-8?b?=?= broken\n\ntext", None),
        (b"Subject: =?no-such?q?w=C3=A9rd?=\n\ntext", ["wérd\n\ntext"]),
        (b"Subject: raw \xc3\xa9\n\ntext", ["raw é\n\ntext"]),
        (b"Subject: s\nContent-Transfer-Encoding: base64\n\n!!!!", None),
        (b"Subject: s\nContent-Type: multipart/mixed\n\ntext", None),
        (b"Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\nin it\n--x\n--x--\n", ["s\n\nin it"]),
        (b"Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nno end", ["s\n\nno end"]),
        (b"Content-Type: multipart/mixed; boundary*0*=%ff'x;boundary*9=\"\n\ntext", None),
        (b"Content-Type: ;;;=\nContent-Disposition: =?\n\ntext", None),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_mails_that_are_not_sound(data: bytes, expected: list[str] | None) -> None:
    """One result, and none that stops the others."""
    found = texts(mail.records, data)
    assert expected is None or found == expected
    both = FROM + data + b"\n\n" + FROM + b"Subject: next\n\nmail\n"
    assert texts(mail.records, both)[-1] == "next\n\nmail"


def test_parts_in_parts_in_parts() -> None:
    """A thousand levels: what is too deep is passed over, and the next mail is read."""
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1000))
    data = FROM + b"Subject: deep\n" + levels + b"\nat the bottom\n\n" + FROM + b"Subject: next\n\nmail\n"
    assert texts(mail.records, data) == ["deep", "next\n\nmail"]


def test_random_mailboxes_are_the_same_however_they_come() -> None:
    """In pieces of any size, cut and mixed up."""
    chance = random.Random(8)
    pool = [message(charset, "base64") for charset in LANGUAGES]
    for whole in (parts(PLAIN, HTML, kind="alternative"), parts(PLAIN, attached(b"x" * 300))):
        whole["Subject"] = "parts"
        pool.append(whole.as_bytes())
    for _ in range(20):
        data = b"".join(FROM + chance.choice(pool) + b"\n\n" for _ in range(chance.randrange(1, 6)))
        if chance.random() < 0.5:
            at = chance.randrange(len(data))
            data = data[:at] + data[at + chance.randrange(200) :]
        found = scanned(mail.records, data)
        for record in found[:2]:
            again = list(mail.records(Pieces(data, 99, start=record.stop)))
            assert [other for other in again if other.end > record.stop] == [
                other for other in found if other.end > record.stop
            ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["application/zip", "text/plain"])
def test_an_attachment_of_a_hundred_megabytes_is_passed_over(kind: str) -> None:
    """A text of that length is skipped, and counted."""
    head = b"Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nthe text\n--x\n"
    head += b"Content-Type: %b\nContent-Transfer-Encoding: base64\n\n" % kind.encode()
    pieces = [FROM + head, *[b"QUJD" * 18 + b"\n"] * 10, *[(b"QUJD" * 18 + b"\n") * 10_000] * 144]
    pieces += [b"--x--\n\n" + FROM + b"Subject: next\n\nmail\n"]
    most, count = memory(mail.records, pieces)
    assert count == (kind == "text/plain")
    assert most < 4 * LIMIT
    assert [record.text for record in mail.records(Pieces(pieces))] == ["s\n\nthe text", "next\n\nmail"]
    assert skipped(mail.records(Pieces(b"no mail " * (MiB // 2)))) == 0


def test_dates_of_mails() -> None:
    """The header of each, folded or not; not those of a mail in it, and none if there is none, or no date."""
    inner = b"Content-Type: message/rfc822\n\nDate: Mon, 1 Jan 2001 10:00:00 +0000\nSubject: inner\n\ntext\n\n"
    heads = [
        b"Date: Tue, 03 Nov 2026 01:00:00 +0100\nSubject: one\n\ntext\nDate: Wed, 04 Nov 2026 00:00:00 +0000\n\n",
        b"subject: two\r\ndate:\r\n\tWed, 04 Nov 2026\r\n 00:00:00 +0000 (UTC)\r\n\r\ntext\r\n\r\n",
        b"Date: Thu, 05 Nov 2026 00:00:00 +0000\nSubject: three\n" + inner,
        b"Subject: four\n\ntext\n\n",
        b"Subject: five\n" + inner,
        b"Date: some day\nSubject: six\n\ntext\n\n",
        b"Date: Fri, 06 Nov 2026 \xff\nSubject: seven\n\ntext\n\n",
        b"Resent-Date: Fri, 06 Nov 2026 00:00:00 +0000\nSubject: eight\n\ntext\n\n",
    ]
    data = b"".join(FROM + head for head in heads)
    found = scanned(partial(mail.records, dates=DateReader()), data)
    assert dates(found) == [*(seconds(2026, 11, day) for day in (3, 4, 5)), *[None] * 5]
    bare = scanned(mail.records, data)
    assert [record._replace(date=None) for record in found] == bare
    assert {*dates(bare)} == {None}
    for record, other in zip(mail.records(Pieces(data, start=found[1].stop), DateReader()), found, strict=True):
        assert record.date == (other.date if other.end > found[1].stop else None)

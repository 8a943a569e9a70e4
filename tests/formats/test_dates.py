"""Dates as records have them: what people and programs write, and nothing that only looks like a date."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.formats.dates import NAMES, YEARS, DateReader, Written, seconds

AT = datetime(2026, 11, 3, 14, 0, 5, tzinfo=UTC)
DAY_OF_AT = datetime(2026, 11, 3, tzinfo=UTC)
EPOCH = AT.timestamp()

WRITTEN: dict[object, datetime] = {
    "2026-11-03T14:00:05Z": AT,
    "2026-11-03T14:00:05": AT,
    "2026-11-03 14:00:05": AT,
    "2026-11-03T14:00:05.123Z": AT + timedelta(milliseconds=123),
    "2026-11-03T14:00:05.123456789Z": AT + timedelta(microseconds=123456),
    "2026-11-03T16:00:05+02:00": AT,
    "2026-11-03 09:00:05 -0500": AT,
    "2026-11-03 14:00:05 UTC": AT,
    "2026/11/03 14:00:05": AT,
    "20261103T140005Z": AT,
    " 2026-11-03 ": DAY_OF_AT,
    "2026-11-03": DAY_OF_AT,
    "2026/11/03": DAY_OF_AT,
    "20261103": DAY_OF_AT,
    "2026-11": datetime(2026, 11, 1, tzinfo=UTC),
    "1880": datetime(1880, 1, 1, tzinfo=UTC),
    "1000-01-01": datetime(1000, 1, 1, tzinfo=UTC),
    "2100-12-31": datetime(2100, 12, 31, tzinfo=UTC),
    "Tue, 03 Nov 2026 15:00:05 +0100": AT,
    "Tue, 3 Nov 2026 14:00:05 GMT": AT,
    "3 Nov 2026 09:00:05 EST": AT,
    "Tue, 03 Nov 2026 15:00:05 +0100 (CET)": AT,
    "Tue Nov 03 14:00:05 +0000 2026": AT,
    "Tue Nov  3 14:00:05 2026": AT,
    "1793714405": AT,
    "1793714405.5": AT + timedelta(seconds=0.5),
    "1793714405000": AT,
    1793714405: AT,
    1793714405000.0: AT,
    1793714405000000: AT,
    1793714405000000000: AT,
    20261103: DAY_OF_AT,
    -1000000000: datetime(1938, 4, 24, 22, 13, 20, tzinfo=UTC),
    "-1000000000": datetime(1938, 4, 24, 22, 13, 20, tzinfo=UTC),
}
NONE = [
    *("", " ", "-", "now", "yesterday", "3 Nov", "5 min", "12:30", "12:30:05", "Tuesday", "v1.2.3", "hello 2026 world"),
    *("2026-13-45", "2026-02-30", "03/11/2026", "11-03-2026", "0999-12-31", "2101-01-01", "9999-12-31", "12345678"),
    *(
        "999",
        "2101",
        "20261345",
        "202611",
        "1e9",
        "99999999999999999999999",
        "Tue, 31 Feb 2026 14:00:05 +0000",
        "x" * 200,
    ),
    *(
        0,
        1,
        -1,
        12.5,
        1499.9,
        2026,
        99_999_999,
        5e9,
        4133980800,
        1e40,
        -1e40,
        1e20,
        10**400,
        math.nan,
        math.inf,
        -math.inf,
    ),
    *(True, False, None, [], ["2026-11-03"], {}, {"$date": "2026-11-03"}, b"2026-11-03"),
]


@pytest.mark.parametrize("value", WRITTEN, ids=repr)
def test_dates_are_read(value: object) -> None:
    """Strings and numbers, as programs write them; without a zone they are UTC."""
    assert DateReader().read(value) == pytest.approx(WRITTEN[value].timestamp(), abs=1e-6)


@pytest.mark.parametrize("value", NONE, ids=lambda value: repr(value)[:40])
def test_what_is_no_date_is_none(value: object) -> None:
    """Days that there are not, years long before and after, numbers that count something else, times without a day."""
    assert DateReader().read(value) is None


def test_a_number_is_a_year_only_where_somebody_says_so() -> None:
    """A number in a field called time may be milliseconds."""
    assert DateReader().read(1880) is None
    assert DateReader("year").read(1880) == DateReader("year").read(1880.0) == seconds(1880)
    assert DateReader("year").read(999) is None


def test_a_date_after_the_latest_is_none() -> None:
    """A single message from 2038 must not end the time of all others."""
    reader = DateReader(latest=EPOCH)
    assert reader.read(EPOCH) == EPOCH
    assert reader.read(EPOCH + 1) is None
    assert reader.read("2038-01-19T03:14:07Z") is None


def test_columns() -> None:
    """The usual names in their order, not in that of the table; a name that is given, or a number from 1."""
    row = [" ts", "text", "date "]
    reader = DateReader()
    assert reader.names == NAMES
    assert reader.columns(row) == [2, 0]
    assert reader.in_row(["1793714405", "a", "no date"], reader.columns(row)) == EPOCH
    assert reader.in_row(["1793714405", "a", "2026-11-03"], reader.columns(row)) == "2026-11-03"
    assert reader.in_row(["1793714405", "a"], reader.columns(row)) == EPOCH
    assert reader.in_row([], reader.columns(row)) is None
    assert DateReader("text").columns(row) == [1]
    assert DateReader("2").columns(row) == [1]
    assert DateReader("2").columns(["1", "2", "3"]) == [1]
    assert DateReader("2").columns(["2", "1"]) == [0]
    assert DateReader("4").columns(row) == DateReader("0").columns(row) == DateReader("day").columns(row) == []


def test_the_newest() -> None:
    """Of texts in any form, and of numbers; what only looked like a date, or is in the future, is left out."""
    forms: list[Written] = [
        "2026-11-03",
        "2026-11-03T14:00:04Z",
        "2026-11-03 14:00:05Z",
        "2026-11-03T14:00:04.999Z",
        EPOCH - 9,
    ]
    reader = DateReader(latest=EPOCH)
    assert reader.newest([]) is None
    assert reader.newest(forms) == reader.newest(forms[::-1]) == EPOCH
    assert reader.newest(["2026-99-99", "2026-11-04", "2026-11-02", "2026-11-01"]) == seconds(2026, 11, 2)
    assert reader.newest(["2026-99-99", "2026-11-04"]) is None


@pytest.mark.parametrize(
    "texts",
    [
        ("2026-11-03T14:00:05", "2026-11-03T15:00+02"),
        ("2026-11-03T14:00:05Z", "2026-11-03T15:00+0200"),
        ("2026-11-03T14:00:05.000Z", "2026-11-03T15:00:05+0200"),
    ],
)
def test_texts_of_one_length_in_two_forms(texts: tuple[str, str]) -> None:
    """What has a zone is read before it is compared."""
    reader = DateReader()
    looked = [date for date in map(reader.look, texts) if date is not None]
    assert reader.newest(looked) == EPOCH


@given(
    st.lists(st.datetimes(datetime(1000, 1, 2), datetime(2100, 12, 30)), min_size=1, max_size=5),
    st.sampled_from(["seconds", "milliseconds", "microseconds", "minutes", "hours"]),
    st.sampled_from(["", "Z", "+02:00", "+02"]),
    st.sampled_from("T "),
)
def test_the_newest_is_that_of_all_that_are_read(
    moments: list[datetime], precision: str, zone: str, between: str
) -> None:
    """Texts of one form are compared as they are."""
    reader = DateReader()
    written = [moment.isoformat(between, precision) + zone for moment in moments]
    looked = [date for date in map(reader.look, written) if date is not None]
    read = [date for date in map(reader.read, written) if date is not None]
    assert len(looked) == len(moments)
    assert reader.newest(looked) == max(read)


@given(st.datetimes(datetime(1000, 1, 2), datetime(2100, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_each_moment_comes_back(moment: datetime, minutes: int) -> None:
    """Whatever its zone, as ISO 8601 and as mail writes it."""
    at = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = DateReader().read
    assert read(at.isoformat()) == pytest.approx(at.timestamp(), abs=1e-4)
    assert read(format_datetime(at)) == math.floor(at.timestamp())


@given(
    st.one_of(
        st.text(max_size=40),
        st.text("0123456789-/:.TZ+ ", max_size=30),
        st.from_regex(r"(Mon|Tue), \d{1,3} (Jan|Feb) \d{1,6} \d{1,2}:\d{1,2}(:\d{1,3})? [+-]\d{1,6}"),
        st.integers(),
        st.floats(),
    )
)
def test_anything_is_a_date_or_none(value: object) -> None:
    """No text and no number raises, and what is read is within the years."""
    date = DateReader("day").read(value)
    assert date is None or seconds(YEARS[0]) <= date < seconds(YEARS[-1] + 1)

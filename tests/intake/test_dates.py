"""Dates in names of files, as people and programs write them, and none where a number is something else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.formats.dates import YEARS, seconds
from streamer.intake.dates import date_of

NAMES = {
    # days
    "2026-11-03.txt": "2026-11-03",
    "20261103.txt": "2026-11-03",
    "2026_11_03.txt": "2026-11-03",
    "2026.11.03": "2026-11-03",
    "2026 11 03 Meeting.md": "2026-11-03",
    "2026-1-3.txt": "2026-01-03",
    "app-2026-11-03.log.gz": "2026-11-03",
    "access.2026-11-03.log.3": "2026-11-03",
    "syslog-20261103.1": "2026-11-03",
    "APW_ENG_20041202.0001": "2004-12-02",
    "NYT19980612": "1998-06-12",
    "20261103a.html": "2026-11-03",
    "x-2026-11-03-2026-11-10.txt": "2026-11-03",
    "20261103-20261110.txt": "2026-11-03",
    "2026年11月3日.txt": "2026-11-03",
    "新闻2026年11月03日晚间.txt": "2026-11-03",
    "2026년 11월 3일.txt": "2026-11-03",
    "新闻20261103.txt": "2026-11-03",
    "Letters, 12 May 1843.txt": "1843-05-12",
    "Nov 3, 2026.txt": "2026-11-03",
    "november 3rd, 2026": "2026-11-03",
    "03Nov2026.txt": "2026-11-03",
    "2026-Nov-03.txt": "2026-11-03",
    "2026-W45.txt": "2026-11-02",
    "2026W451.txt": "2026-11-02",
    "13-11-2026.txt": "2026-11-13",
    "11-13-2026.txt": "2026-11-13",
    "31.12.1999": "1999-12-31",
    "03.03.2026.txt": "2026-03-03",
    "2100-12-31": "2100-12-31",
    "1000-01-01": "1000-01-01",
    # times
    "2026-11-03T14-00-05.log": "2026-11-03T14:00:05",
    "2026-11-03T14.log": "2026-11-03T14:00",
    "2026-11-03T1400Z": "2026-11-03T14:00",
    "20261103T140005Z.json": "2026-11-03T14:00:05",
    "2026-11-03T14:00:05.123Z": "2026-11-03T14:00:05",
    "2026-11-03T14:00:05+02:00.log": "2026-11-03T12:00:05",
    "2026-11-03T14-00-05-0500.log": "2026-11-03T19:00:05",
    "IMG_20261103_140005.txt": "2026-11-03T14:00:05",
    "20261103140005.txt": "2026-11-03T14:00:05",
    "20261103140005123.txt": "2026-11-03T14:00:05",
    "202611031400.txt": "2026-11-03T14:00",
    "2026-11-03 14.00.05.txt": "2026-11-03T14:00:05",
    "2026-11-03-14-00.log": "2026-11-03T14:00",
    "2026-11-03_14h30.txt": "2026-11-03T14:30",
    "2026-11-03_14_00_05": "2026-11-03T14:00:05",
    "Screenshot 2026-11-03 at 14.00.05.txt": "2026-11-03T14:00:05",
    # numbers behind a day that are no times: parts of what is of that day
    "2026-11-03-14.log": "2026-11-03",
    "2026-11-03_0001.txt": "2026-11-03",
    "2026-11-03_01_02.txt": "2026-11-03",
    "2026-11-03T99.txt": "2026-11-03",
    "20261103_996161.txt": "2026-11-03",
    # months, quarters, years
    "2026-11.txt": "2026-11-01",
    "access-2026.11.log": "2026-11-01",
    "人民日报1957年3月.txt": "1957-03-01",
    "November 2026.txt": "2026-11-01",
    "2026Q3.txt": "2026-07-01",
    "2026-Q4 report.txt": "2026-10-01",
    "1880": "1880-01-01",
    "1880.txt": "1880-01-01",
    "1880s.txt": "1880-01-01",
    "1880年.txt": "1880-01-01",
    "小说1984.txt": "1984-01-01",
    "1843 - A Christmas Carol.txt": "1843-01-01",
    "Dickens - A Christmas Carol (1843).txt": "1843-01-01",
    "1984 (1949).txt": "1949-01-01",
    "fic_1810_8641.txt": "1810-01-01",
    "1880_01.txt": "1880-01-01",
    "2026-W60.txt": "2026-01-01",
    "11/2026.txt": "2026-01-01",
    "1914-1918 war.txt": "1914-01-01",
    "report 2019 final v2.docx.txt": "2019-01-01",
    # the most exact one, and the first of those
    "2025 as seen on 2026-11-03.txt": "2026-11-03",
    "2026-11-03 about 2025-01-02.txt": "2026-11-03",
    "2025-01-02 and 2026-11-03T10-00.txt": "2026-11-03T10:00",
    # folders
    "2026/11/03/a.txt": "2026-11-03",
    "logs/2026/11/03/a.txt": "2026-11-03",
    "2026/11/03.txt": "2026-11-03",
    "2026/11/03-morning.txt": "2026-11-03",
    "2026/11/a.txt": "2026-11-01",
    "2026/11.txt": "2026-01-01",
    "2026/a.txt": "2026-01-01",
    "2026/13/a.txt": "2026-01-01",
    "2025/2026/11/a.txt": "2026-11-01",
    "letters/1843/12/40.txt": "1843-12-01",
    "year=2026/month=11/day=03/part-0000.jsonl": "2026-11-03",
    "dt=2026-11-03/part-0000.jsonl": "2026-11-03",
    "2026-11/notes/1.txt": "2026-11-01",
    "2026-11-03/events-2026.txt": "2026-11-03",
    "2026/11/1843 - A Christmas Carol.txt": "1843-01-01",
    "archive-2026-11-27/1843 - A Christmas Carol.txt": "1843-01-01",
    "2026-11-03/2025/a.txt": "2026-11-03",
}
NONE = [
    *("", "a", "notes.txt", "/", "a/b/c.txt", "v1.2.3", "v2024.10.1", "report-12345678", "page-12.txt"),
    *("03-11-2026.txt", "3.4.1999.txt", "01_02_1843", "03 11 2026 a.txt"),
    *("2026-13-45.txt", "2026-02-30.txt", "31 Feb 2026.txt", "2026-00.txt"),
    *("0999.txt", "2101.txt", "9999-12-31.txt", "30000101.txt"),
    *("+49-151-1234-5678.txt", "555-1234.txt", "555-2010.txt", "030-1843-22.txt", "1234-5678.txt", "10.0.0.1.log"),
    *("1342-0.txt", "pg1342.txt", "rfc1918.txt", "1080p.txt", "1920x1080.txt", "1,843 words.txt", "10.1000-182"),
    *("202611.txt", "2026110314.txt", "1700000000.txt", "1700000000000.log", "isbn-9781234567897.txt"),
    *("d41d8cd98f00b204e9800998ecf8427e", "a20261103f.txt", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    *("２０２６-11-03.txt", "٢٠٢٦.txt", "1918-1914.txt", "1342-0/1342-0.txt", "26-11-03.txt"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_with_dates(name: str) -> None:
    """The beginning of what is written, in UTC unless a zone is."""
    found = date_of(name)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(NAMES[name]).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", NONE)
def test_names_without_dates(name: str) -> None:
    """Other numbers, days that there are not, and dates that may be two days."""
    assert date_of(name) is None


def test_what_is_of_a_year_comes_before_what_is_of_a_day_in_it() -> None:
    """So texts of one time stay in the order of their names."""
    names = ["1880.txt", "1880-01-02.txt", "1880-02.txt", "1880-02-01T10-00.txt", "1881.txt"]
    dates = [date_of(name) or 0.0 for name in names]
    assert dates == sorted(set(dates))


def test_a_day_behind_a_folder_of_a_month_is_only_of_that_month() -> None:
    """Folders are remembered, and names in them are not."""
    assert date_of("1843/12/05 a.txt") == seconds(1843, 12, 5)
    assert date_of("1843/12/06 a.txt") == seconds(1843, 12, 6)
    assert date_of("1843/12/a.txt") == seconds(1843, 12)


PARTS = st.sampled_from([*"0123456789-_./ TZ年月日()sQWa", "2026", "1880", "11", "03", "May", "at", "+02:00", "\udcff"])


@given(st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=25).map("".join)))
@example("2026" * 200)
@example("1 May " * 100)
@example("/".join(["2026", "11"] * 200))
def test_any_name_has_a_date_or_none(name: str) -> None:
    """No name raises, and what is found is within the years, or a zone away from them."""
    date = date_of(name)
    assert date is None or seconds(YEARS[0]) - 20 * 3600 <= date < seconds(YEARS[-1] + 1) + 20 * 3600

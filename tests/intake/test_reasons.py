"""Classes of reasons: one for each row of the page, whatever figures and names a reason has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamer.intake.reasons import reason_class

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
WITH_CLASS = re.findall(r"^\| (`.+?)(?:, or another.*?|; likewise.*?)? \| (`.+?`|itself) \| ", PAGE, re.M)
OF_FIGURES = re.compile(r"\d %|limit|see --|for example|--on-change|incorrect")


@pytest.mark.parametrize(("reason", "found"), WITH_CLASS, ids=[reason for reason, _ in WITH_CLASS])
def test_the_page_says_the_class_of_each_reason(reason: str, found: str) -> None:
    """What docs/files.md says of a reason holds; a class of a class is itself; no figures of a file are left in it."""
    reason = reason.strip("`")
    expected = reason if found == "itself" else found.strip("`")
    assert reason_class(reason) == expected
    assert reason_class(expected) == expected
    assert not OF_FIGURES.search(expected)


def test_all_rows_were_found() -> None:
    """Each reason of the page is in one of the two tables, with its class."""
    tables = PAGE.partition("## Reasons")[2].partition("## What is counted")[0]
    rows = [line for line in tables.splitlines() if line.startswith("| `")]
    assert len(WITH_CLASS) == len(rows) > 20


@pytest.mark.parametrize(
    ("reasons", "found"),
    [
        (
            [f"not text in utf-8: {share} % of its characters can't be decoded (limit 1 %)" for share in (2, 4.5, 100)],
            "not text in utf-8",
        ),
        (
            ["not text in utf-16-le by its byte-order mark: 3 % of its characters can't be decoded (limit 1 %)"],
            "not text in utf-16-le by its byte-order mark",
        ),
        (
            ["sparse: 2 % of its bytes are holes (limit 1 %)", "sparse: 3 % of its bytes are holes (limit 2 %)"],
            "sparse",
        ),
        (["gzip: damaged (incorrect data check)", "gzip: damaged (invalid block type)"], "gzip: damaged"),
        (["xz: damaged (Corrupt input data)"], "xz: damaged"),
        (["csv: no column a: b; see --field", "csv: no column 7; see --field"], "csv: no such column"),
        (["cannot be read: Permission denied"], "cannot be read: Permission denied"),
        ([""], ""),
    ],
)
def test_figures_and_names_make_no_class(reasons: list[str], found: str) -> None:
    """Files that have the same wrong with them are of one class."""
    assert {reason_class(reason) for reason in reasons} == {found}

"""Named periods on the site's own clock."""

from __future__ import annotations

import pytest

from plant.errors import ConfigError
from reports.periods import label_of, named_period

NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("2026-03-08", 23),
        ("2026-11-01", 25),
        ("2026-10", 31 * 24),
        ("2026-11", 30 * 24 + 1),
        ("2026-Q1", 90 * 24 - 1),
        ("2026-q4", 92 * 24 + 1),
        ("2026", 365 * 24),
        ("2028", 366 * 24),
        ("2026-10-30..2026-11-02", 4 * 24 + 1),
        ("2026-Q1..2026-Q2", 181 * 24 - 1),
    ],
)
def test_a_period_is_as_long_as_the_local_clock_says(name: str, hours: int) -> None:
    found = named_period(name, NEW_YORK)
    assert (found.end - found.start).total_seconds() == hours * 3600
    assert found.start.astimezone(found.start.tzinfo).utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_a_month_begins_at_local_midnight() -> None:
    assert named_period("2026-10", NEW_YORK).start.isoformat() == "2026-10-01T04:00:00+00:00"
    assert named_period("2026-10", "Asia/Kolkata").start.isoformat() == "2026-09-30T18:30:00+00:00"


@pytest.mark.parametrize("name", ["2026", "2026-Q2", "2026-02", "2026-10-25", "2026-10-03..2026-10-09"])
def test_a_span_is_called_what_a_person_would_call_it(name: str) -> None:
    found = named_period(name, NEW_YORK)
    assert label_of(found.start, found.end, NEW_YORK) == name


def test_two_months_that_are_no_quarter_are_told_by_their_days() -> None:
    found = named_period("2026-02..2026-03", NEW_YORK)
    assert label_of(found.start, found.end, NEW_YORK) == "2026-02-01..2026-03-31"


@pytest.mark.parametrize(
    "name",
    ["", "october", "2026-13", "2026-00", "2026-Q5", "2026-02-30", "26", "2026-10..", "..2026", "20261",
     "2026-10-01..2026-09-01", "0001", "9999", "2026-10-01T00:00", "2026..2027..2028", "２０２６-1"],
)  # fmt: skip
def test_what_names_no_period_is_one_line(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        named_period(name, NEW_YORK)
    assert "\n" not in str(refused.value)

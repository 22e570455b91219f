"""What a report draws: hours of a day, days of a month, and how a gap is shown."""

from __future__ import annotations

import math

import pytest
from made_up_plant import MadeUpPlant
from made_up_reports import LossyHistorian, made_report

from reports.baseline_model import BaselineModel
from reports.figures import Figure
from reports.periods import Split
from reports.writers.charts import energy_chart, saving_chart


def names(svg: bytes | None) -> list[str]:
    """The texts of a chart in order; matplotlib keeps each as a comment beside its outlines."""
    assert svg is not None
    return [line.strip()[5:-4] for line in svg.decode().splitlines() if line.strip().startswith("<!-- ")]


def test_a_day_is_shown_by_its_hours_and_they_add_up_to_it(
    made_up: MadeUpPlant, model: BaselineModel
) -> None:
    report = made_report(made_up, model, "2026-07-01")
    assert [part.label for part in report.course][::6] == [
        "07-01 00:00", "07-01 06:00", "07-01 12:00", "07-01 18:00",
    ]  # fmt: skip
    for figure in Figure:
        assert math.fsum(p.totals[figure] for p in report.course) == pytest.approx(
            report.whole.account.totals[figure]
        )
        assert math.fsum(p.baseline[figure] for p in report.course) == pytest.approx(
            report.whole.account.baseline[figure]
        )
    for chart in (energy_chart(report), saving_chart(report)):
        assert {"03:00", "21:00", "energy [kWh]"} <= set(names(chart))


def test_the_hour_in_which_clocks_go_back_comes_twice(made_up: MadeUpPlant) -> None:
    # New York, 1 November 2026: 25 hours, of which two are called one o'clock.
    hours = [part.label for part in made_report(made_up, None, "2026-11-01").course]
    assert len(hours) == 25
    assert hours.count("11-01 01:00") == 2


def test_the_day_in_which_clocks_go_forward_has_no_two_o_clock(made_up: MadeUpPlant) -> None:
    hours = [part.label for part in made_report(made_up, None, "2026-03-08").course]
    assert len(hours) == 23
    assert "03-08 02:00" not in hours


def test_a_month_in_one_row_is_shown_by_its_days(made_up: MadeUpPlant) -> None:
    report = made_report(made_up, None, "2026-11")
    assert [p.label for p in report.course] == [f"2026-11-{day:02}" for day in range(1, 31)]
    longest = max(report.course, key=lambda p: p.totals.it_kwh)
    assert longest.label == "2026-11-01"  # 25 hours


def test_a_year_is_shown_by_its_months(made_up: MadeUpPlant) -> None:
    report = made_report(made_up, None, "2026-01..2026-03", split=Split.MONTH)
    assert report.course == ()
    assert {"2026-01", "2026-02", "2026-03", "energy [MWh]"} <= set(names(energy_chart(report)))
    assert saving_chart(report) is None


def test_a_bar_with_a_gap_is_marked_and_one_without_is_not(made_up: MadeUpPlant) -> None:
    whole = made_report(made_up, None, "2026-07-01")
    holed = made_report(made_up, None, "2026-07-01", source=LossyHistorian(made_up, lost=0.1))
    mark = "partly unknown: too low"
    assert [mark in names(energy_chart(r)) for r in (whole, holed)] == [False, True]
    assert max(p.unknown_share for p in whole.course) == 0.0

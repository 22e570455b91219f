"""The energy report: local periods, ratios withheld when thin, and files nobody can misread."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from made_up_plant import START, MadeUpPlant

from plant.errors import ConfigError
from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.history import History
from plant.site import Site
from plant.timegrid import TimeGrid
from reports.baseline import BaselineModel
from reports.energy import energy_report
from reports.periods import Split, cut
from reports.provenance import config_sha256
from reports.report_record import EnergyReport
from reports.writers.csv import neutral, to_csv
from reports.writers.json import to_json


@dataclass
class MadeUpHistorian:
    """Satisfies `HistorySource` with the made-up plant."""

    plant: MadeUpPlant
    measured: float = 1.0

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        hours = math.ceil((end - start).total_seconds() / 3600)
        made = self.plant.history(hours, step_s=step_s, start=start, noise=0.0)
        steps = int((end - start).total_seconds()) // step_s
        return History(
            site, step_s, made.values.iloc[:steps], made.measured_share.iloc[:steps] * self.measured
        )


def carbon(a: datetime, b: datetime) -> CarbonSeries:
    steps = math.ceil((b - a).total_seconds() / 3600)
    return CarbonSeries(TimeGrid(a, 3600, steps), np.full(steps, 400.0), CarbonKind.AVERAGE, "grid", True)


def price(a: datetime, b: datetime) -> PriceSeries:
    steps = math.ceil((b - a).total_seconds() / 3600)
    return PriceSeries(TimeGrid(a, 3600, steps), np.full(steps, 0.1), "EUR", "tariff")


def report(
    plant: MadeUpPlant,
    model: BaselineModel | None = None,
    *,
    days: int = 3,
    split: Split = Split.DAY,
    measured: float = 1.0,
    site: Site | None = None,
) -> EnergyReport:
    return energy_report(
        site or plant.site,
        MadeUpHistorian(plant, measured),
        START,
        START + timedelta(days=days),
        carbon=carbon,
        price=price,
        baseline=model,
        generated_at=START,
        split=split,
    )


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_day_of_the_clock_change_has_23_or_25_hours() -> None:
    def hours(month: int, day: int) -> float:
        start = datetime(2026, month, day, 16, tzinfo=UTC) - timedelta(days=1)  # noon of the day before
        parts = cut(start, start + timedelta(days=3), "America/New_York", Split.DAY, 900)
        return (parts[1][1] - parts[1][0]).total_seconds() / 3600

    assert hours(3, 8) == 23
    assert hours(11, 1) == 25
    assert hours(6, 1) == 24


def test_months_begin_at_local_midnight() -> None:
    parts = cut(
        datetime(2026, 1, 15, tzinfo=UTC),
        datetime(2026, 3, 15, tzinfo=UTC),
        "Europe/Berlin",
        Split.MONTH,
        900,
    )
    assert [a.isoformat() for a, _ in parts] == [
        "2026-01-15T00:00:00+00:00",
        "2026-01-31T23:00:00+00:00",
        "2026-02-28T23:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "before it begins"),
        (datetime(2026, 1, 1), datetime(2026, 1, 2), "no time zone"),  # noqa: DTZ001
        (datetime(2026, 1, 1, 0, 7, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "begin and end on a step"),
    ],
)
def test_a_period_that_cannot_be_meant_is_refused_in_one_line(
    start: datetime, end: datetime, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        cut(start, end, "UTC", Split.WHOLE, 900)
    assert "\n" not in str(refused.value)


def test_the_whole_is_the_sum_of_its_days(made_up: MadeUpPlant, model: BaselineModel) -> None:
    found = report(made_up, model)
    days = sum(row.account.totals.facility_kwh for row in found.parts)
    assert found.whole.account.totals.facility_kwh == pytest.approx(days)
    assert len(found.parts) == 4  # three times 24 h cut at midnights in New York


def test_pue_is_interim_with_its_category_and_divides_sums(made_up: MadeUpPlant) -> None:
    found = report(made_up)
    pue = found.whole.ratios[0]
    totals = found.whole.account.totals
    assert pue.kpi.name == "interim PUE (category 1)"
    assert pue.kpi.value == pytest.approx(totals.facility_kwh / totals.it_kwh)
    mean_of_days = np.mean([row.ratios[0].kpi.value for row in found.parts])
    assert pue.kpi.value != pytest.approx(mean_of_days, rel=1e-6)


def test_cue_of_an_all_grid_site_is_pue_times_the_factor(made_up: MadeUpPlant) -> None:
    ratios = {r.key: r.kpi.value for r in report(made_up).whole.ratios}
    assert ratios["cue"] == pytest.approx(ratios["pue"] * 0.4)


def test_pue_is_withheld_on_too_little_measured_data(made_up: MadeUpPlant) -> None:
    at_the_limit = report(made_up, measured=0.9).whole.ratios[0]
    below = report(made_up, measured=0.89).whole.ratios[0]
    assert at_the_limit.withheld is None
    assert math.isnan(below.kpi.value)
    assert below.withheld == "only 89.0% of facility_kwh was measured, 90% is needed"


def test_csv_names_the_unit_of_every_number(made_up: MadeUpPlant, model: BaselineModel) -> None:
    row = rows_of(to_csv(report(made_up, model)))[-1]
    units = ("_kwh", "_kg", "_eur", "_l", "_h", "_ratio")
    numbers = [name for name, text in row.items() if text and text.lstrip("-").replace(".", "", 1).isdigit()]
    assert numbers
    labels = {"factor_year", "report_version", "period"}
    assert {n for n in numbers if not n.endswith((*units, "_per_kwh", "_per_ton"))} <= labels


def test_csv_gives_every_number_to_the_last_digit(made_up: MadeUpPlant, model: BaselineModel) -> None:
    found = report(made_up, model)
    row = rows_of(to_csv(found))[-1]
    whole = found.whole.account
    assert float(row["facility_kwh"]) == whole.totals.facility_kwh
    assert float(row["saving_low_facility_kwh"]) == whole.interval.low.facility_kwh
    assert row["factor_source"] == "grid"
    assert row["factor_synthetic"] == "true"
    assert row["baseline_id"] == model.id
    assert row["facility_data_quality"] == "OK"


def test_csv_is_rfc_4180_with_one_row_a_part_and_the_whole(made_up: MadeUpPlant) -> None:
    text = to_csv(report(made_up))
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert "\n" not in text.replace("\r\n", "")
    assert len(rows_of(text)) == 5
    assert len({len(r) for r in csv.reader(io.StringIO(text, newline=""))}) == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_that_is_a_formula_is_neutralized(made_up: MadeUpPlant, text: str) -> None:
    site = replace(made_up.site, name=text)
    row = rows_of(to_csv(report(made_up, site=site)))[0]
    assert row["site_name"] == f"'{text}"


def test_an_ordinary_name_is_left_alone() -> None:
    assert neutral('Hall "A", north') == 'Hall "A", north'


def test_a_loss_is_a_negative_number_not_a_text(made_up: MadeUpPlant, model: BaselineModel) -> None:
    class Worse(MadeUpHistorian):
        def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
            history = super().history(site, start, end, step_s)
            history.values["utility-meter.power"] *= 1.2
            return history

    found = energy_report(
        made_up.site, Worse(made_up), START, START + timedelta(days=1),
        carbon=carbon, price=price, baseline=model, generated_at=START,
    )  # fmt: skip
    assert float(rows_of(to_csv(found))[0]["saving_facility_kwh"]) < 0


def test_a_gap_is_an_empty_cell_and_a_null(made_up: MadeUpPlant) -> None:
    found = report(made_up)
    assert rows_of(to_csv(found))[0]["baseline_facility_kwh"] == ""
    body = json.loads(to_json(found), parse_constant=pytest.fail)
    assert body["baseline"]["facility_kwh"] is None


def test_json_has_what_the_demo_promises(made_up: MadeUpPlant, model: BaselineModel) -> None:
    body = json.loads(to_json(report(made_up, model)))
    names = ["facility_kwh", "it_kwh", "cooling_kwh", "carbon_kg", "cost", "water_l"]
    for part in ("totals", "baseline", "saving"):
        assert list(body[part]) == names
    assert body["ratios"]["pue"]["unit"] == "1"
    assert body["carbon"]["factor_kind"] == "average"
    assert body["shares"]["facility_kwh"]["measured"] == 1


def test_the_config_hash_follows_the_content_not_the_file(demo_site: Site) -> None:
    assert config_sha256(replace(demo_site, source_file=None)) == config_sha256(demo_site)
    assert config_sha256(replace(demo_site, pue_category=2)) != config_sha256(demo_site)

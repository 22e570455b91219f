"""Carbon on each basis for itself, and regulation profiles that never guess a field."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from made_up_plant import MadeUpPlant
from made_up_reports import SUPPLIED, LossyHistorian, carbon_of, made_report, supplied_file

from plant.errors import ConfigError
from plant.forecast import CarbonKind
from reports.account_record import by_kind_of_carbon, combine
from reports.baseline import BaselineModel
from reports.carbon import Basis
from reports.profile import FieldValue, Filled, known_profiles, load_profile
from reports.report_record import EnergyReport
from reports.supplied import Supplied
from reports.supplied_file import load_supplied


@pytest.fixture
def supplied(made_up: MadeUpPlant, tmp_path: Path) -> Supplied:
    return load_supplied(supplied_file(tmp_path), made_up.site.timezone)


def field(report: EnergyReport, key: str) -> FieldValue:
    assert report.profile is not None
    return next(v for v in report.profile.values if v.field.key == key)


def test_market_based_takes_contracts_then_the_residual_mix(made_up: MadeUpPlant, supplied: Supplied) -> None:
    report = made_report(made_up, None, supplied=supplied)
    facility = report.whole.account.totals.facility_kwh
    rest = (facility - 20_000) / 2
    # 20 000 kWh at 12 g, half of what is left at the supplier's 300 g, the other half at the residual 480 g
    expected = (20_000 * 12 + rest * 300 + rest * 480) / 1000
    assert report.whole.carbon.total_kg(Basis.MARKET) == pytest.approx(expected)
    sums = sum(r.kwh for r in report.whole.carbon.rows if r.basis is Basis.MARKET)
    assert sums == pytest.approx(facility)


def test_location_based_ignores_contracts(made_up: MadeUpPlant, supplied: Supplied) -> None:
    with_contracts = made_report(made_up, None, supplied=supplied).whole.carbon.total_kg(Basis.LOCATION)
    without = made_report(made_up, None).whole.carbon.total_kg(Basis.LOCATION)
    assert with_contracts == without > 0


def test_a_contract_of_a_year_covers_a_day_with_its_part_of_the_volume(
    made_up: MadeUpPlant, tmp_path: Path
) -> None:
    text = SUPPLIED.replace("last_day: 2026-07-03, kwh: 20000", "last_day: 2026-07-10, kwh: 20000")
    supplied = load_supplied(supplied_file(tmp_path, text), made_up.site.timezone)
    report = made_report(made_up, None, "2026-07-02", supplied=supplied)
    wind = next(r for r in report.whole.carbon.rows if r.key == "market/wind-1")
    assert wind.kwh == pytest.approx(2000)


def test_without_a_residual_mix_the_rest_is_asked_for_and_no_total_given(made_up: MadeUpPlant) -> None:
    report = made_report(made_up, None)
    assert math.isnan(report.whole.carbon.total_kg(Basis.MARKET))
    row = next(r for r in report.whole.carbon.rows if r.key == "market/rest")
    assert row.withheld is not None
    assert row.withheld.startswith("operator must supply residual_mix")


def test_fuel_is_scope_1_and_in_no_electricity_total(made_up: MadeUpPlant, supplied: Supplied) -> None:
    report = made_report(made_up, None, supplied=supplied)
    assert report.whole.carbon.total_kg(Basis.FUEL) == pytest.approx(400 * 2.68)
    assert report.whole.account.totals.carbon_kg == made_report(made_up, None).whole.account.totals.carbon_kg


def test_a_marginal_feed_is_never_location_based(made_up: MadeUpPlant) -> None:
    report = made_report(made_up, None, carbon=carbon_of(700.0, CarbonKind.MARGINAL))
    row = next(r for r in report.whole.carbon.rows if r.basis is Basis.LOCATION)
    assert math.isnan(row.kg)
    assert row.withheld is not None
    assert "marginal" in row.withheld


def test_avoided_emissions_stand_on_both_factors_beside_the_inventory(
    made_up: MadeUpPlant, model: BaselineModel
) -> None:
    worse = LossyHistorian(made_up, more_kw=-40.0)
    both = made_report(made_up, model, source=worse, marginal=carbon_of(800.0, CarbonKind.MARGINAL))
    average = both.whole.carbon.total_kg(Basis.AVOIDED_AVERAGE)
    marginal = both.whole.carbon.total_kg(Basis.AVOIDED_MARGINAL)
    assert marginal > 1.5 * average > 0
    assert both.whole.carbon.total_kg(Basis.LOCATION) == both.whole.account.totals.carbon_kg


def test_every_row_with_an_amount_has_a_factor_with_source_year_and_kind(
    made_up: MadeUpPlant, supplied: Supplied, model: BaselineModel
) -> None:
    report = made_report(made_up, model, supplied=supplied)
    for row in report.whole.carbon.rows:
        if row.withheld is None:
            assert row.factor is not None
            assert row.factor.source
            assert row.factor.kind
            assert 1990 < row.factor.year < 2100


def test_accounts_whose_feed_changed_its_kind_are_told_run_by_run(made_up: MadeUpPlant) -> None:
    days = [
        made_report(made_up, None, f"2026-07-0{d}", carbon=carbon_of(400.0, kind)).whole.account
        for d, kind in ((1, CarbonKind.AVERAGE), (2, CarbonKind.AVERAGE), (3, CarbonKind.MARGINAL))
    ]
    with pytest.raises(ValueError, match="kinds of carbon"):
        combine(days)
    runs = by_kind_of_carbon(days)
    assert [r.carbon.kind for r in runs] == [CarbonKind.AVERAGE, CarbonKind.MARGINAL]
    assert runs[0].totals.facility_kwh == pytest.approx(sum(d.totals.facility_kwh for d in days[:2]))


@pytest.mark.parametrize("name", known_profiles())
def test_every_field_of_a_profile_has_a_value_or_says_what_is_missing(
    made_up: MadeUpPlant, supplied: Supplied, name: str
) -> None:
    report = made_report(made_up, None, supplied=supplied, profile=load_profile(name))
    assert report.profile is not None
    for v in report.profile.values:
        assert (v.value is None) == (v.filled in (Filled.OPERATOR, Filled.WITHHELD)), v
        assert v.source, v
    assert "nothing is annualized" in (report.profile.period_note or "")


def test_total_energy_has_the_fuels_in_it_and_water_is_cubic_meters(
    made_up: MadeUpPlant, supplied: Supplied
) -> None:
    report = made_report(made_up, None, supplied=supplied, profile=load_profile("eu-2024-1364"))
    totals = report.whole.account.totals
    assert field(report, "total_energy").value == pytest.approx(totals.facility_kwh + 400 * 10)
    assert field(report, "water_input").value == pytest.approx(totals.water_l / 1000)
    assert field(report, "renewable_ppa").value == 20_000
    assert field(report, "renewable_guarantees").value == 0


def test_an_operators_field_names_its_evidence_and_a_missing_one_where_to_supply_it(
    made_up: MadeUpPlant, supplied: Supplied
) -> None:
    report = made_report(made_up, None, supplied=supplied, profile=load_profile("eu-2024-1364"))
    known, unknown = field(report, "refrigerants"), field(report, "server_capacity")
    assert (known.value, known.evidence) == ("R-513A", "log.pdf")
    assert (unknown.filled, unknown.source) == (Filled.OPERATOR, "facts: server_capacity")


def test_a_metered_field_is_withheld_where_too_little_was_measured(made_up: MadeUpPlant) -> None:
    thin = LossyHistorian(made_up, lost=0.2)
    report = made_report(made_up, None, source=thin, profile=load_profile("eu-2024-1364"))
    energy = field(report, "it_energy")
    assert energy.filled is Filled.WITHHELD
    assert energy.note == "only 79.9% was measured, 90% is needed"


@pytest.mark.parametrize(
    ("started", "said"),
    [
        ("2024-05-01", "≤ 1.5 from 2027-07-01: met so far (not yet in force)"),
        ("2026-08-01", "does not apply"),
    ],
)
def test_the_german_limit_depends_on_when_operation_started(
    made_up: MadeUpPlant, supplied: Supplied, tmp_path: Path, started: str, said: str
) -> None:
    text = SUPPLIED + f"  - {{key: operation_start, value: {started}, source: permit, evidence: p.pdf}}\n"
    known = load_supplied(supplied_file(tmp_path, text), made_up.site.timezone)
    report = made_report(made_up, None, supplied=known, profile=load_profile("de-enefg-11"))
    assert said in field(report, "pue").note
    silent = made_report(made_up, None, supplied=supplied, profile=load_profile("de-enefg-11"))
    assert "operator must supply operation_start" in field(silent, "pue").note


def test_a_profile_nobody_knows_is_one_line_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="de-enefg-11, esrs-e1, eu-2024-1364, ghg-scope-2"):
        load_profile("../etc")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("kwh: 20000", "kwh: .nan"), "contracts.0.kwh"),
        (("renewable: true", "renewabel: true"), "renewabel"),
        (("kwh: 20000, ", ""), "only a supplier"),
        (("id: green-half", "id: wind-1"), "same id"),
        (("last_day: 2026-07-03, kwh", "last_day: 2026-06-03, kwh"), "before first_day"),
        (("evidence: log.pdf", "evidence: ''"), "evidence"),
        (("schema_version: 1", "schema_version: ["), "not valid YAML"),
    ],
)
def test_a_mistake_in_the_operators_file_is_one_line(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    assert change[0] in SUPPLIED
    with pytest.raises(ConfigError, match=words) as refused:
        load_supplied(supplied_file(tmp_path, SUPPLIED.replace(*change)), "UTC")
    assert "\n" not in str(refused.value)


def test_the_same_report_without_a_baseline_has_no_avoided_emissions(made_up: MadeUpPlant) -> None:
    rows = made_report(made_up, None).whole.carbon.rows
    assert [r.withheld for r in rows if r.key == "avoided/average"] == [
        "there is no baseline to compare with"
    ]

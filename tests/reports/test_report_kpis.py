"""KPIs against numbers worked out by hand, and withheld where the data do not carry them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_plant import START, MadeUpPlant
from made_up_reports import LossyHistorian, made_report, supplied_file

from plant.history import History
from plant.quantities import Quantity
from plant.site import Site
from reports.kpis import DEFINITIONS, KpiKey, KpiValue, quotient
from reports.pairs import PairKey, heat_removed_kw, pair_rates, pair_sums
from reports.report_record import EnergyReport
from reports.series import read_series
from reports.supplied_file import load_supplied


def steady(site: Site, values: dict[Quantity, float], hours: int = 4) -> History:
    """Every point of a quantity at one value."""
    index = pd.date_range(START, periods=hours, freq="h")
    columns = {p.id: np.full(hours, values[p.quantity]) for p in site.points if p.quantity in values}
    frame = pd.DataFrame(columns, index=index)
    return History(site, 3600, frame, pd.DataFrame(1.0, index=index, columns=frame.columns))


def value(report: EnergyReport, key: KpiKey) -> KpiValue:
    return next(k for k in report.whole.kpis if k.definition.key is key)


def test_heat_removed_is_flow_times_density_heat_capacity_and_difference(demo_site: Site) -> None:
    # 50 L/s of water over 6 K: 0.05 m3/s * 997 kg/m3 * 4.186 kJ/(kg K) * 6 K = 1252.0 kW
    history = steady(
        demo_site,
        {
            Quantity.CHILLED_WATER_FLOW: 0.05,
            Quantity.CHILLED_WATER_RETURN_TEMPERATURE: 14.0,
            Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: 8.0,
            Quantity.COOLING_POWER: 250.4,
            Quantity.IT_POWER: 1000.0,
        },
    )
    found = heat_removed_kw(history)
    assert found is not None
    assert found[0] == pytest.approx(np.full(4, 1252.0), abs=0.1)
    pair = pair_sums(pair_rates(history, read_series(history)), 1.0)[PairKey.HEAT_PER_COOLING]
    assert pair.value == pytest.approx(5.0, abs=0.001)
    # 1 ton is 3.5169 kW: 250.4 kW for 356.0 tons is 0.7034 kW/ton
    kw_per_ton = quotient(KpiKey.KW_PER_TON, pair.numerator, pair.denominator)
    assert kw_per_ton == pytest.approx(0.7034, abs=1e-4)


def test_the_rack_cooling_index_is_herrlins(demo_site: Site) -> None:
    # 24 sensors at 29 °C: 2 K of the 5 K between 27 and 32 each, so RCI_HI = 1 - 2/5 = 60 %; none too cold
    history = steady(demo_site, {Quantity.INLET_TEMPERATURE: 29.0})
    pairs = pair_sums(pair_rates(history, read_series(history)), 1.0)
    high, low = pairs[PairKey.ABOVE_RECOMMENDED], pairs[PairKey.BELOW_RECOMMENDED]
    assert quotient(KpiKey.RCI_HI, high.numerator, high.denominator) == pytest.approx(0.6)
    assert quotient(KpiKey.RCI_LO, low.numerator, low.denominator) == 1.0
    cold = steady(demo_site, {Quantity.INLET_TEMPERATURE: 16.5})  # half way from 18 down to 15
    low = pair_sums(pair_rates(cold, read_series(cold)), 1.0)[PairKey.BELOW_RECOMMENDED]
    assert quotient(KpiKey.RCI_LO, low.numerator, low.denominator) == pytest.approx(0.5)


def test_the_return_heat_index_is_sharmas(demo_site: Site) -> None:
    # supply 18, inlet 21, return 33: SHI = 3/15, RHI = 80 %
    history = steady(
        demo_site,
        {
            Quantity.SUPPLY_AIR_TEMPERATURE: 18.0,
            Quantity.RETURN_AIR_TEMPERATURE: 33.0,
            Quantity.INLET_TEMPERATURE: 21.0,
            Quantity.FAN_SPEED: 0.7,
        },
    )
    pair = pair_sums(pair_rates(history, read_series(history)), 1.0)[PairKey.RECIRCULATED]
    assert quotient(KpiKey.RHI, pair.numerator, pair.denominator) == pytest.approx(0.8)


def test_partial_pue_of_cooling_is_one_and_cooling_over_it(made_up: MadeUpPlant) -> None:
    report = made_report(made_up, None)
    totals = report.whole.account.totals
    expected = 1 + totals.cooling_kwh / totals.it_kwh
    assert value(report, KpiKey.PPUE).value == pytest.approx(expected)


def test_a_tenth_of_the_samples_dropped_is_a_tenth_missing_and_pue_goes_at_the_limit(
    made_up: MadeUpPlant,
) -> None:
    # Three days are 288 quarter hours: 28 lost leave 90.3 %, 29 leave 89.9 %.
    shown = made_report(made_up, None, source=LossyHistorian(made_up, lost=28 / 288))
    withheld = made_report(made_up, None, source=LossyHistorian(made_up, lost=29 / 288))
    for share in withheld.whole.account.shares.values():
        assert share.missing == pytest.approx(0.10, abs=0.001)
        assert share.measured == pytest.approx(0.90, abs=0.001)
    assert value(shown, KpiKey.PUE).value > 1
    pue = value(withheld, KpiKey.PUE)
    assert math.isnan(pue.value)
    assert pue.withheld == "only 89.9% was measured, 90% is needed"


def test_what_only_the_operator_knows_is_asked_for(made_up: MadeUpPlant) -> None:
    report = made_report(made_up, None)
    assert value(report, KpiKey.ERF).withheld == "operator must supply heat_reused_kwh"
    assert value(report, KpiKey.REF).withheld == "operator must supply contracts"
    assert value(report, KpiKey.WUE_FRESH).withheld == "operator must supply freshwater_m3"


def test_reuse_and_renewable_factors_come_from_what_was_supplied(
    made_up: MadeUpPlant, tmp_path: Path
) -> None:
    supplied = load_supplied(supplied_file(tmp_path), made_up.site.timezone)
    report = made_report(made_up, None, supplied=supplied)
    facility = report.whole.account.totals.facility_kwh
    assert value(report, KpiKey.ERF).value == pytest.approx(1500 / facility)
    assert value(report, KpiKey.REF).value == pytest.approx(20_000 / facility)


def test_a_years_figure_says_nothing_of_a_month(made_up: MadeUpPlant, tmp_path: Path) -> None:
    supplied = load_supplied(supplied_file(tmp_path), made_up.site.timezone)
    start, end = datetime(2026, 7, 1, 4, tzinfo=UTC), datetime(2026, 7, 2, 4, tzinfo=UTC)
    assert math.isnan(supplied.amount("heat_reused_kwh", start, end))


def test_a_site_without_the_points_says_so(made_up: MadeUpPlant) -> None:
    gone = {Quantity.CHILLED_WATER_FLOW}
    site = replace(made_up.site, points=tuple(p for p in made_up.site.points if p.quantity not in gone))
    report = made_report(MadeUpPlant(site), None)
    assert value(report, KpiKey.CER).withheld == "the site file has no points for it"


def test_every_definition_has_a_version_a_unit_and_a_source() -> None:
    assert all(d.version and d.unit and d.source and d.formula for d in DEFINITIONS.values())
    assert list(DEFINITIONS) == list(KpiKey)

"""How each cell of a report is computed, as data: a small tree of operations over evidence columns.

Operations: `integral` (Σ of a rate over the steps of each piece in which all of `where` are known, times
step_h, pieces added in order), `hours`, `measured_share`, `quotient`, `difference`, `sum`, `scale`,
`number`, `half_width` (of a saving), `allocated` and `left_over` (contracts). docs/reports.md says each.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from reports.account_record import Account
from reports.baseline_part import WIDEST_SHARE, BaselinePart, Stake
from reports.carbon import Basis, CarbonRow
from reports.evidence import (
    BASELINE,
    MARGINAL_BASELINE,
    MARGINAL_RATE,
    RATE,
    SPARSE,
    SPARSE_STAKE,
    STAKE,
    pair_columns,
    share_column,
)
from reports.figures import Figure
from reports.kpis import KW_PER_TON, KpiKey, KpiValue
from reports.pairs import PairKey
from reports.report_record import ReportRow
from reports.statistics import CONFIDENCE, SPARSE_ALLOWANCE
from reports.supplied import Supplied, offers

Trace = dict[str, Any]
_METERED_BY = {Figure.CARBON: Figure.FACILITY, Figure.COST: Figure.FACILITY}
_PAIRS = {
    KpiKey.PPUE: PairKey.COOLING_PER_IT,
    KpiKey.CER: PairKey.HEAT_PER_COOLING,
    KpiKey.KW_PER_TON: PairKey.HEAT_PER_COOLING,
    KpiKey.RCI_HI: PairKey.ABOVE_RECOMMENDED,
    KpiKey.RCI_LO: PairKey.BELOW_RECOMMENDED,
    KpiKey.RHI: PairKey.RECIRCULATED,
}
_OVER_IT = {KpiKey.PUE: Figure.FACILITY, KpiKey.WUE: Figure.WATER, KpiKey.CUE: Figure.CARBON}


@dataclass(frozen=True)
class CellTrace:
    """A cell's value, unit and how it is computed; `withheld` says why there is no value."""

    value: float
    unit: str
    trace: Trace
    withheld: str | None = None


def row_cells(row: ReportRow, supplied: Supplied) -> dict[str, CellTrace]:
    """Every cell of a row, by name."""
    found: dict[str, CellTrace] = {}
    for figure in Figure:
        found |= _figure_cells(row.account, figure)
    for kpi in row.kpis:
        trace = _kpi(kpi, row.account, supplied)
        found[kpi.definition.key.value] = CellTrace(kpi.value, kpi.definition.unit, trace, kpi.withheld)
    for line in row.carbon.rows:
        trace = _carbon(line, row.account, supplied)
        found[f"{line.key}_kg"] = CellTrace(line.kg, "kg", trace, line.withheld)
    return found


def _figure_cells(of: Account, figure: Figure) -> dict[str, CellTrace]:
    unit = of.currency if figure is Figure.COST else figure.value.rsplit("_", 1)[1]
    rate, baseline = RATE[figure], BASELINE[figure]
    total = _integral(rate, [rate])
    compared, expected = _integral(rate, [rate, baseline]), _integral(baseline, [rate, baseline])
    saving = _difference(expected, compared)
    half = _half_width(of, figure, [rate, baseline])
    name, interval = figure.value, of.interval
    told = [p.interval_problem(figure) for p in of.baseline_parts]
    without = None
    if math.isnan(interval.low[figure]):
        without = next((reason for reason in told if reason), "there is no baseline to compare with")
    share: Trace = {
        "op": "measured_share",
        "of": share_column(RATE[_METERED_BY.get(figure, figure)]),
        "where": [rate],
    }
    return {
        name: CellTrace(of.totals[figure], unit, total),
        f"compared_{name}": CellTrace(of.compared[figure], unit, compared),
        f"baseline_{name}": CellTrace(of.baseline[figure], unit, expected),
        f"saving_{name}": CellTrace(of.saving[figure], unit, saving),
        f"saving_low_{name}": CellTrace(interval.low[figure], unit, _difference(saving, half), without),
        f"saving_high_{name}": CellTrace(
            interval.high[figure], unit, {"op": "sum", "of": [saving, half]}, without
        ),
        f"covered_h_{name}": CellTrace(of.covered_h[figure], "h", {"op": "hours", "where": [rate]}),
        f"measured_share_{name}": CellTrace(of.shares[figure].measured, "1", share),
    }


def _half_width(of: Account, figure: Figure, where: list[str]) -> Trace:
    part = next((p for p in of.baseline_parts if p.stakes(figure)), None)
    if part is None:
        return {"op": "number", "value": None, "says": "there is no baseline with statistics"}
    hours: Trace = {"op": "hours", "where": where}
    parts = [_stake(part, stake, figure, hours, where) for stake in part.stakes(figure)]
    return {
        "op": "half_width",
        "model_id": part.model_id,
        "parts": parts,
        "widest_share": WIDEST_SHARE,
        "says": "Σ hypot(t(n'-p) · E · CV'' · sqrt(n/n' · (1/m + p/n)), sparse_allowance · E in sparse "
        "weather) of the parts; none where n' ≤ p or wider than widest_share of Σ |E|",
    }


def _stake(part: BaselinePart, stake: Stake, figure: Figure, hours: Trace, where: list[str]) -> Trace:
    rate, sparse = BASELINE[figure], SPARSE[figure]
    if figure is Figure.COST:
        rate, sparse = STAKE[stake.meter], SPARSE_STAKE[stake.meter]
    return {
        "meter": stake.meter.value,
        "baseline": _integral(rate, where),
        "sparse": _integral(sparse, where),
        "hours": hours,
        "fit": asdict(part.statistics[stake.meter]),
        "sparse_allowance": SPARSE_ALLOWANCE,
        "confidence": CONFIDENCE,
    }


def _kpi(kpi: KpiValue, of: Account, supplied: Supplied) -> Trace:
    key = kpi.definition.key
    if key in _OVER_IT:
        top, bottom = RATE[_OVER_IT[key]], RATE[Figure.IT]
        both = [top, bottom]
        return _quotient(_integral(top, both), _integral(bottom, both))
    facility = _integral(RATE[Figure.FACILITY], [RATE[Figure.FACILITY]])
    it = _integral(RATE[Figure.IT], [RATE[Figure.IT]])
    if key in _PAIRS:
        top_name, bottom_name = pair_columns(_PAIRS[key])
        both = [top_name, bottom_name]
        return _formed(key, _integral(top_name, both), _integral(bottom_name, both))
    if key is KpiKey.REF:
        return _quotient(_renewable(of, supplied, facility), facility)
    fact, scale = {
        KpiKey.WUE_FRESH: ("freshwater_m3", 1000.0),
        KpiKey.ERF: ("heat_reused_kwh", 1.0),
    }[key]
    amount = _number(supplied.amount(fact, of.start, of.end) * scale, f"supplied {fact}, times {scale:g}")
    return _quotient(amount, it if key is KpiKey.WUE_FRESH else facility)


def _formed(key: KpiKey, top: Trace, bottom: Trace) -> Trace:
    if key is KpiKey.PPUE:
        return _quotient({"op": "sum", "of": [top, bottom]}, bottom)
    if key is KpiKey.KW_PER_TON:
        return _quotient({"op": "scale", "by": KW_PER_TON, "of": bottom}, top)
    if key is KpiKey.CER:
        return _quotient(top, bottom)
    return _difference(_number(1.0, "one"), _quotient(top, bottom))


def _carbon(line: CarbonRow, of: Account, supplied: Supplied) -> Trace:
    facility = _integral(RATE[Figure.FACILITY], [RATE[Figure.FACILITY]])
    match line.basis:
        case Basis.LOCATION:
            return _integral(RATE[Figure.CARBON], [RATE[Figure.CARBON]])
        case Basis.MARKET_HOURLY:
            matched = line.key == "market_hourly/matched"
            key = PairKey.HOURLY_MATCHED if matched else PairKey.HOURLY_REST
            top, bottom = pair_columns(key)
            return _integral(top, [top, bottom])
        case Basis.FUEL:
            fuel = next(f for f in supplied.fuels if line.key == f"fuel/{f.id}")
            burned = _number(fuel.amount, f"{fuel.fuel} [{fuel.unit}], {fuel.evidence}")
            return {"op": "scale", "by": fuel.kg_per_unit, "of": burned}
        case Basis.AVOIDED_AVERAGE | Basis.AVOIDED_MARGINAL:
            marginal = line.basis is Basis.AVOIDED_MARGINAL and of.carbon.kind != "marginal"
            rate = MARGINAL_RATE if marginal else RATE[Figure.CARBON]
            baseline = MARGINAL_BASELINE if marginal else BASELINE[Figure.CARBON]
            both = [rate, baseline]
            return _difference(_integral(baseline, both), _integral(rate, both))
        case _:
            return _market(line, of, supplied, facility)


def _market(line: CarbonRow, of: Account, supplied: Supplied, facility: Trace) -> Trace:
    contracts = [asdict(offer) for offer in offers(supplied, of.start, of.end)]
    names = [offer["id"] for offer in contracts]
    name = line.key.partition("/")[2]
    volume: Trace = {"op": "left_over", "of": facility, "contracts": contracts}
    if name in names:
        volume = {"op": "allocated", "of": facility, "contracts": contracts, "index": names.index(name)}
    g = line.factor.g_per_kwh if line.factor else None
    return {"op": "at_factor", "of": volume, "g_per_kwh": g, "says": "kWh · g/kWh / 1000"}


def _renewable(of: Account, supplied: Supplied, facility: Trace) -> Trace:
    found = offers(supplied, of.start, of.end)
    contracts = [asdict(offer) for offer in found]
    renewable = [i for i, offer in enumerate(found) if offer.renewable]
    return {
        "op": "fsum",
        "of": [{"op": "allocated", "of": facility, "contracts": contracts, "index": i} for i in renewable],
    }


def _integral(of: str, where: list[str]) -> Trace:
    return {"op": "integral", "of": of, "where": where}


def _quotient(top: Trace, bottom: Trace) -> Trace:
    return {"op": "quotient", "of": top, "by": bottom}


def _difference(of: Trace, minus: Trace) -> Trace:
    return {"op": "difference", "of": of, "minus": minus}


def _number(value: float, says: str) -> Trace:
    return {"op": "number", "value": value if value == value else None, "says": says}

"""Key performance indicators as versioned definitions, and their values for a period.

Sums first, divided last; a KPI is withheld, with the reason, where too little was measured or an
operator's figure is missing. A changed formula is a new version beside the old one, never an edit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from plant.kpi import cue, pue, wue
from reports.account_record import Account
from reports.figures import Figure
from reports.pairs import PairKey
from reports.supplied import Supplied

KW_PER_TON = 3.516852842
"""Heat flow of one ton of refrigeration, 12 000 BTU(IT)/h. [kW]"""


class KpiKey(StrEnum):
    """The KPIs there are."""

    PUE = "pue"
    PPUE = "ppue_cooling"
    WUE = "wue"
    WUE_FRESH = "wue_freshwater"
    CUE = "cue"
    ERF = "erf"
    REF = "ref"
    CER = "cer"
    KW_PER_TON = "kw_per_ton"
    RCI_HI = "rci_hi"
    RCI_LO = "rci_lo"
    RHI = "rhi"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a KPI is. `version` changes whenever the same data would give another number."""

    key: KpiKey
    version: str
    name: str
    formula: str
    unit: str
    source: str
    boundary: str


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A KPI of a period: its sums, its value, the measured share, or why it is withheld."""

    definition: Definition
    label: str
    numerator: float
    denominator: float
    value: float
    measured_share: float
    withheld: str | None = None


_D = Definition
_ISO = "ISO/IEC 30134"
DEFINITIONS: dict[KpiKey, Definition] = {
    d.key: d
    for d in (
        _D(KpiKey.PUE, "1", "Power usage effectiveness", "E_DC / E_IT", "1", f"{_ISO}-2",
           "facility meter; IT meter by category: 1 UPS output, 2 PDU output, 3 IT input"),
        _D(KpiKey.PPUE, "1", "Partial PUE of cooling", "(E_cooling + E_IT) / E_IT", "1", f"{_ISO}-2",
           "cooling machines and the IT meter"),
        _D(KpiKey.WUE, "1", "Water usage effectiveness", "W_IN / E_IT", "L/kWh", f"{_ISO}-9",
           "make-up water meter, all water over the boundary (category 2)"),
        _D(KpiKey.WUE_FRESH, "1", "Freshwater usage effectiveness", "W_IN-FRE / E_IT", "L/kWh",
           "EU 2024/1364 as amended by the act adopted 2026-09-21", "freshwater input, operator's figure"),
        _D(KpiKey.CUE, "1", "Carbon usage effectiveness", "CO2e of facility energy / E_IT", "kg/kWh",
           f"{_ISO}-8", "location-based, electricity only"),
        _D(KpiKey.ERF, "1", "Energy reuse factor", "E_reuse / E_DC", "1", f"{_ISO}-6",
           "heat handed over outside the boundary, operator's meter"),
        _D(KpiKey.REF, "1", "Renewable energy factor", "E_ren / E_DC", "1", f"{_ISO}-3",
           "cancelled certificates, contracts and on-site generation"),
        _D(KpiKey.CER, "1", "Cooling efficiency ratio", "Q_removed / E_cooling", "kWh_th/kWh_e",
           f"{_ISO}-7", "heat carried by the chilled water"),
        _D(KpiKey.KW_PER_TON, "1", "Plant power per ton", "3.516853 * E_cooling / Q_removed", "kW/ton",
           "1 ton = 12 000 BTU/h", "all cooling machines, CRAH fans included"),
        _D(KpiKey.RCI_HI, "1", "Rack cooling index, high", "1 - excess / (band * sensors)", "1",
           "Herrlin 2005", "inlet sensors against recommended and allowable maximum"),
        _D(KpiKey.RCI_LO, "1", "Rack cooling index, low", "1 - shortfall / (band * sensors)", "1",
           "Herrlin 2005", "inlet sensors against recommended minimum and 15 °C"),
        _D(KpiKey.RHI, "1", "Return heat index", "1 - recirculated / leaving heat", "1", "Sharma 2002",
           "zone means, air flow taken as proportional to fan speed"),
    )
}  # fmt: skip


def kpis(of: Account, category: int, supplied: Supplied, min_measured: float) -> tuple[KpiValue, ...]:
    """Every KPI of a period that could be asked for, in the order of `DEFINITIONS`."""
    sums, shares = of.ratios, of.shares

    def metered(key: KpiKey, label: str, top: float, bottom: float, *figures: Figure) -> KpiValue:
        share = min(shares[f].measured for f in figures)
        return _formed(key, label, top, bottom, share, min_measured)

    def paired(key: KpiKey, pair: PairKey) -> KpiValue:
        return _paired(of, key, pair, min_measured)

    pue_name = pue(sums.pue_facility_kwh, sums.pue_it_kwh, of.period, category).name
    wue_name = wue(sums.wue_water_l, sums.wue_it_kwh).name
    cue_name = cue(sums.cue_carbon_kg, sums.cue_it_kwh).name
    fresh_l = supplied.amount("freshwater_m3", of.start, of.end) * 1000
    return (
        metered(KpiKey.PUE, pue_name, sums.pue_facility_kwh, sums.pue_it_kwh, Figure.FACILITY, Figure.IT),
        paired(KpiKey.PPUE, PairKey.COOLING_PER_IT),
        metered(KpiKey.WUE, wue_name, sums.wue_water_l, sums.wue_it_kwh, Figure.WATER, Figure.IT),
        _supplied(of, KpiKey.WUE_FRESH, fresh_l, Figure.IT, "freshwater_m3", min_measured),
        metered(KpiKey.CUE, cue_name, sums.cue_carbon_kg, sums.cue_it_kwh, Figure.CARBON, Figure.IT),
        _supplied(
            of,
            KpiKey.ERF,
            supplied.amount("heat_reused_kwh", of.start, of.end),
            Figure.FACILITY,
            "heat_reused_kwh",
            min_measured,
        ),
        _supplied(
            of,
            KpiKey.REF,
            supplied.renewable_kwh(of.start, of.end, of.totals.facility_kwh),
            Figure.FACILITY,
            "contracts",
            min_measured,
        ),
        paired(KpiKey.CER, PairKey.HEAT_PER_COOLING),
        paired(KpiKey.KW_PER_TON, PairKey.HEAT_PER_COOLING),
        paired(KpiKey.RCI_HI, PairKey.ABOVE_RECOMMENDED),
        paired(KpiKey.RCI_LO, PairKey.BELOW_RECOMMENDED),
        paired(KpiKey.RHI, PairKey.RECIRCULATED),
    )


def quotient(key: KpiKey, numerator: float, denominator: float) -> float:
    """A KPI from its two sums; NaN where it cannot be formed."""
    if key is KpiKey.KW_PER_TON:  # its sums are those of CER: heat over cooling energy
        return KW_PER_TON * denominator / numerator if numerator > 0 else math.nan
    if not denominator > 0:
        return math.nan
    if key is KpiKey.PPUE:
        return (numerator + denominator) / denominator
    if key in (KpiKey.RCI_HI, KpiKey.RCI_LO, KpiKey.RHI):
        return 1 - numerator / denominator
    return numerator / denominator


def _paired(of: Account, key: KpiKey, pair: PairKey, min_measured: float) -> KpiValue:
    found = of.pairs.get(pair)
    label = DEFINITIONS[key].name
    if found is None:
        reason = "the site file has no points for it"
        return KpiValue(DEFINITIONS[key], label, math.nan, math.nan, math.nan, 0.0, reason)
    return _formed(key, label, found.numerator, found.denominator, found.measured_share, min_measured)


def _supplied(
    of: Account, key: KpiKey, amount: float, figure: Figure, wanted: str, min_measured: float
) -> KpiValue:
    label, share = DEFINITIONS[key].name, of.shares[figure].measured
    if math.isnan(amount):
        reason = f"operator must supply {wanted}"
        return KpiValue(DEFINITIONS[key], label, math.nan, of.totals[figure], math.nan, share, reason)
    return _formed(key, label, amount, of.totals[figure], share, min_measured)


def _formed(
    key: KpiKey, label: str, top: float, bottom: float, share: float, min_measured: float
) -> KpiValue:
    """The KPI, or what stands in its way: one formed on too little is not shown at all."""
    value = quotient(key, top, bottom)
    if math.isnan(value):
        reason: str | None = "its two sides have no common time"
    elif share < min_measured:
        reason = f"only {share:.1%} was measured, {min_measured:.0%} is needed"
        value = math.nan
    else:
        reason = None
    return KpiValue(DEFINITIONS[key], label, top, bottom, value, share, reason)

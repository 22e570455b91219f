"""Filling a profile's fields from a period's account, KPIs, carbon statement and supplied facts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from plant.site import Site
from reports.account_record import Account
from reports.carbon import CarbonStatement
from reports.figures import Figure
from reports.kpis import KpiValue
from reports.periods import label_of
from reports.profile import (
    FieldValue,
    Filled,
    FilledProfile,
    Limit,
    Profile,
    ProfileField,
    Renewable,
)
from reports.supplied import ContractKind, Supplied, allocate

_YEAR = timedelta(days=365)
_PURCHASED = (ContractKind.PPA, ContractKind.CERTIFICATE, ContractKind.SUPPLIER)


@dataclass(frozen=True)
class Material:
    """Everything a field may draw on, of one period."""

    site: Site
    account: Account
    kpis: tuple[KpiValue, ...]
    carbon: CarbonStatement
    supplied: Supplied
    min_measured: float


def fill(profile: Profile, material: Material) -> FilledProfile:
    """Every field of a profile, with a value or with the reason why there is none."""
    values = tuple(_judged(_value(f, material), material) for f in profile.fields)
    year = label_of(material.account.start, material.account.end, material.site.timezone)
    whole_year = len(year) == len("2026")
    note = None if whole_year else f"wanted is a {profile.period}; this is {year}, nothing is annualized"
    return FilledProfile(profile, values, note)


def _value(field: ProfileField, m: Material) -> FieldValue:
    if field.figure is not None:
        return _scaled(_figure(field, field.figure, m), field.scale)
    if field.kpi is not None:
        kpi = next(k for k in m.kpis if k.definition.key is field.kpi)
        definition = f"{kpi.label}: {kpi.definition.formula} (definition {kpi.definition.version})"
        return _or_withheld(field, kpi.value, Filled.METERED, definition, kpi.measured_share, kpi.withheld)
    if field.carbon is not None:
        rows = [r for r in m.carbon.rows if r.basis is field.carbon]
        why = "; ".join(r.withheld for r in rows if r.withheld) or None
        if not rows:
            why = "operator must supply fuels"
        share = m.account.shares[Figure.CARBON].measured
        value = m.carbon.total_kg(field.carbon)
        found = _or_withheld(field, value, Filled.METERED, f"carbon statement, {field.carbon}", share, why)
        return _scaled(found, field.scale)
    if field.renewable is not None:
        return _scaled(_renewable(field, field.renewable, m), field.scale)
    if field.site is not None:
        kw = math.fsum(z.it_design_kw for z in m.site.zones)
        return FieldValue(field, kw, Filled.SITE_FILE, "sum of the zones' it_design_kw")
    if field.sum is not None:
        return _scaled(_sum(field, field.sum, m), field.scale)
    return _fact(field, field.supplied or "", m)


def _figure(field: ProfileField, figure: Figure, m: Material) -> FieldValue:
    share = m.account.shares[figure].measured
    why = None
    if share < m.min_measured:
        why = f"only {share:.1%} was measured, {m.min_measured:.0%} is needed"
    meters = " ".join(m.account.meters[figure]) or "no meter"
    return _or_withheld(field, m.account.totals[figure], Filled.METERED, meters, share, why)


def _fact(field: ProfileField, key: str, m: Material) -> FieldValue:
    start, end = m.account.start, m.account.end
    fact = m.supplied.fact(key, start, end)
    if fact is not None:
        return FieldValue(field, fact.value, Filled.SUPPLIED, fact.source, fact.evidence)
    amount = m.supplied.amount(key, start, end)
    if not math.isnan(amount):
        inside = [f for f in m.supplied.facts if f.key == key and f.start and f.start >= start]
        return FieldValue(
            field, amount, Filled.SUPPLIED, _joined(f.source for f in inside),
            _joined(f.evidence for f in inside),
        )  # fmt: skip
    return FieldValue(field, None, Filled.OPERATOR, f"facts: {key}")


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _renewable(field: ProfileField, which: Renewable, m: Material) -> FieldValue:
    kwh = m.account.totals.facility_kwh
    if not m.supplied.contracts or math.isnan(kwh):
        return FieldValue(field, None, Filled.OPERATOR, "contracts")
    match which:
        case Renewable.ALL:
            kinds: tuple[ContractKind, ...] = tuple(ContractKind)
        case Renewable.PURCHASED:
            kinds = _PURCHASED
        case _:
            kinds = (ContractKind(which.value),)
    parts = [
        (contract, covered)
        for contract, covered in allocate(m.supplied, m.account.start, m.account.end, kwh)
        if contract.renewable and contract.kind in kinds
    ]
    value = math.fsum(covered for _, covered in parts)
    names = ", ".join(contract.id for contract, _ in parts) or "no such contract"
    return FieldValue(field, value, Filled.CONTRACTS, names, _joined(c.evidence for c, _ in parts))


def _sum(field: ProfileField, terms: tuple[str, ...], m: Material) -> FieldValue:
    """Terms are figures, `fuel_kwh`, or supplied amounts that are nothing unless somebody supplied them."""
    start, end = m.account.start, m.account.end
    total, names, notes = 0.0, [], []
    for term in terms:
        if term in list(Figure):
            found = _figure(field, Figure(term), m)
            if not isinstance(found.value, float):
                return found
            total += found.value
            names.append(found.source)
        elif term == "fuel_kwh":
            fuels = m.supplied.fuels_in(start, end)
            total += math.fsum(f.amount * f.kwh_per_unit for f in fuels)
            names += [f.id for f in fuels]
            notes += [] if fuels else ["no fuels were supplied"]
        else:
            amount = m.supplied.amount(term, start, end)
            total += 0.0 if math.isnan(amount) else amount
            notes += [f"no {term} was supplied"] if math.isnan(amount) else []
    share = m.account.shares[Figure.FACILITY].measured
    return FieldValue(
        field, total, Filled.METERED, " + ".join(names), measured_share=share, note="; ".join(notes)
    )


def _or_withheld(
    field: ProfileField, value: float, filled: Filled, source: str, share: float, why: str | None
) -> FieldValue:
    if why is not None and "operator must supply" in why:
        return FieldValue(field, None, Filled.OPERATOR, source, note=why)
    if why is not None or math.isnan(value):
        return FieldValue(
            field, None, Filled.WITHHELD, source, measured_share=share, note=why or "not metered"
        )
    return FieldValue(field, value, filled, source, measured_share=share)


def _scaled(found: FieldValue, scale: float) -> FieldValue:
    if scale == 1.0 or not isinstance(found.value, float):
        return found
    return replace(found, value=found.value * scale)


def _judged(found: FieldValue, m: Material) -> FieldValue:
    """What the field's limits say of its value, in words."""
    if not found.field.limits:
        return found
    said = [_verdict(limit, found.value, m) for limit in found.field.limits]
    return replace(found, note="; ".join(filter(None, (found.note, *said))))


def _verdict(limit: Limit, value: float | str | None, m: Material) -> str:
    bound = f"≤ {limit.max:g}" if limit.max is not None else f"≥ {limit.min:g}"
    scope = f"{bound} from {limit.in_force}" + (f" ({limit.note})" if limit.note else "")
    started = _operation_start(m)
    if limit.started_before or limit.started_from:
        if started is None:
            return f"{scope}: operator must supply operation_start"
        too_late = limit.started_before is not None and started >= limit.started_before
        too_early = limit.started_from is not None and started < limit.started_from
        if too_late or too_early:
            return f"{scope}: does not apply"
    if not isinstance(value, float):
        return f"{scope}: no value"
    met = value <= limit.max if limit.max is not None else value >= (limit.min or 0.0)
    ahead = "" if m.account.end.date() > limit.in_force else " (not yet in force)"
    # The limits are annual means: a shorter time can only say how it stands.
    so_far = " so far" if m.account.period < _YEAR else ""
    return f"{scope}: {'met' if met else 'NOT met'}{so_far}{ahead}"


def _operation_start(m: Material) -> date | None:
    fact = m.supplied.fact("operation_start", m.account.start, m.account.end)
    try:
        return date.fromisoformat(str(fact.value)) if fact else None
    except ValueError:
        return None

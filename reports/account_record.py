"""The record of an account, and how accounts of disjoint intervals add up.

Nothing is integrated across a gap. `totals` are sums over the time each figure is covered; a saving
compares only steps where actual and baseline both exist. Accounts of disjoint intervals add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from plant.forecast import CarbonKind
from plant.points import PointId
from reports.baseline_part import BaselinePart, joined_parts
from reports.figures import DataShares, EnergyFigures, Figure, added
from reports.pairs import PairKey, PairSum
from reports.statistics import CONFIDENCE

METHOD_VERSION = "account/4"
_AND = " + "


@dataclass(frozen=True, slots=True)
class CarbonFacts:
    """Where the carbon factors came from. Average and marginal are never mixed."""

    provider: str
    kind: CarbonKind
    synthetic: bool

    def joined(self, other: CarbonFacts) -> CarbonFacts:
        """Of one kind from several providers: all are named, and one synthetic part makes it synthetic."""
        known = self.provider.split(_AND)
        added_names = [name for name in other.provider.split(_AND) if name not in known]
        return CarbonFacts(_AND.join([*known, *added_names]), self.kind, self.synthetic or other.synthetic)


@dataclass(frozen=True, slots=True)
class RatioSums:
    """Sums over the time in which both sides of a ratio are known: sum first, divide last."""

    pue_facility_kwh: float = math.nan
    pue_it_kwh: float = math.nan
    wue_water_l: float = math.nan
    wue_it_kwh: float = math.nan
    cue_carbon_kg: float = math.nan
    cue_it_kwh: float = math.nan

    def plus(self, other: RatioSums) -> RatioSums:
        """Sum of two disjoint periods."""
        pairs = {name: added(getattr(self, name), getattr(other, name)) for name in self.__slots__}
        return RatioSums(**pairs)


@dataclass(frozen=True, slots=True)
class SavingInterval:
    """Two-sided interval of the saving. NaN where the baseline does not support one."""

    low: EnergyFigures
    high: EnergyFigures
    confidence: float


@dataclass(frozen=True)
class Account:
    """One interval's figures.

    Attributes
    ----------
    totals : EnergyFigures
        Measured amounts, each over its own covered time (`covered_h`, hours).
    compared : EnergyFigures
        The part of `totals` in steps where the baseline exists too (`compared_h`, hours).
    baseline : EnergyFigures
        Baseline amounts over those same steps.
    shares : mapping
        Measured / estimated / missing share of each figure's samples over the whole period.
    ratios : RatioSums
        Numerators and denominators of PUE, WUE and CUE over their common time.
    meters : mapping
        The points each metered figure was made of.
    extrapolated_h : float
        Compared hours outside the weather or load the baseline was fitted on.
    remarks : tuple of str
        What is true of every part of the period; `notes` adds what follows from the figures.
    """

    site_id: str
    start: datetime
    end: datetime
    currency: str
    carbon: CarbonFacts
    totals: EnergyFigures
    compared: EnergyFigures
    baseline: EnergyFigures
    covered_h: EnergyFigures
    compared_h: EnergyFigures
    shares: Mapping[Figure, DataShares]
    ratios: RatioSums
    meters: Mapping[Figure, tuple[PointId, ...]]
    baseline_parts: tuple[BaselinePart, ...]
    extrapolated_h: float
    remarks: tuple[str, ...]
    method_version: str = METHOD_VERSION
    pairs: Mapping[PairKey, PairSum] = field(default_factory=dict)

    @property
    def period(self) -> timedelta:
        """Length of the interval, covered or not."""
        return self.end - self.start

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, in plain words."""
        found = list(self.remarks)
        metered_h, counted_h = self.covered_h.facility_kwh, self.covered_h.carbon_kg
        if counted_h < metered_h:
            gap = 1 - counted_h / metered_h
            found.append(f"carbon intensity is missing for {gap:.1%} of the metered time")
        problems = [p.interval_problem(f) for p in self.baseline_parts for f in Figure]
        return (*found, *dict.fromkeys(p for p in problems if p))

    @property
    def saving(self) -> EnergyFigures:
        """Baseline minus actual over the compared steps; negative when it was a loss."""
        return self.baseline.minus(self.compared)

    @property
    def interval(self) -> SavingInterval:
        """90 % interval of `saving`; independent baseline models add in quadrature."""
        saving = self.saving
        half = EnergyFigures.of(self._half_width)
        return SavingInterval(
            low=saving.minus(half),
            high=EnergyFigures.of(lambda f: saving[f] + half[f]),
            confidence=CONFIDENCE,
        )

    def _half_width(self, figure: Figure) -> float:
        parts = [p for p in self.baseline_parts if not math.isnan(p.amounts[figure])]
        return math.hypot(*(p.half_width(figure) for p in parts)) if parts else math.nan


def combine(accounts: Iterable[Account]) -> Account:
    """The account of several disjoint intervals, in time order.

    Raises
    ------
    ValueError
        If there is none, if they overlap, or if site, currency or kind of carbon differ.
    """
    ordered = sorted(accounts, key=lambda a: a.start)
    if not ordered:
        raise ValueError("nothing to combine")
    whole = ordered[0]
    for following in ordered[1:]:
        whole = _joined(whole, following)
    return whole


def by_kind_of_carbon(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """One account for each run of equal site, currency and kind of carbon, in time order.

    For a carbon feed that changed its kind on the way: energy of both may be told, their carbon not added.
    """
    runs: list[list[Account]] = []
    for one in sorted(accounts, key=lambda a: a.start):
        if runs and _kinds(runs[-1][-1]) == _kinds(one):
            runs[-1].append(one)
        else:
            runs.append([one])
    return tuple(combine(run) for run in runs)


def _kinds(of: Account) -> tuple[str, str, CarbonKind]:
    return of.site_id, of.currency, of.carbon.kind


def _joined(a: Account, b: Account) -> Account:
    if _kinds(a) != _kinds(b):
        raise ValueError("accounts of different sites, currencies or kinds of carbon are not added")
    if b.start < a.end:
        raise ValueError(f"the account from {b.start.isoformat()} overlaps the one before it")
    gap_s = (b.start - a.end).total_seconds()
    return replace(
        a,
        end=b.end,
        carbon=a.carbon.joined(b.carbon),
        totals=a.totals.plus(b.totals),
        compared=a.compared.plus(b.compared),
        baseline=a.baseline.plus(b.baseline),
        covered_h=a.covered_h.plus(b.covered_h),
        compared_h=a.compared_h.plus(b.compared_h),
        shares={f: _joined_shares(a, b, f, gap_s) for f in Figure},
        ratios=a.ratios.plus(b.ratios),
        meters={f: tuple(dict.fromkeys((*a.meters[f], *b.meters[f]))) for f in Figure},
        baseline_parts=joined_parts(a.baseline_parts, b.baseline_parts),
        extrapolated_h=a.extrapolated_h + b.extrapolated_h,
        remarks=tuple(dict.fromkeys((*a.remarks, *b.remarks))),
        pairs={k: _joined_pair(a, b, k, gap_s / 3600) for k in {**a.pairs, **b.pairs}},
    )


def _joined_pair(a: Account, b: Account, key: PairKey, gap_h: float) -> PairSum:
    """The time between the two accounts, and in one that lacks the pair, is not measured."""

    def of(one: Account) -> PairSum:
        absent = PairSum(math.nan, math.nan, 0.0, one.period.total_seconds() / 3600)
        return one.pairs.get(key, absent)

    return of(a).plus(PairSum(math.nan, math.nan, 0.0, gap_h)).plus(of(b))


def _joined_shares(a: Account, b: Account, figure: Figure, gap_s: float) -> DataShares:
    """Weighted by time; the time between the two accounts is missing."""
    weights = (a.period.total_seconds(), b.period.total_seconds())
    whole = sum(weights) + gap_s

    def share(name: str) -> float:
        pairs = zip((a, b), weights, strict=True)
        return float(sum(getattr(x.shares[figure], name) * w for x, w in pairs) / whole)

    return DataShares(share("measured"), share("estimated"), share("missing") + gap_s / whole)

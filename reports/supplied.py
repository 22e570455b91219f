"""What only the operator knows: contracts, certificates, fuels, and figures no meter of ours has.

A YAML file the site file names under `reporting` (or `--supplied`). Each entry says where it comes
from; each has a place for its evidence.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo


class ContractKind(StrEnum):
    """How electricity was bought, in the order in which it is counted."""

    ON_SITE = "on_site"
    PPA = "ppa"
    CERTIFICATE = "certificate"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class Factor:
    """An emission factor and where it is from. [g CO2e/kWh]"""

    g_per_kwh: float
    source: str
    year: int
    kind: str


@dataclass(frozen=True, slots=True)
class Contract:
    """Electricity with a factor of its own from `start` to `end` (UTC).

    `kwh` is a volume over the whole of that time (None: `share` of what is left, 1 is all of it).
    """

    id: str
    kind: ContractKind
    start: datetime
    end: datetime
    kwh: float | None
    share: float
    renewable: bool
    factor: Factor
    evidence: str


@dataclass(frozen=True)
class HourlyVolume:
    """What a contract generated in each hour (UTC starts); an hour that is not named generated nothing."""

    id: str
    kwh: Mapping[datetime, float]
    factor: Factor
    evidence: str


@dataclass(frozen=True, slots=True)
class Fuel:
    """Fuel burned on site from `start` to `end`: Scope 1, never mixed with electricity."""

    id: str
    fuel: str
    start: datetime
    end: datetime
    amount: float
    unit: str
    kwh_per_unit: float
    kg_per_unit: float
    source: str
    year: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure or text for a field of a profile or a KPI, over a time or for good."""

    key: str
    value: float | str
    start: datetime | None
    end: datetime | None
    source: str
    evidence: str


@dataclass(frozen=True)
class Supplied:
    """Everything supplied. Empty where there is no file."""

    contracts: tuple[Contract, ...] = ()
    fuels: tuple[Fuel, ...] = ()
    facts: tuple[Fact, ...] = ()
    residual_mix: Factor | None = None
    grid_average: Factor | None = None
    marginal_provider: Mapping[str, str] = field(default_factory=dict)
    hourly: tuple[HourlyVolume, ...] = ()
    """Contracts that name an hourly series, in the order of `ContractKind`."""
    file: Path | None = None
    sha256: str | None = None

    def fact(self, key: str, start: datetime, end: datetime) -> Fact | None:
        """The fact that holds for the whole of a span: standing ones, or one for exactly that span."""
        for found in self.facts:
            if found.key == key and (found.start, found.end) in ((None, None), (start, end)):
                return found
        return None

    def amount(self, key: str, start: datetime, end: datetime) -> float:
        """A supplied amount of a span; NaN where nobody supplied it for exactly that span.

        Amounts are not cut: a year's figure says nothing of one month.
        """
        parts = [f for f in self.facts if f.key == key and f.start and f.end]
        inside = sorted((f for f in parts if f.start >= start and f.end <= end), key=lambda f: f.start)  # type: ignore[operator, return-value, arg-type]
        reached = start
        for part in inside:
            if part.start != reached or isinstance(part.value, str):
                return math.nan
            reached = part.end or reached
        return math.fsum(float(p.value) for p in inside) if inside and reached == end else math.nan

    def renewable_kwh(self, start: datetime, end: datetime, facility_kwh: float) -> float:
        """Renewable electricity of a span by contract; NaN where no contract was supplied."""
        if not self.contracts or math.isnan(facility_kwh):
            return math.nan
        return math.fsum(
            kwh for contract, kwh in allocate(self, start, end, facility_kwh) if contract.renewable
        )

    def fuels_in(self, start: datetime, end: datetime) -> tuple[Fuel, ...]:
        """Fuels whose time lies in a span."""
        return tuple(f for f in self.fuels if f.start >= start and f.end <= end)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a contract offers a span: its volume there, or its share of what is left."""

    id: str
    kwh: float | None
    share: float
    renewable: bool


def offers(supplied: Supplied, start: datetime, end: datetime) -> list[Offer]:
    """What each contract offers, in the order of `ContractKind`.

    Volumes are spread evenly over a contract's own time and cut to the span.
    """
    found = []
    for contract in _in_order(supplied):
        overlap_s = (min(end, contract.end) - max(start, contract.start)).total_seconds()
        if overlap_s <= 0:
            continue
        share = contract.share * (overlap_s / (end - start).total_seconds())
        whole_s = (contract.end - contract.start).total_seconds()
        kwh = None if contract.kwh is None else contract.kwh * (overlap_s / whole_s)
        found.append(Offer(contract.id, kwh, share, contract.renewable))
    return found


def allocate(supplied: Supplied, start: datetime, end: datetime, kwh: float) -> list[tuple[Contract, float]]:
    """Which contract covers how much of a span's electricity, none of it twice.

    What is left after one contract is offered to the next. The rest is residual mix.
    """
    by_id = {c.id: c for c in supplied.contracts}
    left, found = kwh, []
    for offer in offers(supplied, start, end):
        counted = min(left * offer.share if offer.kwh is None else offer.kwh, left)
        found.append((by_id[offer.id], counted))
        left -= counted
    return found


def _in_order(supplied: Supplied) -> list[Contract]:
    order = list(ContractKind)
    return sorted(supplied.contracts, key=lambda c: (order.index(c.kind), c.start, c.id))


def local_midnight(day: date, timezone: str) -> datetime:
    """The beginning of a local day."""
    return datetime.combine(day, time(), ZoneInfo(timezone))


def sha256_of(text: str) -> str:
    """Hash of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()

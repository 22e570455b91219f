"""A draft: everything a person needs to judge one change, before it is given a number and a clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.canonical import Json, plain
from controller.contingency import TripOutcome
from controller.envelope import Change
from plant.errors import BrokenPromise
from plant.plan import ShadowPrice
from plant.points import OwnerId
from plant.setpoints import LeverId, Setpoints


@dataclass(frozen=True, slots=True)
class Estimate:
    """An expected value with the interval it is likely in; NaN edges where that is not known."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True)
class Effect:
    """What the change alone does over `over_s` seconds, against leaving everything as it is.

    Negative is saved. `power_kw` is the mean change of facility power.
    """

    over_s: float
    power_kw: Estimate
    carbon_kg: Estimate
    cost: Estimate
    water_l: Estimate
    currency: str
    carbon_synthetic: bool = False


@dataclass(frozen=True, slots=True)
class InletOutlook:
    """A zone's worst rack inlet now and as predicted after the change. [°C]"""

    zone: OwnerId
    before_c: float
    after_c: float
    std_k: float
    limit_c: float

    @property
    def margin_k(self) -> float:
        """How far below the limit the prediction stays. [K]"""
        return self.limit_c - self.after_c


@dataclass(frozen=True)
class Draft:
    """One change and its case. `changes` is what really moves; `setpoints` may name more levers."""

    setpoints: Setpoints
    changes: Mapping[LeverId, Change]
    reason: str
    effect: Effect
    inlets: tuple[InletOutlook, ...] = ()
    plan_id: str | None = None
    binding: tuple[str, ...] = ()
    prices: tuple[ShadowPrice, ...] = ()
    """What one more unit of room at each binding limit would save."""
    trips: tuple[TripOutcome, ...] = ()
    """Each zone's worst trip of a machine, were the change made: the redundancy that remains."""
    remarks: tuple[str, ...] = field(default=())
    """What the envelope narrowed, in its words."""
    data_age_s: float = math.nan
    stays_s: float = math.nan
    """For how long the plan leaves what is changed where the change puts it; NaN where there is no plan."""

    def __post_init__(self) -> None:
        if not self.changes:
            raise BrokenPromise("a proposal changes something")
        if not all(math.isfinite(value) for value in self.setpoints.values()):
            raise BrokenPromise("a setpoint is a finite number")
        for lever, change in self.changes.items():
            if self.setpoints.get(lever) != change.after:
                raise BrokenPromise(f"the change of {lever} does not lead to its setpoint")

    def payload(self) -> dict[str, Json]:
        """The draft as JSON; `draft_of` reads it back."""
        return {
            "setpoints": {str(k): float(v) for k, v in self.setpoints.items()},
            "changes": {
                str(k): {"before": float(c.before), "after": float(c.after)} for k, c in self.changes.items()
            },
            "reason": self.reason,
            "effect": _effect_json(self.effect),
            "inlets": [
                {
                    "zone": str(i.zone),
                    "before_c": plain(float(i.before_c)),
                    "after_c": plain(float(i.after_c)),
                    "std_k": plain(float(i.std_k)),
                    "limit_c": float(i.limit_c),
                }
                for i in self.inlets
            ],
            "plan_id": self.plan_id,
            "binding": list(self.binding),
            "prices": [
                {"limit": p.limit, "unit": p.unit, "saving": plain(float(p.saving))} for p in self.prices
            ],
            "trips": [
                {
                    "unit": str(t.unit),
                    "zone": str(t.zone),
                    "inlet_c": plain(float(t.inlet_c)),
                    "allowable_c": float(t.allowable_c),
                    "minutes": plain(float(t.minutes)),
                }
                for t in self.trips
            ],
            "remarks": list(self.remarks),
            "data_age_s": plain(float(self.data_age_s)),
            "stays_s": plain(float(self.stays_s)),
        }


def draft_of(payload: Mapping[str, Json]) -> Draft:
    """The draft that `Draft.payload` wrote down."""
    p = _Fields(payload)
    effect = p.record("effect")
    return Draft(
        setpoints=Setpoints({LeverId(k): _number(v) for k, v in p.record("setpoints").raw.items()}),
        changes={
            LeverId(k): Change(_Fields(v).number("before"), _Fields(v).number("after"))
            for k, v in p.record("changes").raw.items()
        },
        reason=p.text("reason"),
        effect=Effect(
            over_s=effect.number("over_s"),
            power_kw=_estimate(effect.record("power_kw")),
            carbon_kg=_estimate(effect.record("carbon_kg")),
            cost=_estimate(effect.record("cost")),
            water_l=_estimate(effect.record("water_l")),
            currency=effect.text("currency"),
            carbon_synthetic=effect.raw["carbon_synthetic"] is True,
        ),
        inlets=tuple(
            InletOutlook(
                OwnerId(i.text("zone")),
                i.number("before_c"),
                i.number("after_c"),
                i.number("std_k"),
                i.number("limit_c"),
            )
            for i in map(_Fields, p.items("inlets"))
        ),
        plan_id=None if p.raw["plan_id"] is None else p.text("plan_id"),
        binding=tuple(str(b) for b in p.items("binding")),
        prices=tuple(
            ShadowPrice(f.text("limit"), f.text("unit"), f.number("saving"))
            for f in map(_Fields, p.items("prices"))
        ),
        trips=tuple(
            TripOutcome(
                OwnerId(t.text("unit")),
                OwnerId(t.text("zone")),
                t.number("inlet_c"),
                t.number("allowable_c"),
                math.inf if t.raw["minutes"] is None else t.number("minutes"),
            )
            for t in map(_Fields, p.items("trips"))
        ),
        remarks=tuple(str(r) for r in p.items("remarks")),
        data_age_s=p.number("data_age_s"),
        stays_s=_number(p.raw.get("stays_s")),  # an older record does not have it
    )


class _Fields:
    """Typed access to a JSON record of our own making."""

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise BrokenPromise("a stored proposal is not a record")
        self.raw: Mapping[str, Json] = raw

    def number(self, name: str) -> float:
        return _number(self.raw[name])

    def text(self, name: str) -> str:
        return str(self.raw[name])

    def record(self, name: str) -> _Fields:
        return _Fields(self.raw[name])

    def items(self, name: str) -> list[Json]:
        value = self.raw.get(name)  # a list that an older record does not have is empty
        return value if isinstance(value, list) else []


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _estimate(fields: _Fields) -> Estimate:
    return Estimate(fields.number("value"), fields.number("low"), fields.number("high"))


def _estimate_json(e: Estimate) -> dict[str, Json]:
    return {"value": plain(float(e.value)), "low": plain(float(e.low)), "high": plain(float(e.high))}


def _effect_json(effect: Effect) -> dict[str, Json]:
    return {
        "over_s": float(effect.over_s),
        "power_kw": _estimate_json(effect.power_kw),
        "carbon_kg": _estimate_json(effect.carbon_kg),
        "cost": _estimate_json(effect.cost),
        "water_l": _estimate_json(effect.water_l),
        "currency": effect.currency,
        "carbon_synthetic": bool(effect.carbon_synthetic),
    }

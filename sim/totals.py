"""The truth for scoring: what the plant really used and how warm its inlets really got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from plant.points import OwnerId
from sim.arrays import Array
from sim.state import Flows

_FIELDS = (
    "facility", "it", "cooling", "vented", "tower", "economizer", "water", "tower_fan",
    "outside", "exchange", "dx", "recovered", "latent",
)  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """True amounts since the last reset."""

    seconds: float
    facility_kwh: float
    it_kwh: float
    cooling_kwh: float
    water_l: float
    worst_inlet_c: float
    violation_minutes: dict[OwnerId, float]
    """Minutes in which a zone's worst rack group was above its recommended maximum."""
    vented_kwh: float
    tower_kwh: float
    economizer_kwh: float
    tower_fan_kwh: float
    outside_kwh: float = 0.0
    """Electricity of fans that heat only outdoor air (tower fans among them)."""
    exchange_kwh: float = 0.0
    """Heat that came in with outdoor air; negative when it carried heat out."""
    dx_rejected_kwh: float = 0.0
    recovered_kwh: float = 0.0
    """Heat handed over to a network."""
    latent_kwh: float = 0.0
    """Heat of the water that coils condensed."""

    @property
    def unbalanced_kwh(self) -> float:
        """In minus out: what the plant must have stored since."""
        return (
            self.facility_kwh - self.outside_kwh + self.exchange_kwh
            - self.tower_kwh - self.vented_kwh - self.dx_rejected_kwh - self.recovered_kwh
        )  # fmt: skip

    @property
    def pue(self) -> float:
        """Facility over IT energy so far. [-]"""
        return self.facility_kwh / self.it_kwh if self.it_kwh > 0 else float("nan")


class Tally(NamedTuple):
    """Running sums; replaced, never changed. Energies in kJ, water in kg."""

    seconds: Array | float
    sums: Array
    worst_c: Array
    above_s: Array
    """Shape (zones,)."""

    def add(self, flows: Flows, worst_inlet_c: Array, limit_c: Array, step_s: float) -> Tally:
        """One step more."""
        step = np.stack(
            [
                flows.facility_kw,
                flows.it_meter_kw,
                flows.cooling_kw,
                flows.vented_kw,
                flows.tower_heat_kw,
                flows.economizer_kw,
                flows.makeup_kg_s,
                flows.tower_fan_kw.sum(axis=-1),
                flows.outside_kw,
                flows.exchange_kw,
                flows.dx_rejected_kw,
                flows.recovered_kw,
                flows.latent_kw.sum(axis=-1),
            ],
            axis=-1,
        )
        return Tally(
            self.seconds + step_s,
            self.sums + step_s * step,
            np.maximum(self.worst_c, worst_inlet_c.max(axis=-1)),
            self.above_s + step_s * (worst_inlet_c > limit_c),
        )

    def totals(self, zones: tuple[OwnerId, ...]) -> Totals:
        """In the units of reports."""
        named = dict(zip(_FIELDS, (float(v) for v in self.sums), strict=True))
        return Totals(
            seconds=float(self.seconds),
            facility_kwh=named["facility"] / 3600,
            it_kwh=named["it"] / 3600,
            cooling_kwh=named["cooling"] / 3600,
            water_l=named["water"],
            worst_inlet_c=float(self.worst_c),
            violation_minutes={z: float(s) / 60 for z, s in zip(zones, self.above_s, strict=True)},
            vented_kwh=named["vented"] / 3600,
            tower_kwh=named["tower"] / 3600,
            economizer_kwh=named["economizer"] / 3600,
            tower_fan_kwh=named["tower_fan"] / 3600,
            outside_kwh=named["outside"] / 3600,
            exchange_kwh=named["exchange"] / 3600,
            dx_rejected_kwh=named["dx"] / 3600,
            recovered_kwh=named["recovered"] / 3600,
            latent_kwh=named["latent"] / 3600,
        )


def begin_tally(zones: int) -> Tally:
    """Nothing yet."""
    return Tally(0.0, np.zeros(len(_FIELDS)), np.array(-np.inf), np.zeros(zones))

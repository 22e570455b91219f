"""What zones do with their heat before chilled water sees it: outdoor air, and compressors of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.identify.outdoor_air import OutdoorAirLaw, fans_kw, taken_kw
from optimizer.room_units import UnitBank
from plant.forecast import Array

_SHUT = OutdoorAirLaw(1e-6, 0.0, 100.0, -100.0)


@dataclass(frozen=True)
class Outside:
    """The air outside. `dry_c` has a zones' axis of length one, last; `leave` all zones or one.

    `leave` is the share of what dampers could open to that the PLC and a schedule allow.
    """

    dry_c: Array
    leave: Array

    def at(self, step: int) -> Outside:
        """One step (steps are the axis before the zones')."""
        return Outside(self.dry_c[..., step, :], self.leave[..., step, :])


@dataclass(frozen=True)
class DamperBank:
    """All zones' dampers stacked; zones without any let nothing out."""

    laws: tuple[OutdoorAirLaw | None, ...]
    most_kw_k: Array
    relief_kw: Array
    slow_fans: Array

    @classmethod
    def of(cls, laws: tuple[OutdoorAirLaw | None, ...]) -> DamperBank:
        """Stack the zones' laws."""
        given = [law or _SHUT for law in laws]
        return cls(
            laws,
            np.array([law.most_kw_k for law in given]),
            np.array([law.relief_kw for law in given]),
            np.array([law.slow_fans for law in given]),
        )

    def leave(self, dew_point_c: Array) -> Array:
        """What the PLC allows at outdoor dew points (…,). Shape (…, zones)."""
        return np.stack([(law or _SHUT).leave(dew_point_c) for law in self.laws], axis=-1)

    def taken_kw(self, heat_kw: Array, air_kw_k: Array, back_c: Array, outside: Outside) -> Array:
        """Heat each zone gives to outdoor air. Zones last. [kW]"""
        cooler = back_c - outside.dry_c
        return taken_kw(self.most_kw_k, self.slow_fans, heat_kw, air_kw_k, cooler, outside.leave)

    def fans_kw(self, taken: Array, back_c: Array, outside: Outside) -> Array:
        """Relief fans for it. Zones last. [kW]"""
        return fans_kw(self.most_kw_k, self.relief_kw, taken, back_c - outside.dry_c)


@dataclass(frozen=True)
class RoomSide:
    """Each zone: heat left for coils or compressors, its own cooling's power, heat it cannot carry. [kW]"""

    left_kw: Array
    own_kw: Array
    short_kw: Array


def room_side(
    units: UnitBank | None,
    dampers: DamperBank | None,
    heat_kw: Array,
    back_c: Array,
    air_kw_k: Array,
    outside: Outside,
) -> RoomSide:
    """Outdoor air first, as dampers do; what is left is for coils or compressors. Zones last.

    `heat_kw` is that of racks and air fans, `back_c` what comes back to the units, `air_kw_k` the
    zones' air at its present speed.
    """
    left, own, short, entering = heat_kw, np.zeros_like(heat_kw), np.zeros_like(heat_kw), back_c
    if dampers is not None:
        taken = dampers.taken_kw(heat_kw, air_kw_k, back_c, outside)
        left, own = heat_kw - taken, dampers.fans_kw(taken, back_c, outside)
        entering = back_c - taken / air_kw_k
    if units is not None:
        own = own + units.power_kw(left, outside.dry_c, entering)
        short = units.short_kw(left, outside.dry_c)
    return RoomSide(left, own, short)

"""The air units of a zone, in the one order everything in the simulator counts them."""

from __future__ import annotations

from plant.points import OwnerId
from plant.site import Equipment, EquipmentKind, Site


def room_units_of(site: Site, zone: OwnerId) -> tuple[Equipment, ...]:
    """The air units of a zone: CRAHs, then DX units."""
    return (
        *site.equipment_of(EquipmentKind.CRAH, zone),
        *site.equipment_of(EquipmentKind.DX_UNIT, zone),
    )

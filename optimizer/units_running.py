"""The plant as it runs now: the laws of zones whose air units do not all run, for the units that do.

Laws are learned of a zone's units together, all at work. While one stands still the same fan speed moves
less air, through fewer coils, for less fan power, and the zone's heat store empties more slowly into it.
"""

from __future__ import annotations

from dataclasses import replace

from optimizer.model import PlantModel
from optimizer.units_left import LEAST_AIR
from optimizer.zones import ZoneModel
from plant.redundancy import Redundancy


def as_it_runs(model: PlantModel, facts: Redundancy) -> tuple[PlantModel, Redundancy]:
    """The model of what runs, and what of that is left after a trip; as given where everything runs."""
    idle = {zone: share for zone, share in facts.idle.items() if share > 0.0}
    if not idle:
        return model, facts
    running = {zone: max(1.0 - share, LEAST_AIR) for zone, share in idle.items()}
    zones = tuple(of_share(z, running[z.id]) if z.id in running else z for z in model.zones)
    trips = tuple(replace(t, left=t.left / running.get(t.zone, 1.0)) for t in facts.air)
    return replace(model, zones=zones), replace(facts, air=trips, idle={})


def of_share(zone: ZoneModel, share: float) -> ZoneModel:
    """A zone's laws with so much of its units at work."""
    inlets, coil, fans, dx, outdoor = zone.inlets, zone.coil, zone.fans, zone.dx, zone.outdoor
    c0, c1, c2, c3, c5 = (share * c for c in fans.coefficients)
    return replace(
        zone,
        inlets=replace(inlets, air_kw_k=share * inlets.air_kw_k, tau_s=inlets.tau_s / share),
        coil=replace(
            coil,
            air_kw_k=share * coil.air_kw_k,
            water_kw_k=share * coil.water_kw_k,
            ua_kw_k=share * coil.ua_kw_k,
        ),
        fans=replace(fans, coefficients=(c0, c1, c2, c3, c5)),
        dx=None if dx is None else replace(dx, rated_kw=share * dx.rated_kw, input_kw=share * dx.input_kw),
        outdoor=None if outdoor is None else replace(outdoor, most_kw_k=share * outdoor.most_kw_k),
    )

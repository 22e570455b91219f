"""Work that was moved in time: what a past would have been, had nothing been put off.

What the meters saw has dips where work was put off and bumps where it was caught up. A habit learned from
them would expect both again, and a plan that puts work off would count it twice. So the past is mended by
the law the planner plans with (`optimizer.waiting`), from where the levers stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.switches import BUSIEST, zone_of
from optimizer.waiting import moved_before
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site


@dataclass(frozen=True)
class MovedWork:
    """Put off less caught up by zone, each (steps,) [kW], and what each lever left waiting. [kWh]"""

    net_kw: Mapping[OwnerId, Array]
    waiting_kwh: Mapping[LeverId, float]


def deferrals(site: Site) -> tuple[Lever, ...]:
    """Levers that put work off; none on most sites."""
    return tuple(lv for lv in site.levers if lv.quantity is Quantity.DEFERRED_IT_POWER_SETPOINT)


def moved_work(
    site: Site, stood: Mapping[LeverId, Array], reference_kw: Mapping[OwnerId, Array], hours: Array
) -> MovedWork:
    """What levers that ``stood`` so have moved in time, by steps of so many ``hours``. Arrays (steps,).

    ``reference_kw`` is each zone's IT power as it was drawn. What is for all zones is shared by it.
    """
    zones = [z.id for z in site.zones]
    design = np.array([z.it_design_kw for z in site.zones])
    drawn = np.stack([reference_kw[z] for z in zones])
    net, waits = np.zeros_like(drawn), {}
    for lever in deferrals(site):
        zone = zone_of(site, lever.owner, zones)
        served = slice(None) if zone is None else slice(zone, zone + 1)
        moved, waits[lever.id] = moved_before(
            stood[lever.id], drawn[served].sum(axis=0), BUSIEST * float(design[served].sum()), hours
        )
        net[served] += moved * _shares(drawn[served], design[served])
    return MovedWork(dict(zip(zones, net, strict=True)), waits)


def _shares(drawn_kw: Array, design_kw: Array) -> Array:
    """What is each zone's of work that is for all of them; by size where one is not measured."""
    total = drawn_kw.sum(axis=0)
    by_size = np.broadcast_to((design_kw / design_kw.sum())[:, None], drawn_kw.shape)
    return np.where(total > 0, drawn_kw / np.where(total > 0, total, 1.0), by_size)

"""What a site's own controllers do when a machine fails: its neighbors take over, as the site declares.

Only what `plant.site.Safety` declares is done: surviving air units of a zone speed up, a standby
chiller starts in place of one that tripped. Where nothing is declared, nobody helps.
"""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.parameters import PlantParameters


def helping_speed(
    p: PlantParameters, helping: Array, set_speed: Array, fan_kw: Array, step_s: float
) -> Array:
    """Speed that units run at to help a dead neighbor; 0 where none needs it. Shape (..., crahs).

    A unit is known to be dead by its fan's power. Helpers ramp from where they stand, so that they
    are at the declared speed within the declared time, and back as slowly.
    """
    loops, zone_of = p.loops, list(p.crahs.zone_of)
    if np.isnan(loops.survivor_fan):
        return helping
    dead = (fan_kw <= 0.0).astype(float)
    needed = (dead @ p.crahs.zone_sum)[..., zone_of] > 0
    step = step_s / max(loops.survivor_ramp_s, step_s)
    up = np.minimum(np.maximum(helping, set_speed) + step, loops.survivor_fan)
    down = np.where(helping - step > set_speed, helping - step, 0.0)
    return np.where(needed, np.maximum(up, helping), down)


def chillers_to_run(p: PlantParameters, stage: Array, tripped: Array) -> Array:
    """Which machines run at a stage: the first ones, passing over those that tripped. 0 or 1."""
    machines = np.arange(len(p.chillers.nominal_kw))
    if np.isnan(p.loops.standby_start_s):
        return (machines < stage[..., None]).astype(float)
    healthy = 1.0 - tripped
    return np.asanyarray(healthy * (np.cumsum(healthy, axis=-1) <= stage[..., None]))


def takeover_ramp(p: PlantParameters, ramp: Array, before: Array, now: Array) -> Array:
    """Share of running capacity there is while a standby comes up. Shape (...).

    The standby comes up evenly and gives all it can at the end of the declared time.
    """
    if np.isnan(p.loops.standby_start_s):
        return ramp
    started = now * (1.0 - before)
    swapped = (started.sum(axis=-1) > 0) & (now.sum(axis=-1) <= before.sum(axis=-1))
    kept = (now * before).sum(axis=-1) / np.maximum(now.sum(axis=-1), 1.0)
    return np.where(swapped, kept, ramp)

"""Many plants of one site at once: scenarios that differ in weather, work and setpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np

from plant.errors import BrokenPromise
from sim.kernel.compiled import BATCH_LANES, CompiledScan, drive_table, stacked
from sim.kernel.leaves import rebuild
from sim.plant import SimulatedPlant
from sim.scan import Carry, Drive

_CHUNK_STEPS = 240


class PlantBatch:
    """Plants with the same true parameters, stepped side by side by compiled code.

    Parameters
    ----------
    plants
        Reset plants of one site and seed, with any weather, workload and written setpoints, none of
        them broken (`upset`).

    Raises
    ------
    BrokenPromise
        If their parameters, step lengths or health differ.
    ConfigError
        If llvmlite is not installed.
    """

    def __init__(self, plants: Sequence[SimulatedPlant]) -> None:
        first = plants[0]
        for plant in plants:
            same = plant.parameters is first.parameters and plant.physics_step_s == first.physics_step_s
            if not same or plant.upset is not None:
                raise BrokenPromise("a batch takes healthy plants with one set of parameters and one step")
        self.plants = tuple(plants)
        image = first.image
        carry = Carry(image.state, image.flows, image.loops, image.plc.active, image.tally)
        self._kernel = CompiledScan(first.parameters, carry, first.physics_step_s, BATCH_LANES)

    def step(self, steps: int) -> None:
        """Let so many physics steps pass in every plant; each goes on from its own image."""
        done = 0
        while done < steps:
            quiet = min(p.quiet_steps(steps - done) for p in self.plants)
            count = min(quiet, _CHUNK_STEPS)
            self._run(count)
            done += count

    def _run(self, count: int) -> None:
        plants, step_s = self.plants, self._kernel.step_s
        images = [p.image for p in plants]
        watched = [p.program.watch(i.plc, count * step_s) for p, i in zip(plants, images, strict=True)]
        padded = -len(plants) % BATCH_LANES
        index = [*range(len(plants)), *([0] * padded)]
        carries = [Carry(i.state, i.flows, i.loops, i.plc.active, i.tally) for i in images]
        carry = stacked([carries[k] for k in index])
        held = stacked([watched[k].registers for k in index])
        drives = [
            Drive(*p.drive(np.asarray(i.unix_s + (np.arange(count) + 0.5) * step_s)))
            for p, i in zip(plants, images, strict=True)
        ]
        tables = [drive_table(d) for d in drives]
        drive = np.ascontiguousarray(np.stack([tables[k] for k in index], axis=-1))
        self._kernel.run_batch(carry, held, drive)
        after = self._kernel.apart(carry)
        for k, plant in enumerate(plants):
            mine = rebuild(after, itemgetter(k))
            plant.restore(
                replace(
                    images[k],
                    unix_s=images[k].unix_s + count * step_s,
                    state=mine.state,
                    flows=mine.flows,
                    loops=mine.loops,
                    plc=watched[k]._replace(active=mine.active),
                    weather=rebuild(drives[k].weather, itemgetter(-1)),
                    tally=mine.tally,
                )
            )

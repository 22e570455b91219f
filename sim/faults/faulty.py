"""A plant with faults: any `plant.ports.Plant`, broken at the instants a list of faults says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from plant.commands import Command
from plant.errors import BrokenPromise, ConfigError
from plant.points import PointId
from plant.ports import Plant
from plant.quantities import Quantity
from plant.readings import Reading
from plant.site import Site
from sim.faults.drivers import ShiftedWeather, SteppedWorkload
from sim.faults.fault import Fault, points_hit
from sim.faults.kinds import Place
from sim.faults.levers import LeverFault, lever_fault
from sim.faults.machines import dead_fan_points, upset_by, worn
from sim.faults.sensors import sensor_fault
from sim.plant import SimulatedPlant

_INSIDE = frozenset({Place.MACHINE, Place.ROOM, Place.WEATHER, Place.LOAD})
"""Places only the bundled simulator has."""
_LOSING = frozenset({"write_lost", "heartbeat_lost", "gateway_timeout"})


class FaultyPlant:
    """Satisfies `Plant`. Time is cut at the instants where a fault begins or ends.

    Write faults that show in a receipt (timeouts, refusals) are the wire's, not the plant's: see
    `controller.scenario.wire`. Those that do not show (lost writes and heartbeats) are here.

    Parameters
    ----------
    plant
        The plant to break.
    site
        What it is.
    faults
        What breaks, and when.
    seed
        Fixes noise, spikes and lost polls.
    body
        The simulator inside `plant`, where `plant` only wraps one; it is changed.

    Raises
    ------
    ConfigError
        If a fault of machines, weather or work is aimed at a plant that is not the bundled simulator.
    """

    def __init__(
        self,
        plant: Plant,
        site: Site,
        faults: Sequence[Fault],
        seed: int,
        body: SimulatedPlant | None = None,
    ) -> None:
        self._plant = plant
        self._site = site
        self._faults = tuple(faults)
        self._body = plant if isinstance(plant, SimulatedPlant) else body
        inside = [f for f in faults if f.place in _INSIDE]
        if inside and self._body is None:
            raise ConfigError(
                f"fault {inside[0].kind}",
                "needs the machines and the world of the bundled simulator",
                "use faults of sensors, gateways, writes and levers with a plant of your own",
            )
        self._sensors = [
            sensor_fault(f, site, seed, n)
            for n, f in enumerate(faults)
            if f.place in (Place.SENSOR, Place.GATEWAY)
        ]
        self._levers = [lever_fault(f, site) for f in faults if f.place is Place.LEVER]
        self._begun: list[LeverFault] = []
        self._now: datetime | None = None
        self._true: dict[PointId, Reading] = {}
        if self._body is not None:
            self._healthy = self._body.parameters
            self._drive(self._body)

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Begin at ``start``, with whatever is broken then."""
        self._begun, self._now = [], start
        self._break_machines(start)
        self._true = {r.point: r for r in self._plant.reset(start)}
        return self._heard()

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Apply what gets through of the commands, let time pass, give what would be heard."""
        if self._now is None:
            raise BrokenPromise("reset the plant before using it")
        end = self._now + timedelta(seconds=seconds)
        going = list(commands)
        for stop in (*self._edges(self._now, end), end):
            going = [*self._turn(self._now), *self._through(going, self._now)]
            passed = (stop - self._now).total_seconds()
            self._true = {r.point: r for r in self._plant.advance(going, passed)}
            self._now, going = stop, []
        return self._heard()

    def _edges(self, now: datetime, end: datetime) -> list[datetime]:
        instants = {t for f in self._faults for t in (f.start, f.end)}
        return sorted(t for t in instants if now < t < end)

    def _turn(self, at: datetime) -> list[Command]:
        """Begin and end what begins and ends by ``at``; the commands that come of it."""
        self._break_machines(at)
        extra: list[Command] = []
        for lever in self._levers:
            begun = lever in self._begun
            if lever.fault.holds(at) and not begun:
                extra += lever.begin(self._true)
                self._begun.append(lever)
            elif begun and not lever.fault.holds(at):
                extra += lever.end()
                self._begun.remove(lever)
        return extra

    def _through(self, commands: Sequence[Command], at: datetime) -> list[Command]:
        """The commands as the machines are told them now."""
        losing = [f for f in self._faults if f.holds(at) and f.kind in _LOSING]
        going = [c for c in commands if not any(_loses(f, c, self._site) for f in losing)]
        for lever in self._begun:
            going = lever.bend(going)
        return going

    def _break_machines(self, at: datetime) -> None:
        if self._body is None:
            return
        now = [f for f in self._faults if f.holds(at) and f.place in (Place.MACHINE, Place.ROOM)]
        self._body.parameters = worn(self._healthy, now, self._site)
        self._body.upset = upset_by(now, self._site, self._healthy)

    def _drive(self, body: SimulatedPlant) -> None:
        weather = [f for f in self._faults if f.place is Place.WEATHER]
        load = [f for f in self._faults if f.place is Place.LOAD]
        if weather:
            body.weather = ShiftedWeather(body.weather, weather, body.parameters.loops.pressure_kpa)
        if load:
            body.workload = SteppedWorkload(body.workload, load, self._site)

    def _heard(self) -> list[Reading]:
        """What sensors and gateways make of the truth."""
        if self._now is None:
            raise BrokenPromise("reset the plant before using it")
        heard, at = dict(self._true), self._now
        standing = dead_fan_points([f for f in self._faults if f.holds(at)], self._site)
        heard.update((p, replace(heard[p], value=0.0)) for p in standing if p in heard)
        for lever in self._begun:
            lever.show(heard)
        for sensor in self._sensors:
            if sensor.fault.holds(at):
                heard.update(sensor.distort(heard, self._site))
        return list(heard.values())


def _loses(fault: Fault, command: Command, site: Site) -> bool:
    """Whether the fault swallows the command without a word."""
    point = site.point_by_id.get(command.point)
    if point is None or command.point not in points_hit(fault, site):
        return False
    return fault.kind != "heartbeat_lost" or point.quantity is Quantity.HEARTBEAT

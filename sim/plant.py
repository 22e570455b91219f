"""A facility that does not exist, stepped in process. Satisfies `plant.ports.Plant`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from plant.commands import Command
from plant.errors import BrokenPromise
from plant.points import PointId
from plant.readings import Quality, Reading
from plant.site import Site
from sim.arrays import Array
from sim.derive import derive_parameters
from sim.dynamics import stored_kj
from sim.image import PlantImage, first_image
from sim.instruments import install
from sim.kernel.leaves import rebuild
from sim.parameters import PlantParameters
from sim.physics.moisture import ratio_from_wet_bulb
from sim.plc import crah_units, program_for
from sim.scan import Carry, Drive, Scans, Upset, one_by_one
from sim.signals import signals_of
from sim.state import Weather
from sim.totals import Totals, begin_tally
from sim.weather import WeatherSource
from sim.workload import WorkloadSource

if TYPE_CHECKING:
    from sim.kernel.compiled import CompiledScan

CONTROL_PERIOD_S = 300.0
LONGEST_STEP_S = 120.0
"""The loops' volumes pass through the plant room in about two minutes: longer steps miss that."""
_CHUNK_STEPS = 720
SETTLE_S = 3 * 3600.0


class SimulatedPlant:
    """One plant: physics, its PLC and its sensors.

    Parameters
    ----------
    site
        What points and equipment there are.
    parameters
        True parameters; derived from the site's nameplates and `seed` where None.
    weather, workload
        What drives it.
    seed
        Fixes unit-to-unit variation, sensor bias and sensor noise.
    physics_step_s
        Length of a physics step. [s]
    heartbeat_timeout_s
        The PLC's dead-man time in plant seconds. Where None: five heartbeats, but no less than
        three control periods, because an in-process caller beats once per `advance`.
    compiled
        Run whole physics steps as machine code: some two hundred times as fast, the same but for
        rounding. Where None: when llvmlite is installed. Broken machines are
        stepped one by one in NumPy.
    """

    def __init__(
        self,
        site: Site,
        parameters: PlantParameters | None,
        weather: WeatherSource,
        workload: WorkloadSource,
        seed: int,
        physics_step_s: float = 30.0,
        heartbeat_timeout_s: float | None = None,
        *,
        compiled: bool | None = None,
    ) -> None:
        if not 0 < physics_step_s <= LONGEST_STEP_S:
            raise BrokenPromise(f"a physics step is above 0 and at most {LONGEST_STEP_S:g} s")
        self.site = site
        self.parameters = self._healthy = parameters or derive_parameters(site, seed)
        self.weather = weather
        self.workload = workload
        self.seed = seed
        self.physics_step_s = physics_step_s
        self.compiled = find_spec("llvmlite") is not None if compiled is None else compiled
        self.upset: Upset | None = None
        self._kernel: CompiledScan | None = None
        timeout = heartbeat_timeout_s or max(5 * site.safety.heartbeat_s, 3 * CONTROL_PERIOD_S)
        self.program = program_for(site, self.parameters, timeout)
        units = crah_units(site, self.parameters.crahs)
        self.instruments = install(site, self.parameters, units, seed)
        self._rng = np.random.default_rng([seed, 0x9015E])
        self._image: PlantImage | None = None

    # -- the Plant port -----------------------------------------------------------------

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Begin at `start`, settled under the as-found setpoints, with totals at zero."""
        if start.tzinfo is None:
            raise BrokenPromise("a plant starts at an aware instant")
        self._rng = np.random.default_rng([self.seed, 0x9015E])
        begin = start.timestamp() - SETTLE_S
        weathers, work = self.drive(np.array([begin]))
        first = Weather(*(v[0] for v in weathers)), work[0]
        noise = self._rng.bit_generator.state
        self._image = first_image(self.parameters, self.program, *first, self.physics_step_s, begin, noise)
        self._run(SETTLE_S)
        self._image = replace(self.image, tally=begin_tally(len(self.site.zones)), unix_s=start.timestamp())
        return self.readings()

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Apply the commands, let `seconds` pass, give the readings at the end."""
        for command in commands:
            self.write(command.point, command.value)
        self._run(seconds)
        return self.readings()

    # -- parts of it, for the faces -------------------------------------------------------

    def write(self, point: PointId, value: float) -> None:
        """Write one setpoint or the heartbeat (inside unit), as the PLC would take it."""
        image = self.image
        if point != self.program.heartbeat_point and point not in self.program.places:
            raise BrokenPromise(f"{point} is not a setpoint of the simulated site")
        self._image = replace(image, plc=self.program.write(image.plc, point, value))

    def register(self, point: PointId) -> float:
        """What a writable register holds now (inside unit)."""
        if point == self.program.heartbeat_point:
            return float(self.image.plc.supervision.heartbeat)
        return self.program.read(self.image.plc, point)

    def excuse(self, seconds: float) -> None:
        """Of the time that passes next the PLC does not listen so long: that is nobody's silence."""
        image = self.image
        self._image = replace(image, plc=self.program.excuse(image.plc, seconds))

    def step(self, seconds: float) -> None:
        """Let `seconds` pass and measure nothing."""
        self._run(seconds)

    def readings(self) -> list[Reading]:
        """What the sensors say now: one reading for each point of the site, in its order."""
        values = self.instruments.measure(self.signals(), self._rng)
        time = self.now
        return [
            Reading(point.id, time, value, Quality.GOOD if value == value else Quality.MISSING)
            for point, value in zip(self.site.points, values.tolist(), strict=True)
        ]

    def record(self, seconds: float, sample_s: float) -> tuple[Array, Array]:
        """Let `seconds` pass and measure every whole `sample_s`; the quick way to make history.

        Returns
        -------
        times : shape (samples,), unix seconds, each the end of its interval
        values : shape (samples, points), inside units, NaN where the plant has no such thing
        """
        times, signals = [], []
        samples = int(seconds / sample_s + 1e-9)
        for _ in range(samples):
            self._run(sample_s)
            times.append(self.image.unix_s)
            signals.append(self.signals())
        self._run(max(seconds - samples * sample_s, 0.0))
        vectors = np.array(signals).reshape(samples, self.instruments.pick.shape[1])
        return np.array(times, dtype=float), self.instruments.measure(vectors, self._rng)

    def signals(self) -> Array:
        """Every true quantity in one vector (see `instruments`)."""
        i = self.image
        return signals_of(self.parameters, i.state, i.flows, i.loops, i.plc, i.weather)

    @property
    def now(self) -> datetime:
        """Plant time, UTC."""
        return datetime.fromtimestamp(self.image.unix_s, UTC)

    @property
    def local_control(self) -> bool:
        """Whether the PLC has taken over."""
        return self.image.plc.supervision.local

    def true_inlets_c(self) -> Array:
        """True inlet of every rack group. Shape (zones, groups). [°C]"""
        return self.image.state.inlet_c

    def totals(self) -> Totals:
        """True accumulated amounts since `reset`, for scoring."""
        return self.image.tally.totals(tuple(z.id for z in self.site.zones))

    def begin_scoring(self) -> None:
        """Set the totals to zero, here and now."""
        self._image = replace(self.image, tally=begin_tally(len(self.site.zones)))

    def stored_kj(self) -> float:
        """Heat stored in rooms and loops, relative to 0 °C. [kJ]"""
        return float(stored_kj(self.parameters, self.image.state))

    @property
    def image(self) -> PlantImage:
        """Everything that changes. Cheap: arrays are never written into."""
        if self._image is None:
            raise BrokenPromise("reset the plant before using it")
        return replace(self._image, noise=self._rng.bit_generator.state)

    def restore(self, image: PlantImage) -> None:
        """Go on from an image of this plant."""
        self._image = image
        self._rng.bit_generator.state = image.noise

    def copy(self) -> SimulatedPlant:
        """An independent plant in the same state; parameters and drivers are shared."""
        twin = copy.copy(self)
        twin._rng = copy.deepcopy(self._rng)
        twin._kernel = self._kernel
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # Machine code stays where it was made; another process makes its own.
        return {**self.__dict__, "_kernel": None}

    def quiet_steps(self, most: int) -> int:
        """How many physics steps may pass before the PLC takes over, at most `most`, at least one."""
        return self.program.quiet_steps(self.image.plc, self.physics_step_s, most)

    # -- inside -----------------------------------------------------------------------------

    def drive(self, unix_s: Array) -> tuple[Weather, Array]:
        """What the world does at instants: outdoor air, and work of shape (instants, zones)."""
        dry, wet = self.weather.at(unix_s)
        humidity = ratio_from_wet_bulb(dry, wet, self.parameters.loops.pressure_kpa)
        return Weather(dry, wet, humidity), self.workload.at(unix_s)

    def _run(self, seconds: float) -> None:
        """Whole physics steps, and one shorter step for what is left over."""
        step = self.physics_step_s
        whole = int((seconds + 1e-6) // step)
        rest = seconds - whole * step
        steps = [step] * whole + ([rest] if rest > 1e-6 else [])
        for begin in range(0, len(steps), _CHUNK_STEPS):
            self._run_steps(steps[begin : begin + _CHUNK_STEPS])

    def _run_steps(self, steps: list[float]) -> None:
        p, image = self.parameters, self._image
        if image is None:
            raise BrokenPromise("reset the plant before using it")
        ends = image.unix_s + np.cumsum(steps)
        # Weather and work are taken at the middle of each step.
        drive = Drive(*self.drive(ends - np.asarray(steps) / 2))
        carry = Carry(image.state, image.flows, image.loops, image.plc.active, image.tally)
        plc, done = image.plc, 0
        while done < len(steps):
            step_s = steps[done]
            count = self.program.quiet_steps(plc, step_s, steps[done:].count(step_s))
            plc = self.program.watch(plc, count * step_s)
            part = rebuild(drive, itemgetter(slice(done, done + count)))
            carry = self._scans(step_s)(p, carry, plc.registers, part, step_s, self.upset)
            done += count
        now = rebuild(drive.weather, itemgetter(-1))
        plc = plc._replace(active=carry.active)
        self._image = PlantImage(
            float(ends[-1]), carry.state, carry.flows, carry.loops, plc, now, carry.tally, image.noise
        )

    def _scans(self, step_s: float) -> Scans:
        """What does many scans: compiled where that was asked for and fits, else one by one."""
        fits = self.compiled and step_s == self.physics_step_s and self.upset is None
        if not fits or self.parameters is not self._healthy:
            return one_by_one
        if self._kernel is None:
            from sim.kernel.compiled import CompiledScan

            i = self.image
            carry = Carry(i.state, i.flows, i.loops, i.plc.active, i.tally)
            self._kernel = CompiledScan(self.parameters, carry, step_s)
        kernel = self._kernel
        return lambda p, carry, written, drive, step_s, upset: kernel.run(carry, written, drive)

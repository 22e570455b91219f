"""The simulated site as a program: a plant on an accelerated clock behind two real wires."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from plant.errors import ConfigError
from plant.gateways import GatewayKind
from plant.points import PointId
from plant.site import Site
from sim.faces.exporter import ExporterFace
from sim.faces.modbus_server import ModbusFace
from sim.faces.ports import endpoint, require_free_port
from sim.history import write_history
from sim.plant import SimulatedPlant
from sim.totals import Totals
from sim.weather import WeatherYear, load_weather
from sim.workload import DiurnalWorkload

TICK_WALL_S = 0.2
MOST_LISTENED_WALL_S = 2 * TICK_WALL_S
"""A tick that took longer is one in which the host hesitated, and the wires were not served."""
CATCH_UP_STEPS = 400
"""Most physics steps in one tick, so that a stalled host does not also stall the wires."""


@dataclass(frozen=True)
class ServeOptions:
    """What `python -m sim serve` was asked."""

    site: Site
    weather: str
    start: datetime
    seed: int
    speed: float = 240.0
    epoch_wall_s: float | None = None
    physics_step_s: float = 30.0
    watchdog_floor_wall_s: float = 8.0
    history: Path | None = None
    as_found_days: float = 10.0
    excitation_days: float = 3.0


class LivePlants:
    """The controlled plant and its untouched twin, moving together."""

    def __init__(self, controlled: SimulatedPlant, as_found: SimulatedPlant, start: datetime) -> None:
        self.controlled = controlled
        self.as_found = as_found
        for plant in (controlled, as_found):
            plant.reset(start)
        self._published: dict[str, Totals] = {}
        self._time_s = start.timestamp()
        self.note_totals()

    # SetpointDesk, for the Modbus face
    def accepts(self, point: PointId, value: float) -> bool:
        """Whether the PLC would take the value as it is."""
        return self.controlled.program.in_range(point, value)

    def write(self, point: PointId, value: float) -> None:
        """Write a register of the controlled plant."""
        self.controlled.write(point, value)

    def register(self, point: PointId) -> float:
        """What a register of the controlled plant holds."""
        return self.controlled.register(point)

    def advance_to(self, unix_s: float, listened_s: float = math.inf) -> float:
        """Move both plants to an instant in whole physics steps, and give the seconds they moved.

        ``listened_s``: how much of it the wires were served. A supervisor is not silent in the rest: its
        beats wait in a wire that a stalled simulator does not read.
        """
        step = self.controlled.physics_step_s
        steps = int((unix_s - self._time_s) // step)
        if steps <= 0:
            return 0.0
        passed = min(steps, CATCH_UP_STEPS) * step
        self.controlled.excuse(max(0.0, passed - listened_s))
        self.controlled.step(passed)
        self.as_found.step(passed)
        self._time_s += passed
        return passed

    def note_totals(self) -> None:
        """Take the totals once, so that a scrape in another thread sees one instant."""
        self._published = {"controlled": self.controlled.totals(), "as_found": self.as_found.totals()}

    def values(self) -> Mapping[PointId, float]:
        """What the sensors say now."""
        return {reading.point: reading.value for reading in self.controlled.readings()}

    def truth(self) -> Iterable[Metric]:
        """True amounts of both plants, for scoring a demonstration; no controller may plan on them."""
        energy = CounterMetricFamily(
            "sim_true_energy_joules_total", "True energy since the start.", labels=["plant", "meter"]
        )
        water = CounterMetricFamily("sim_true_water_liters_total", "True make-up water.", labels=["plant"])
        worst = GaugeMetricFamily(
            "sim_true_inlet_max_celsius", "Warmest true inlet since the start.", labels=["plant"]
        )
        above = CounterMetricFamily(
            "sim_true_violation_seconds_total",
            "Time a zone's warmest true inlet was above its recommended maximum.",
            labels=["plant", "hall_zone"],
        )
        for name, t in self._published.items():
            for meter, kwh in (("facility", t.facility_kwh), ("it", t.it_kwh), ("cooling", t.cooling_kwh)):
                energy.add_metric([name, meter], kwh * 3.6e6)
            water.add_metric([name], t.water_l)
            worst.add_metric([name], t.worst_inlet_c)
            for zone, minutes in t.violation_minutes.items():
                above.add_metric([name, zone], minutes * 60)
        plant_time = GaugeMetricFamily("sim_time_seconds", "Plant time, Unix.")
        plant_time.add_metric([], self._time_s)
        return [energy, water, worst, above, plant_time]


def build_plant(options: ServeOptions, weather: WeatherYear) -> SimulatedPlant:
    """One plant as the options say; two calls give two identical ones."""
    site = options.site
    workload = DiurnalWorkload(len(site.zones), options.seed, timezone=site.timezone)
    # Acceleration must not fire the dead-man on a slow host: the floor is in wall seconds.
    timeout = max(site.safety.heartbeat_s * 5, options.watchdog_floor_wall_s * options.speed)
    return SimulatedPlant(
        site, None, weather, workload, options.seed, options.physics_step_s, heartbeat_timeout_s=timeout
    )


def make_history(options: ServeOptions, weather: WeatherYear) -> None:
    """Write the past that ends where the serving starts, with a line of progress on stderr."""
    if options.history is None:
        return
    began = time.monotonic()

    shown = -1

    def progress(share: float) -> None:
        nonlocal shown
        tenth = int(share * 10)
        if tenth > shown:
            shown = tenth
            sys.stderr.write(f"\rsimulating history {tenth * 10:3d} %")
            sys.stderr.flush()

    start = options.start - timedelta(days=options.as_found_days + options.excitation_days)
    written = write_history(
        build_plant(options, weather),
        start,
        options.history,
        as_found_days=options.as_found_days,
        excitation_days=options.excitation_days,
        seed=options.seed,
        progress=progress,
    )
    sys.stderr.write(
        f"\rsimulated history: {written.rows} rows in {time.monotonic() - began:.0f} s, {written.path}\n"
    )


async def serve(options: ServeOptions, wall: Callable[[], float] = time.time) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        If a port is taken, the weather is missing, or the history cannot be written.
    """
    weather = load_weather(options.weather)
    site = options.site
    for gateway in site.gateways:
        # Before the long work, not after it: nobody waits for a history to learn of a taken port.
        if gateway.kind is not GatewayKind.PROMETHEUS:
            require_free_port(*endpoint(gateway), f"{gateway.kind} gateway {gateway.id}")
    make_history(options, weather)
    plants = LivePlants(build_plant(options, weather), build_plant(options, weather), options.start)
    modbus = [ModbusFace(site, g, plants) for g in site.gateways if g.kind is GatewayKind.MODBUS]
    exporters = [g for g in site.gateways if g.kind is GatewayKind.EXPORTER]
    pages = [
        # The truth is told once, on the first page.
        ExporterFace(site, gateway, plants.truth if number == 0 else list)
        for number, gateway in enumerate(exporters)
    ]
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    _publish(plants, modbus, pages)
    try:
        for face in modbus:
            await face.start()
        for page in pages:
            page.start()
        epoch = wall() if options.epoch_wall_s is None else options.epoch_wall_s
        _announce(options, modbus, pages, epoch)
        await _run(plants, modbus, pages, options, epoch, wall, stop)
    finally:
        for face in modbus:
            await face.stop()
        for page in pages:
            page.stop()


async def _run(
    plants: LivePlants,
    modbus: list[ModbusFace],
    pages: list[ExporterFace],
    options: ServeOptions,
    epoch: float,
    wall: Callable[[], float],
    stop: asyncio.Event,
) -> None:
    start, looked, listened_s = options.start.timestamp(), wall(), 0.0
    while not stop.is_set():
        now = wall()
        listened_s += min(now - looked, MOST_LISTENED_WALL_S) * options.speed
        looked = now
        if passed := plants.advance_to(start + (now - epoch) * options.speed, listened_s):
            listened_s = max(0.0, listened_s - passed)
            plants.note_totals()
            _publish(plants, modbus, pages)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_WALL_S)


def _publish(plants: LivePlants, modbus: list[ModbusFace], pages: list[ExporterFace]) -> None:
    values = plants.values()
    for face in modbus:
        face.publish(values)
    for page in pages:
        page.publish(values)


def _announce(
    options: ServeOptions, modbus: list[ModbusFace], pages: list[ExporterFace], epoch: float
) -> None:
    line = {
        "ready": True,
        "modbus": modbus[0].gateway.target if modbus else None,
        "exporter": pages[0].gateway.target if pages else None,
        "start": options.start.isoformat(),
        "epoch_wall": epoch,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def parse_start(text: str) -> datetime:
    """An ISO 8601 instant with an offset; `ConfigError` otherwise."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ConfigError(
            f"--start {text!r}", "is not an instant with an offset", "write one like 2026-07-20T00:00:00Z"
        )
    return instant.astimezone(UTC)

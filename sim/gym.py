"""A Gymnasium environment over the simulated plant, for people who train policies of their own.

Installed with the extra ``rl``. An episode is a scenario (or its first days); a step is one control
period. The observation is what sensors say, faults included; the reward is money and warmth, from the
plant's true amounts. A trained policy still has to pass the envelope: it is a policy, not a controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from plant.commands import Command
from plant.points import PointId
from plant.quantities import Quantity, Role
from plant.readings import Reading
from plant.site import Site
from sim.faults import FaultyPlant, Place
from sim.plant import CONTROL_PERIOD_S
from sim.scenario import build_plant, build_site, load_scenario

Vector = NDArray[np.float32]
VIOLATION_PER_K_H = 100.0
"""What a kelvin-hour of a zone above its recommended maximum costs, in the site's currency."""


class CoolingEnv(gymnasium.Env[Vector, Vector]):
    """Move every lever of a site within its range and its largest move.

    Action: one number from -1 to 1 a lever, in the site's order: the share of `max_move` to go.
    Observation: every sensor in the site's order scaled to 0..1 over its possible range (0.5 where
    missing), then every lever's position over its range, then sine and cosine of the hour.

    Parameters
    ----------
    scenario
        A name of the library or the path of a scenario file.
    days
        Length of an episode; the scenario's own where None. [days]

    Raises
    ------
    ConfigError
        If the scenario cannot be used.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  (Gymnasium's own name and form)

    def __init__(self, scenario: str = "heat-wave", days: float | None = None) -> None:
        self.scenario = load_scenario(scenario)
        self.site: Site = build_site(self.scenario)
        self._length = self.scenario.length if days is None else timedelta(days=days)
        self._sensors = tuple(p for p in self.site.points if p.role is Role.SENSOR)
        self._low = np.array([p.facts.low for p in self._sensors])
        self._span = np.array([p.facts.high for p in self._sensors]) - self._low
        size = len(self._sensors) + len(self.site.levers) + 2
        self.observation_space = spaces.Box(-1.0, 1.0, (size,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (len(self.site.levers),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        """Begin an episode; without a seed, with the scenario's own plant."""
        super().reset(seed=seed)
        chosen = self.scenario.seed if seed is None else seed
        scenario = replace(self.scenario, seed=chosen)
        self._body = build_plant(scenario, self.site)
        faults = [f for f in scenario.faults if f.place is not Place.FEED]
        self._plant = FaultyPlant(self._body, self.site, faults, chosen)
        self._at = scenario.start
        self._beats = 0
        self._levers = np.array([lever.as_found for lever in self.site.levers])
        return self._observe(self._plant.reset(self._at)), self._told()

    def step(self, action: Vector) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Move the levers, let one control period pass."""
        before = self._body.totals()
        moves = np.clip(np.asarray(action, float), -1.0, 1.0)
        wanted = self._levers + moves * [lever.max_move for lever in self.site.levers]
        self._levers = np.array(
            [lever.clamp(float(v)) for lever, v in zip(self.site.levers, wanted, strict=True)]
        )
        self._beats = (self._beats + 1) % 65_536
        readings = self._plant.advance(self._commands(), CONTROL_PERIOD_S)
        self._at += timedelta(seconds=CONTROL_PERIOD_S)
        energy_kwh = self._body.totals().facility_kwh - before.facility_kwh
        water_m3 = (self._body.totals().water_l - before.water_l) / 1000
        reward = -self._cost(energy_kwh, water_m3)
        over = self._at >= self.scenario.start + self._length
        return self._observe(readings), reward, False, over, self._told()

    def _cost(self, energy_kwh: float, water_m3: float) -> float:
        tariff, hours = self.site.tariff, CONTROL_PERIOD_S / 3600
        limits = np.array([z.limits.recommended_max_c for z in self.site.zones])
        above_k = np.maximum(self._body.true_inlets_c().max(axis=-1) - limits, 0.0).sum()
        money = energy_kwh * tariff.price_per_kwh + water_m3 * tariff.water_price_per_m3
        return float(money + VIOLATION_PER_K_H * above_k * hours)

    def _commands(self) -> list[Command]:
        commands = [
            Command(point, float(value))
            for lever, value in zip(self.site.levers, self._levers, strict=True)
            for point in lever.points
        ]
        beats = self.site.points_with(Quantity.HEARTBEAT)
        return [*commands, *(Command(p.id, float(self._beats)) for p in beats)]

    def _observe(self, readings: Sequence[Reading]) -> Vector:
        said: dict[PointId, float] = {r.point: r.value for r in readings if r.usable}
        values = np.array([said.get(p.id, np.nan) for p in self._sensors])
        scaled = np.nan_to_num((values - self._low) / self._span, nan=0.5)
        low = np.array([lever.low for lever in self.site.levers])
        high = np.array([lever.high for lever in self.site.levers])
        hour = 2 * np.pi * (self._at.hour + self._at.minute / 60) / 24
        clock = [np.sin(hour), np.cos(hour)]
        everything = np.concatenate([scaled, (self._levers - low) / (high - low), clock])
        return np.asarray(np.clip(everything, -1.0, 1.0), np.float32)

    def _told(self) -> dict[str, Any]:
        totals = self._body.totals()
        return {
            "time": self._at.isoformat(),
            "facility_kwh": totals.facility_kwh,
            "worst_inlet_c": totals.worst_inlet_c,
            "violation_minutes": sum(totals.violation_minutes.values()),
        }

"""One planning problem: the plant now, the world to come, what it costs and what must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from optimizer.billing import NO_BILL, DemandBill
from optimizer.board import Board
from optimizer.duty import Duty
from optimizer.loop_sums import loop_sums
from optimizer.margins import Margins
from optimizer.model import Course, PlantModel, Rollout, World
from optimizer.room_side import Outside
from optimizer.running import STANDING, Running
from optimizer.switches import NO_SWITCHES, Switches
from plant.forecast import Array
from plant.redundancy import Redundancy
from plant.setpoints import LeverId
from plant.site import Site
from plant.timegrid import TimeGrid


@dataclass(frozen=True)
class PlannerSettings:
    """How the planner is run.

    `sigmas` standard deviations are kept between every predicted inlet and its planning limit
    (2 is 97.7 % for one inlet). `move_cost` is money per lever and per `max_move` moved: it only
    breaks ties. `passes` is how often the program is solved, each time around the best path so far.
    `solve_limit_s` and `gap` bound the solver.
    """

    sigmas: float = 2.0
    answers_within_s: float = 600.0
    """Time in which what was not expected is seen and answered: a plan comes every few minutes."""
    move_cost: float = 0.002
    violation_cost_per_k_h: float = 100.0
    margin_cost_per_k_h: float = 30.0
    passes: int = 2
    solve_limit_s: float = 5.0
    gap: float = 1e-3
    threads: int = 1
    fine_steps: int = 8
    coarse_steps: int = 4
    use_solver: bool = True
    n_minus_one: bool = True
    """Whether room is kept for the trip of any one machine the site names."""

    cap_price_per_kg: float = 2.0
    """Most that is paid to keep a carbon cap: above any abatement a cooling plant has. [currency/kg]"""
    cap_trials: int = 5

    @classmethod
    def of(cls, site: Site) -> PlannerSettings:
        """As the site wants to be planned for: its confidence, and its wear where it names one."""
        wear = max(site.planning.move_cost, cls.move_cost)
        return cls(sigmas=site.planning.confidence_sigmas, move_cost=wear)


@dataclass(frozen=True)
class Problem:
    """Everything a plan depends on, as arrays over the grid's steps.

    `energy_price` is currency per kWh with carbon inside; `limit_c` by zone.
    """

    site: Site
    model: PlantModel
    """The laws of the units that run."""
    learned: str
    """Version of the model that was learned, of all units."""
    settings: PlannerSettings
    grid: TimeGrid
    board: Board
    world: World
    energy_price: Array
    plain_price: Array
    carbon_g_per_kwh: Array
    limit_c: Array
    notes: tuple[str, ...]
    redundancy: Redundancy
    """What the site declares of trips, of the air units that run now."""
    switches: Switches = NO_SWITCHES
    schedule: Array = field(default_factory=lambda: np.zeros((0, 0)))
    """What is asked of the switches, (steps, switches); work it puts off is already out of `world`."""
    running: Running = STANDING
    waiting_kwh: Mapping[LeverId, float] = field(default_factory=dict)
    """Work put off before now and not run yet, by lever."""
    bill: DemandBill = NO_BILL
    """What the highest quarter hours of the horizon's months cost."""
    stored_worth: float = 0.0
    """What a kilowatt-hour of cold left in the tank at the end is worth."""
    storage_kw: Array | None = None
    """The tank's planned rate (steps,); a path may have another."""
    cap_price: float = 0.0
    """What a carbon cap adds to the price of a gram, in `energy_price`. [currency/g]"""

    @property
    def duty(self) -> Duty:
        """What the schedule asks of the plant room at each step."""
        return self._with_liquid(self.switches.duty(self.schedule, self.storage_kw), self.schedule)

    @property
    def reference_kw(self) -> Array:
        """IT power asked for, by step and zone, with the schedule's work put off. [kW]"""
        return self.world.it_reference_kw

    @property
    def carbon_cap_kg(self) -> float | None:
        """Most carbon over this horizon, where the site sets a cap. [kg]"""
        cap = self.site.planning.carbon_cap_kg_per_day
        return None if cap is None else cap * self.grid.steps * self.grid.step_h / 24

    def at_cap_price(self, per_g: float) -> Problem:
        """The same problem with carbon dearer by so much. [currency/g]"""
        dearer = self.energy_price + (per_g - self.cap_price) * np.nan_to_num(self.carbon_g_per_kwh)
        return replace(self, energy_price=dearer, cap_price=per_g)

    def under(self, schedule: Array, storage_kw: Array | None, stored_worth: float) -> Problem:
        """The same problem with what runs decided; only of a problem that put nothing off yet."""
        waiting = self._put_off_kw(schedule)
        world = self.world
        if waiting is not None:
            world = replace(world, it_reference_kw=np.maximum(world.it_reference_kw - waiting, 0.0))
        return replace(self, schedule=schedule, storage_kw=storage_kw, stored_worth=stored_worth, world=world)

    def _put_off_kw(self, schedule: Array) -> Array | None:
        design = np.array([z.it_design_kw for z in self.site.zones])
        reference, hours = self.world.it_reference_kw, self.grid.step_h
        return self.switches.put_off_kw(schedule, reference, design, hours, self.waiting_kwh)

    def course(self, paths: Array, schedules: Array | None = None) -> Course:
        """Paths (…, steps, axes) as courses, under the problem's schedule or each under its own."""
        course = self.board.unpack(paths)
        chosen = np.broadcast_to(self.schedule, (*paths.shape[:-1], self.schedule.shape[-1]))
        put_off = None
        if schedules is not None:
            chosen = schedules
            put_off = self._put_off_kw(schedules)
        duty = self._with_liquid(self.switches.duty(chosen, course.duty.storage_kw), chosen)
        liquid = self.liquid_c(chosen) if self.model.liquid else None
        outdoor = self.switches.outdoor_air(chosen, len(self.model.zones))
        return replace(course, duty=duty, put_off_kw=put_off, outdoor_air=outdoor, liquid_c=liquid)

    def liquid_c(self, schedule: Array) -> Array:
        """Liquid loops' supply under a schedule (…, steps, switches). Shape (…, steps, loops). [°C]"""
        stands = np.broadcast_to(
            self.model.liquid_at(self.world), (*schedule.shape[:-1], len(self.model.liquid))
        )
        return self.switches.liquid_c(schedule, stands, tuple(law.unit for law in self.model.liquid))

    def _with_liquid(self, duty: Duty, schedule: Array) -> Duty:
        """What the plant room is asked, with the heat of liquid loops."""
        if not self.model.liquid:
            return duty
        liquid_c = self.liquid_c(schedule)
        it = np.broadcast_to(self.reference_kw, (*liquid_c.shape[:-1], self.reference_kw.shape[-1]))
        sums = loop_sums(self.model.liquid, self.model.liquid_zones, it, liquid_c, np.zeros(it.shape[:-1]))
        return replace(duty, liquid_kw=sums.heat_kw)

    @property
    def outside(self) -> Outside | None:
        """The air outside with what the schedule lets in; None where no law asks for it."""
        if self.model.bank.plain:
            return None
        leave = self.switches.outdoor_air(self.schedule, len(self.model.zones))
        return self.model.outside(self.world, leave)

    def money(self, rolled: Rollout) -> Array:
        """Cost of each step: energy, carbon price and water. Shape (candidates, steps)."""
        cap = self.cap_price * np.nan_to_num(self.carbon_g_per_kwh)
        energy = rolled.facility_kw * self.grid.step_h * (self.energy_price - cap)
        water = rolled.water_l / 1000 * self.site.tariff.water_price_per_m3
        return np.asarray(energy + water)

    def margin_k(self, std_k: Array, zones: slice | int = slice(None)) -> Array:
        """Room kept under the planning limit for a spread of the warmest inlet (…, zones). [K]"""
        return self._margins.kept_k(std_k, zones)

    @cached_property
    def _margins(self) -> Margins:
        limits = [z.limits for z in self.site.zones]
        above = np.array([v.recommended_max_c - v.planning_max_c for v in limits])
        s, bank = self.settings, self.model.bank
        return Margins.of(s.sigmas, s.answers_within_s, bank.std_k, bank.tau_s, above)

    def excess_k(self, rolled: Rollout, *, with_margin: bool) -> Array:
        """Inlets above the planning limit, by step, worst zone. Shape (candidates, steps). [K]"""
        margin = self.margin_k(rolled.worst_inlet_std_k) if with_margin else 0.0
        return np.asarray((rolled.worst_inlet_c + margin - self.limit_c).max(axis=-1))


def lever_axis(board: Board) -> dict[LeverId, int]:
    """Which axis of the board each lever belongs to."""
    return {lever.id: i for i, axis in enumerate(board.axes) for lever in axis.levers}

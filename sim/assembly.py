"""Which parts a site is assembled from: chosen once from its equipment, then only called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from plant.quantities import Quantity
from plant.site import EquipmentKind, Site
from sim import dampers
from sim.arrays import Array
from sim.parts import air, chilled, condenser, liquid, servers
from sim.state import Actuators, Flows, PlantState, Weather

if TYPE_CHECKING:
    from sim.parameters import PlantParameters as P
    from sim.plc import Registers

Work = Callable[["P", PlantState, Actuators, Array, float], tuple[Array, Array]]
Chips = Callable[["P", PlantState, Array], tuple[Array, Array]]
Mix = Callable[["P", PlantState, Actuators, Weather, Array], air.Entering]
Cool = Callable[["P", PlantState, Actuators, Weather, Array, Array, Array], air.Cooling]
Pump = Callable[["P", PlantState, Actuators, Array], chilled.Pumped]
Store = Callable[["P", PlantState, Actuators, Array, Array, Weather, float], chilled.Stored]
Recover = Callable[["P", PlantState, Weather, Array, Array, liquid.LiquidFlows], tuple[Array, Array]]


class Plan(NamedTuple):
    """One function for each place in the plant. Plain module functions, so that a plan can be pickled."""

    servers: Callable[[P, PlantState, Actuators, Array, float], servers.ItFlows]
    work: Work
    chips: Chips
    rooms: Callable[[P, PlantState, Actuators, servers.ItFlows, Weather, float], air.AirFlows]
    entering: Mix
    cooling: Cool
    relief: Callable[[P, Array, Array], Array]
    liquid: Callable[[P, PlantState, Actuators, servers.ItFlows, float], liquid.LiquidFlows]
    chilled: Callable[[P, PlantState, Actuators, air.AirFlows, Array, Weather, float], chilled.ChilledFlows]
    pumping: Pump
    storage: Store
    condenser: Callable[
        [P, PlantState, Actuators, chilled.ChilledFlows, liquid.LiquidFlows, Weather, float],
        condenser.CondenserFlows,
    ]
    tower: Callable[[P, Array, Array, Array, Array], Array]
    recovery: Recover
    dampers: Callable[[P, Array, Registers, PlantState, Flows, Weather, float], Array]


def plan_for(site: Site, *, has_water: bool, has_dx: bool, has_coils: bool, merkel: bool) -> Plan:
    """The parts this site needs."""

    def has(kind: EquipmentKind) -> bool:
        return bool(site.equipment_of(kind))

    outdoor = has(EquipmentKind.AIR_ECONOMIZER)
    two_circuits = len(site.equipment_of(EquipmentKind.CHILLED_WATER_PUMP)) > 1
    waits = bool(site.points_with(Quantity.DEFERRED_IT_POWER_SETPOINT))
    cooling = air.coils_and_dx if has_coils else air.dx_circuits
    return Plan(
        servers=servers.servers,
        work=servers.some_work_waits if waits else servers.all_work_now,
        chips=servers.direct_to_chip if has(EquipmentKind.CDU) else servers.air_only,
        rooms=air.rooms,
        entering=air.outdoor_and_return_air if outdoor else air.return_air,
        cooling=cooling if has_dx else air.water_coils,
        relief=air.relief_fans if outdoor else air.no_relief,
        liquid=liquid.coolant_loops if has(EquipmentKind.CDU) else liquid.no_liquid,
        chilled=chilled.chilled_water if has_water else chilled.no_chilled_water,
        pumping=chilled.primary_secondary if two_circuits else chilled.variable_primary,
        storage=chilled.storage_tank if has(EquipmentKind.STORAGE_TANK) else chilled.no_storage,
        condenser=condenser.condenser_water if has_water else condenser.no_condenser_water,
        tower=condenser.merkel_tower if merkel else condenser.york_tower,
        recovery=_recovery(has),
        dampers=dampers.mixing_dampers if outdoor else dampers.no_dampers,
    )


def _recovery(has: Callable[[EquipmentKind], bool]) -> Recover:
    if not has(EquipmentKind.HEAT_RECOVERY):
        return condenser.no_recovery
    return condenser.recovery_from_liquid if has(EquipmentKind.CDU) else condenser.recovery_from_machines

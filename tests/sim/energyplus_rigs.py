"""Test rigs in EnergyPlus: one machine of a kind between plain pipes, everything else held by schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.physics.chiller import ChillerCurves
from sim.physics.fans import TOWER
from sim.physics.pumps import CHILLED_WATER

Objects = dict[str, dict[str, dict[str, Any]]]

TOWER_WATER_M3_S = 0.045
TOWER_AIR_M3_S = 28.0
TOWER_FAN_W = 22_000.0
CHILLED_PUMP_W = 20_000.0
CHILLED_M3_S = 0.034
EXCHANGER_W_K = 250_000.0
DRIVEN = ("load", "flow", "chilled setpoint", "condenser setpoint")


def plant_rig(curves: ChillerCurves, capacity_w: float, cop: float, evaporator_c: float, condenser_c: float,
              approach_k: float) -> Objects:  # fmt: skip
    """A load profile, a plate exchanger and a chiller in series, a condenser loop and a YorkCalc tower."""
    return {
        **_frame(steps_per_hour=6),
        **_curves(curves),
        "Schedule:Constant": {name: {"hourly_value": 1.0} for name in (*DRIVEN, "always")},
        "SetpointManager:Scheduled": {
            node: {"control_variable": "Temperature", "schedule_name": f"{side} setpoint",
                   "setpoint_node_or_nodelist_name": node}
            for side, node in (("chilled", "chilled supply out"), ("chilled", "chiller out"),
                               ("condenser", "condenser supply out"))},
        "PlantLoop": {"chilled": _loop("chilled", CHILLED_M3_S, 1, 50)},
        "CondenserLoop": {"condenser": _condenser_loop()},
        "LoadProfile:Plant": {
            "profile": {"inlet_node_name": "profile in", "outlet_node_name": "profile out",
                        "load_schedule_name": "load", "peak_flow_rate": CHILLED_M3_S,
                        "flow_rate_fraction_schedule_name": "flow"}},
        "Chiller:Electric:EIR": {
            "chiller": {
                "reference_capacity": capacity_w, "reference_cop": cop,
                "reference_leaving_chilled_water_temperature": evaporator_c,
                "reference_entering_condenser_fluid_temperature": condenser_c,
                "reference_chilled_water_flow_rate": CHILLED_M3_S,
                "reference_condenser_fluid_flow_rate": TOWER_WATER_M3_S / 2,
                "cooling_capacity_function_of_temperature_curve_name": "capacity",
                "electric_input_to_cooling_output_ratio_function_of_temperature_curve_name": "eir",
                "electric_input_to_cooling_output_ratio_function_of_part_load_ratio_curve_name": "part load",
                "minimum_part_load_ratio": curves.plr_min, "maximum_part_load_ratio": curves.plr_max,
                "minimum_unloading_ratio": curves.plr_min, "optimum_part_load_ratio": 0.7,
                "chilled_water_inlet_node_name": "chiller in",
                "chilled_water_outlet_node_name": "chiller out",
                "condenser_inlet_node_name": "chiller cw in", "condenser_outlet_node_name": "chiller cw out",
                "chiller_flow_mode": "NotModulated"}},
        "HeatExchanger:FluidToFluid": {
            "exchanger": {
                "loop_demand_side_inlet_node_name": "exchanger cw in",
                "loop_demand_side_outlet_node_name": "exchanger cw out",
                "loop_demand_side_design_flow_rate": TOWER_WATER_M3_S / 2,
                "loop_supply_side_inlet_node_name": "exchanger in",
                "loop_supply_side_outlet_node_name": "chiller in",
                "loop_supply_side_design_flow_rate": CHILLED_M3_S,
                "heat_exchange_model_type": "CounterFlow",
                "heat_exchanger_u_factor_times_area_value": EXCHANGER_W_K,
                "control_type": "CoolingDifferentialOnOff"}},
        "CoolingTower:VariableSpeed": {
            "tower": {
                "water_inlet_node_name": "condenser pump out", "water_outlet_node_name": "tower out",
                "model_type": "YorkCalc", "design_inlet_air_wet_bulb_temperature": 25.56,
                "design_approach_temperature": approach_k, "design_range_temperature": 5.56,
                "design_water_flow_rate": TOWER_WATER_M3_S, "design_air_flow_rate": TOWER_AIR_M3_S,
                "design_fan_power": TOWER_FAN_W,
                "fan_power_ratio_function_of_air_flow_rate_ratio_curve_name": "tower fan"}},
        "Pump:VariableSpeed": {
            "chilled pump": _pump("chilled", CHILLED_M3_S, CHILLED_PUMP_W, CHILLED_WATER),
            "condenser pump": _pump("condenser", TOWER_WATER_M3_S, 20_000.0, (0.0, 1.0, 0.0, 0.0))},
        "Branch": {
            "chilled pump branch": _branch(("Pump:VariableSpeed", "chilled pump", "chilled supply in",
                                            "chilled pump out")),
            "chiller branch": _branch(
                ("HeatExchanger:FluidToFluid", "exchanger", "exchanger in", "chiller in"),
                ("Chiller:Electric:EIR", "chiller", "chiller in", "chiller out")),
            "chilled out branch": _branch(_pipe("chilled out", "chiller out 2", "chilled supply out")),
            "profile in branch": _branch(_pipe("profile in", "chilled demand in", "profile in 0")),
            "profile branch": _branch(("LoadProfile:Plant", "profile", "profile in", "profile out")),
            "profile out branch": _branch(_pipe("profile out", "profile out 2", "chilled demand out")),
            "condenser pump branch": _branch(("Pump:VariableSpeed", "condenser pump", "condenser supply in",
                                              "condenser pump out 0")),
            "tower branch": _branch(("CoolingTower:VariableSpeed", "tower", "condenser pump out",
                                     "tower out")),
            "condenser out branch": _branch(_pipe("condenser out", "tower out 2", "condenser supply out")),
            "heat in branch": _branch(_pipe("heat in", "condenser demand in", "heat in 0")),
            "chiller heat branch": _branch(("Chiller:Electric:EIR", "chiller", "chiller cw in",
                                            "chiller cw out")),
            "exchanger heat branch": _branch(("HeatExchanger:FluidToFluid", "exchanger", "exchanger cw in",
                                              "exchanger cw out")),
            "heat out branch": _branch(_pipe("heat out", "heat out 0", "condenser demand out"))},
        "Pipe:Adiabatic": {
            "chilled out": _ends("chiller out 2", "chilled supply out"),
            "profile in": _ends("chilled demand in", "profile in 0"),
            "profile out": _ends("profile out 2", "chilled demand out"),
            "condenser out": _ends("tower out 2", "condenser supply out"),
            "heat in": _ends("condenser demand in", "heat in 0"),
            "heat out": _ends("heat out 0", "condenser demand out")},
        **_lists({
            "chilled supply": ("chilled pump branch", "chiller branch", "chilled out branch"),
            "chilled demand": ("profile in branch", "profile branch", "profile out branch"),
            "condenser supply": ("condenser pump branch", "tower branch", "condenser out branch"),
            "condenser demand": ("heat in branch", "chiller heat branch", "exchanger heat branch",
                                 "heat out branch")}),
        **_operation(),
    }  # fmt: skip


def _frame(steps_per_hour: int) -> Objects:
    return {
        "Version": {"version": {"version_identifier": "25.2"}},
        "Building": {"rig": {"minimum_number_of_warmup_days": 1}},
        "Timestep": {"step": {"number_of_timesteps_per_hour": steps_per_hour}},
        "GlobalGeometryRules": {"rules": {"starting_vertex_position": "UpperLeftCorner",
                                          "vertex_entry_direction": "Counterclockwise",
                                          "coordinate_system": "Relative"}},
    }  # fmt: skip


def _curves(curves: ChillerCurves) -> Objects:
    te, tc = curves.leaving_c, curves.entering_c
    terms = ("coefficient1_constant", "coefficient2_x", "coefficient3_x_2")
    both = (*terms, "coefficient4_y", "coefficient5_y_2", "coefficient6_x_y")
    limits = {"minimum_value_of_x": te[0], "maximum_value_of_x": te[1],
              "minimum_value_of_y": tc[0], "maximum_value_of_y": tc[1]}  # fmt: skip
    return {
        "Curve:Biquadratic": {
            "capacity": {**dict(zip(both, curves.capacity, strict=True)), **limits},
            "eir": {**dict(zip(both, curves.eir, strict=True)), **limits},
        },
        "Curve:Quadratic": {
            "part load": {**dict(zip(terms, curves.part_load, strict=True)),
                          "minimum_value_of_x": curves.plr_min, "maximum_value_of_x": curves.plr_max}},
        "Curve:Cubic": {
            "tower fan": {**dict(zip((*terms, "coefficient4_x_3"), TOWER, strict=True)),
                          "minimum_value_of_x": 0.0, "maximum_value_of_x": 1.0}},
    }  # fmt: skip


def _loop(name: str, flow_m3_s: float, least_c: float, most_c: float) -> dict[str, Any]:
    return {
        "fluid_type": "Water", "plant_equipment_operation_scheme_name": f"{name} operation",
        "loop_temperature_setpoint_node_name": f"{name} supply out", "maximum_loop_temperature": most_c,
        "minimum_loop_temperature": least_c, "maximum_loop_flow_rate": flow_m3_s, "plant_loop_volume": 2.0,
        "plant_side_inlet_node_name": f"{name} supply in",
        "plant_side_outlet_node_name": f"{name} supply out",
        "plant_side_branch_list_name": f"{name} supply branches",
        "plant_side_connector_list_name": f"{name} supply connectors",
        "demand_side_inlet_node_name": f"{name} demand in",
        "demand_side_outlet_node_name": f"{name} demand out",
        "demand_side_branch_list_name": f"{name} demand branches",
        "demand_side_connector_list_name": f"{name} demand connectors"}  # fmt: skip


def _condenser_loop() -> dict[str, Any]:
    loop = _loop("condenser", TOWER_WATER_M3_S, 5, 60)
    renamed = {"plant_equipment_operation_scheme_name": "condenser_equipment_operation_scheme_name",
               "loop_temperature_setpoint_node_name": "condenser_loop_temperature_setpoint_node_name",
               "plant_loop_volume": "condenser_loop_volume",
               "demand_side_branch_list_name": "condenser_demand_side_branch_list_name",
               "demand_side_connector_list_name": "condenser_demand_side_connector_list_name"}  # fmt: skip
    return {
        renamed.get(key, key.replace("plant_side", "condenser_side")): value for key, value in loop.items()
    }


def _pump(side: str, flow_m3_s: float, power_w: float, law: Sequence[float]) -> dict[str, Any]:
    out = "chilled pump out" if side == "chilled" else "condenser pump out 0"
    return {"inlet_node_name": f"{side} supply in", "outlet_node_name": out,
            "design_maximum_flow_rate": flow_m3_s, "design_power_consumption": power_w,
            "design_pump_head": 200_000.0, "design_minimum_flow_rate": 0.0,
            "pump_control_type": "Intermittent",
            **{f"coefficient_{n}_of_the_part_load_performance_curve": c
               for n, c in enumerate(law, start=1)}}  # fmt: skip


def _pipe(name: str, inlet: str, outlet: str) -> tuple[str, str, str, str]:
    return ("Pipe:Adiabatic", name, inlet, outlet)


def _ends(inlet: str, outlet: str) -> dict[str, Any]:
    return {"inlet_node_name": inlet, "outlet_node_name": outlet}


def _branch(*components: tuple[str, str, str, str]) -> dict[str, Any]:
    return {
        "components": [
            {"component_object_type": kind, "component_name": name, "component_inlet_node_name": inlet,
             "component_outlet_node_name": outlet}
            for kind, name, inlet, outlet in components]}  # fmt: skip


def _lists(sides: Mapping[str, Sequence[str]]) -> Objects:
    objects: Objects = {
        "BranchList": {},
        "ConnectorList": {},
        "Connector:Splitter": {},
        "Connector:Mixer": {},
    }
    for side, branches in sides.items():
        middle = [{"outlet_branch_name": b} for b in branches[1:-1]]
        objects["BranchList"][f"{side} branches"] = {"branches": [{"branch_name": b} for b in branches]}
        objects["ConnectorList"][f"{side} connectors"] = {
            "connector_1_object_type": "Connector:Splitter", "connector_1_name": f"{side} splitter",
            "connector_2_object_type": "Connector:Mixer", "connector_2_name": f"{side} mixer"}  # fmt: skip
        objects["Connector:Splitter"][f"{side} splitter"] = {
            "inlet_branch_name": branches[0], "branches": middle}  # fmt: skip
        objects["Connector:Mixer"][f"{side} mixer"] = {
            "outlet_branch_name": branches[-1],
            "branches": [{"inlet_branch_name": b} for b in branches[1:-1]]}  # fmt: skip
    return objects


def _operation() -> Objects:
    """The exchanger takes what it can, the chiller then holds its outlet, the tower carries all heat."""
    by_setpoint, by_load, by_none = (
        f"PlantEquipmentOperation:{kind}" for kind in ("ComponentSetpoint", "CoolingLoad", "Uncontrolled")
    )

    def scheme(*several: tuple[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for n, (kind, name) in enumerate(several, 1):
            found |= {f"control_scheme_{n}_object_type": kind, f"control_scheme_{n}_name": name,
                      f"control_scheme_{n}_schedule_name": "always"}  # fmt: skip
        return found

    return {
        "PlantEquipmentList": {"exchangers": _machines(("HeatExchanger:FluidToFluid", "exchanger"))},
        "CondenserEquipmentList": {"towers": _machines(("CoolingTower:VariableSpeed", "tower"))},
        by_none: {"exchange": {"equipment_list_name": "exchangers"}},
        by_setpoint: {
            "chill": {
                "equipment_1_object_type": "Chiller:Electric:EIR", "equipment_1_name": "chiller",
                "demand_calculation_1_node_name": "chiller in", "setpoint_1_node_name": "chiller out",
                "component_1_flow_rate": CHILLED_M3_S, "operation_1_type": "Cooling"}},
        by_load: {"reject": {"load_range_1_lower_limit": 0.0, "load_range_1_upper_limit": 1e9,
                             "range_1_equipment_list_name": "towers"}},
        "PlantEquipmentOperationSchemes": {
            "chilled operation": scheme((by_none, "exchange"), (by_setpoint, "chill"))},
        "CondenserEquipmentOperationSchemes": {"condenser operation": scheme((by_load, "reject"))},
    }  # fmt: skip


def _machines(*several: tuple[str, str]) -> dict[str, Any]:
    return {"equipment": [{"equipment_object_type": kind, "equipment_name": name} for kind, name in several]}


def with_merkel_tower(rig: Objects, ua_w_k: float) -> Objects:
    """The rig with CoolingTower:VariableSpeed:Merkel of a given conductance in place of its tower."""
    york = rig.pop("CoolingTower:VariableSpeed")["tower"]
    kind = "CoolingTower:VariableSpeed:Merkel"
    for branch in rig["Branch"].values():
        for component in branch["components"]:
            if component["component_name"] == "tower":
                component["component_object_type"] = kind
    rig["CondenserEquipmentList"] = {"towers": _machines((kind, "tower"))}
    kept = {"water_inlet_node_name", "water_outlet_node_name", "design_inlet_air_wet_bulb_temperature",
            "design_approach_temperature", "design_range_temperature", "design_water_flow_rate",
            "design_air_flow_rate", "design_fan_power"}  # fmt: skip
    modifier = "u_factor_times_area_modifier_function_of_{}_curve_name".format
    rig[kind] = {"tower": {
        **{key: value for key, value in york.items() if key in kept},
        "performance_input_method": "UFactorTimesAreaAndDesignWaterFlowRate",
        "design_air_flow_rate_u_factor_times_area_value": ua_w_k,
        "free_convection_regime_air_flow_rate": 0.1 * TOWER_AIR_M3_S,
        "free_convection_regime_u_factor_times_area_value": 0.1 * ua_w_k,
        "fan_power_modifier_function_of_air_flow_rate_ratio_curve_name": "tower fan",
        modifier("air_flow_ratio"): "by air", modifier("water_flow_ratio"): "by water",
        modifier("wetbulb_temperature_difference"): "by wet bulb"}}  # fmt: skip
    laws = {
        "by air": (0.0, 1.3, -0.3),
        "by water": (0.1082, 1.667, -0.7713),
        "by wet bulb": (1.0, 0.0081, 0.0),
    }
    terms = ("coefficient1_constant", "coefficient2_x", "coefficient3_x_2")
    for name, law in laws.items():
        low, high = (-30.0, 60.0) if name == "by wet bulb" else (0.0, 2.0)
        limits = {"minimum_value_of_x": low, "maximum_value_of_x": high}
        rig["Curve:Quadratic"][name] = {**dict(zip(terms, law, strict=True)), **limits}
    return rig

"""Every metric we export: one table, one row a metric. The reference in the docs is made from it.

Base units (celsius, watts, joules, grams, cubic meters, ratios, seconds), timestamps and
not ages, no label a scrape configuration would use itself (a zone is `hall_zone`, not `zone`).
Every metric also carries `site`. A gauge whose source has no usable value is absent, never frozen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "coolwright"
SITE_LABEL = "site"


class Kind(StrEnum):
    """What may happen to a metric's value."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric: its name without prefix, what it is, and its labels besides `site`."""

    short: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The name as it is exported."""
        return f"{PREFIX}_{self.short}"


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_CARBON = ("method", "carbon_kind", "provider", "synthetic")
_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)

PLANT: tuple[Spec, ...] = (
    Spec("inlet_temperature_celsius", _G, "Rack inlet air temperature.", ("hall_zone", "sensor")),
    Spec("inlet_limit_celsius", _G, "Rack inlet limit of the site file.", ("hall_zone", "limit")),
    Spec(
        "trip_margin_kelvin",
        _G,
        "Room below the allowable inlet limit, by our own reckoning, if this machine tripped now.",
        ("hall_zone", "equipment"),
    ),
    Spec("supply_air_temperature_celsius", _G, "Air leaving a CRAH.", ("hall_zone", "equipment")),
    Spec("return_air_temperature_celsius", _G, "Air entering a CRAH.", ("hall_zone", "equipment")),
    Spec("fan_speed_ratio", _G, "Fan speed as a share of full speed.", ("hall_zone", "equipment")),
    Spec("valve_position_ratio", _G, "Chilled-water valve opening.", ("hall_zone", "equipment")),
    Spec("equipment_power_watts", _G, "Electrical power of a machine.", ("equipment", "kind")),
    Spec("equipment_running", _G, "1 while a machine runs, else 0.", ("equipment", "kind")),
    Spec("economizer_heat_watts", _G, "Heat the economizer moves.", ("equipment",)),
    Spec("meter_power_watts", _G, "Site meters: facility, it, cooling.", ("meter",)),
    Spec("zone_it_power_watts", _G, "IT power of a zone.", ("hall_zone",)),
    Spec("utilization_ratio", _G, "Server utilization of a zone.", ("hall_zone",)),
    Spec("water_temperature_celsius", _G, "Plant water temperature by loop.", ("loop",)),
    Spec("chilled_water_flow_cubic_meters_per_second", _G, "Chilled-water flow."),
    Spec("makeup_water_flow_cubic_meters_per_second", _G, "Make-up water flow."),
    Spec("outdoor_temperature_celsius", _G, "Outdoor air, dry or wet bulb.", ("bulb",)),
    Spec("local_control_active", _G, "1 while the plant's own controllers ignore us, else 0."),
    Spec(
        "setpoint_celsius",
        _G,
        "Temperature setpoint by who says so: plant (read back), plan, approved, as_found, fallback.",
        ("lever", "hall_zone", "source"),
    ),
    Spec("setpoint_ratio", _G, "Fan-speed setpoint, as setpoint_celsius.", ("lever", "hall_zone", "source")),
)

DATA: tuple[Spec, ...] = (
    Spec("sensor_valid", _G, "1 if the point's last reading may be used, else 0.", ("sensor",)),
    Spec("sensors", _G, "How many points have a reading of this quality.", ("quality",)),
    Spec(
        "feed_info",
        _G,
        "Always 1; whose series the last plan used: measured, estimated, forecast, mixed or typical.",
        ("feed", "provider", "nature", "unit"),
    ),
    Spec(
        "plan_inputs",
        _G,
        "Readings the last plan was made from: measured, substituted; suspect and missing were not used.",
        ("standing",),
    ),
    Spec("plan_oldest_input_seconds", _G, "Age of the oldest reading the last plan used, when it was made."),
    Spec(
        "reading_timestamp_seconds",
        _G,
        "When the point's last reading was taken, site time; absent where there is none.",
        ("sensor",),
    ),
    Spec("snapshot_timestamp_seconds", _G, "Site time of the last snapshot."),
    Spec("device_answering", _G, "1 while a device answers, 0 while it does not.", ("device",)),
    Spec("device_failures", _G, "How often in a row a device has not answered.", ("device",)),
    Spec("polls_total", _C, "Polls made, over all gateways."),
    Spec("polls_skipped_total", _C, "Polls that fell due while the one before was still running."),
    Spec(
        "poll_lateness_p99_seconds",
        _G,
        "How late polls begin, 99th percentile of the last few thousand, site time.",
    ),
    Spec("history_writable", _G, "1 while the history database can be written, else 0."),
    Spec("history_buffered_readings", _G, "Readings that wait in memory to be written."),
    Spec("history_dropped_readings_total", _C, "Readings let go because memory was full of waiting ones."),
    Spec(
        "cross_check_holds",
        _G,
        "1 where meters agree with each other, 0 where they contradict; absent where it cannot be checked.",
        ("check",),
    ),
    Spec(
        "feed_complete",
        _G,
        "1 if the last answer of the carbon or weather feed was whole, 0 if it had gaps.",
        ("feed",),
    ),
)

CONTROL: tuple[Spec, ...] = (
    Spec("heartbeat_timestamp_seconds", _G, "Wall-clock time of the controller's last sign of life."),
    Spec("cycles_total", _C, "Control cycles begun."),
    Spec("cycle_failures_total", _C, "Control cycles that did not complete, by reason.", ("reason",)),
    Spec("cycle_timestamp_seconds", _G, "Wall-clock time the last cycle completed."),
    Spec("cycle_duration_seconds", _H, "Duration of a control cycle.", (), _SECONDS),
    Spec("plans_total", _C, "Plans made, by status.", ("status",)),
    Spec("plan_failures_total", _C, "Planning attempts without a plan, by cause.", ("cause",)),
    Spec("solve_duration_seconds", _H, "Planning time by stage.", ("stage",), _SECONDS),
    Spec("plan_gap_ratio", _G, "Relative optimality gap of the last plan; absent where unknown."),
    Spec("plan_timestamp_seconds", _G, "Site time the last plan was made."),
    Spec(
        "plan_worst_inlet_celsius",
        _G,
        "Warmest inlet the last plan predicts over its horizon.",
        ("hall_zone",),
    ),
    Spec(
        "plan_energy_joules",
        _G,
        "Facility energy over the last plan's horizon: of the chosen trajectory, and of holding still.",
        ("trajectory",),
    ),
    Spec("proposals_total", _C, "Proposals, by the state they entered.", ("outcome",)),
    Spec("proposals_pending", _G, "Proposals waiting for a person."),
    Spec(
        "decisions_total",
        _C,
        "Decisions of people and of the watchdog, by kind; shown as annotations.",
        ("decision",),
    ),
    Spec("commands_total", _C, "Setpoint writes, by receipt.", ("receipt",)),
    Spec("lease_expiry_timestamp_seconds", _G, "Site time a written setpoint stops being ours.", ("lever",)),
    Spec("alarms_standing", _G, "Alarms that want a person, by priority.", ("priority",)),
    Spec(
        "switchback_applied",
        _G,
        "1 for what a switchback applies now (none: no schedule holds).",
        ("applied",),
    ),
    Spec("mode", _G, "1 for the mode a zone (or the site) is in, else 0.", ("hall_zone", "mode")),
    Spec(
        "constraint_violations_total",
        _C,
        "Times a snapshot entered a state beyond a limit.",
        ("constraint", "hall_zone"),
    ),
    Spec(
        "violation_seconds_total",
        _C,
        "Time snapshots have spent beyond a limit, site time.",
        ("constraint", "hall_zone"),
    ),
)

WORTH: tuple[Spec, ...] = (
    Spec(
        "carbon_intensity_grams_per_joule",
        _G,
        "Carbon intensity now (multiply by 3.6e6 for g/kWh); absent where it is missing.",
        ("carbon_kind", "provider", "synthetic"),
    ),
    Spec("energy_price_per_joule", _G, "Energy price now (times 3.6e6: per kWh).", ("currency",)),
    Spec("energy_joules_total", _C, "Metered energy over covered time: facility, it, cooling.", ("meter",)),
    Spec("water_cubic_meters_total", _C, "Metered make-up water over covered time."),
    Spec(
        "carbon_grams_total",
        _C,
        "CO2e of metered facility energy over time with a known factor.",
        ("carbon_kind", "provider", "synthetic"),
    ),
    Spec("cost_debit_total", _C, "Cost: energy, carbon price and water.", ("currency",)),
    Spec("cost_credit_total", _C, "Cost of intervals in which it was negative, as a gain.", ("currency",)),
    Spec(
        "compared_energy_joules_total",
        _C,
        "Metered energy in the steps where a baseline exists too.",
        ("meter", "method"),
    ),
    Spec(
        "baseline_energy_joules_total",
        _C,
        "Baseline energy in those same steps. Saving = baseline - compared, and may be negative.",
        ("meter", "method"),
    ),
    Spec("compared_carbon_grams_total", _C, "CO2e of the compared facility energy.", _CARBON),
    Spec("baseline_carbon_grams_total", _C, "CO2e of the baseline facility energy.", _CARBON),
    Spec("compared_water_cubic_meters_total", _C, "Metered water in the compared steps.", ("method",)),
    Spec("baseline_water_cubic_meters_total", _C, "Baseline water in those same steps.", ("method",)),
    Spec("compared_cost_total", _C, "Cost of the compared steps.", ("method", "currency")),
    Spec("baseline_cost_total", _C, "Baseline cost of those same steps.", ("method", "currency")),
    Spec(
        "saving_joules",
        _G,
        "Facility energy saved since start: expected, and low and high end of its 90 % interval.",
        ("method", "bound"),
    ),
    Spec("compared_seconds_total", _C, "Site time in which a figure could be compared.", ("figure",)),
    Spec("accounted_seconds_total", _C, "Site time covered by a figure.", ("figure",)),
    Spec("unaccounted_seconds_total", _C, "Site time for which a figure is missing.", ("figure",)),
    Spec(
        "unexportable_total",
        _C,
        "Amounts below zero that a counter cannot hold and that were left out.",
        ("figure",),
    ),
    Spec(
        "baseline_qualified",
        _G,
        "1 if the baseline passes ASHRAE Guideline 14, 0 if not; absent without one.",
        ("method",),
    ),
    Spec("baseline_cv_rmse_ratio", _G, "CV(RMSE) of the baseline's hourly fit.", ("method", "meter")),
    Spec(
        "meter_residual_ratio",
        _G,
        "Energy a meter takes in that those below do not see, last day.",
        ("line",),
    ),
    Spec("baseline_fitted_seconds", _G, "Time the baseline was fitted on.", ("method",)),
)

INFO: tuple[Spec, ...] = (
    Spec("build_info", _G, "Always 1; the version of the program.", ("version",)),
    Spec("site_info", _G, "Always 1; what the site is called and where its clock is.", ("title", "timezone")),
)

GROUPS: dict[str, tuple[Spec, ...]] = {
    "The plant": PLANT,
    "Data quality": DATA,
    "The controller": CONTROL,
    "What it is worth": WORTH,
    "Information": INFO,
}
CATALOG: dict[str, Spec] = {spec.short: spec for group in GROUPS.values() for spec in group}


def reference(groups: dict[str, tuple[Spec, ...]] = GROUPS) -> str:
    """The metric reference as one Markdown table."""
    rows = ["| metric | type | labels besides `site` | meaning |", "| --- | --- | --- | --- |"]
    for group in groups.values():
        rows += [_row(spec) for spec in group]
    return "\n".join(rows) + "\n"


def _row(spec: Spec) -> str:
    labels = ", ".join(f"`{label}`" for label in spec.labels) or "–"
    return f"| `{spec.name}` | {spec.kind} | {labels} | {spec.help} |"

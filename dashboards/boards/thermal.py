"""Thermal safety: the warmest rack, its margin, its spread. Never only a mean."""

from __future__ import annotations

from dashboards.board import Board, Section
from dashboards.boards.common import (
    DATA_AGE,
    GREEN,
    INLET_LIMIT,
    MARGIN,
    RED,
    WORST_INLET,
    YELLOW,
    ZONE,
    increase,
)
from dashboards.panels import Behind, Limit, Panel, Query, Shape

_INLET = f"coolwright_inlet_temperature_celsius{{{ZONE}}}"
_MARGINS = (Limit(None, RED), Limit(0, YELLOW), Limit(0.5, GREEN))

BOARD = Board(
    uid="coolwright-thermal",
    title="Coolwright / Thermal safety",
    description="Rack inlet temperatures against the limits people set, and what was predicted.",
    sections=(
        Section(
            "Now",
            (
                DATA_AGE,
                Panel(
                    "Margin of each zone",
                    Shape.NUMBER,
                    "celsius",
                    "Recommended limit minus the warmest usable inlet.",
                    (Query(MARGIN, "{{hall_zone}}"),),
                    Behind.STATE,
                    12,
                    4,
                    _MARGINS,
                    decimals=1,
                ),
                Panel(
                    "Time beyond a limit",
                    Shape.NUMBER,
                    "s",
                    "Site time snapshots spent beyond the recommended or allowable limit.",
                    (
                        Query(
                            increase("coolwright_violation_seconds_total", ZONE, "site, constraint"),
                            "{{constraint}}",
                        ),
                    ),
                    Behind.STATE,
                    8,
                    4,
                    (Limit(None, GREEN), Limit(1, RED)),
                ),
            ),
        ),
        Section(
            "Inlets",
            (
                Panel(
                    "Warmest inlet and its limits",
                    Shape.LINES,
                    "celsius",
                    "The warmest usable sensor of each zone, and the limits.",
                    (
                        Query(WORST_INLET, "{{hall_zone}}"),
                        Query(
                            "min by (site, limit) (coolwright_inlet_limit_celsius"
                            f'{{{ZONE}, limit!="recommended_min"}})',
                            "{{limit}}",
                        ),
                    ),
                    Behind.STATE,
                ),
                Panel(
                    "Margin to the recommended limit",
                    Shape.LINES,
                    "celsius",
                    "Below zero is beyond the limit.",
                    (Query(MARGIN, "{{hall_zone}}"),),
                    Behind.STATE,
                    limits=_MARGINS,
                ),
                Panel(
                    "Spread of inlets",
                    Shape.LINES,
                    "celsius",
                    "Coldest, median, 90th percentile and warmest of all usable inlets of the chosen zones.",
                    (
                        Query(f"min by (site) ({_INLET})", "coldest"),
                        Query(f"quantile by (site) (0.5, {_INLET})", "median"),
                        Query(f"quantile by (site) (0.9, {_INLET})", "90 %"),
                        Query(f"max by (site) ({_INLET})", "warmest"),
                    ),
                    Behind.STATE,
                ),
                Panel(
                    "Inlets, one by one",
                    Shape.LINES,
                    "celsius",
                    "Every usable sensor. A line that ends is a sensor that died, not one that cooled down.",
                    (Query(_INLET, "{{sensor}}"),),
                    Behind.STATE,
                ),
            ),
        ),
        Section(
            "Air and promise",
            (
                Panel(
                    "Supply and return air",
                    Shape.LINES,
                    "celsius",
                    "What each CRAH blows in and takes back.",
                    (
                        Query(f"coolwright_supply_air_temperature_celsius{{{ZONE}}}", "{{equipment}} supply"),
                        Query(f"coolwright_return_air_temperature_celsius{{{ZONE}}}", "{{equipment}} return"),
                    ),
                    Behind.STATE,
                ),
                Panel(
                    "Warmest inlet the last plan predicts",
                    Shape.LINES,
                    "celsius",
                    "Over the plan's horizon, against the recommended limit. No line: there is no plan now.",
                    (
                        Query(f"coolwright_plan_worst_inlet_celsius{{{ZONE}}}", "{{hall_zone}}"),
                        Query(f"min by (site) ({INLET_LIMIT})", "limit"),
                    ),
                    Behind.PLAN,
                ),
                Panel(
                    "Room if one machine tripped now",
                    Shape.BARS,
                    "kelvin",
                    "Degrees left below the allowable limit in the zone each trip would hurt most, by our own"
                    " reckoning. Below zero a rack would pass it before anybody acts.",
                    (
                        Query(
                            f"min by (equipment, hall_zone) (coolwright_trip_margin_kelvin{{{ZONE}}})",
                            "{{equipment}} in {{hall_zone}}",
                        ),
                    ),
                    Behind.STATE,
                    limits=(Limit(None, RED), Limit(0, YELLOW), Limit(1, GREEN)),
                ),
                Panel(
                    "Times a limit was passed",
                    Shape.TABLE,
                    "none",
                    "How often a snapshot entered a state beyond a limit, in the range shown.",
                    (
                        Query(
                            increase(
                                "coolwright_constraint_violations_total", ZONE, "site, hall_zone, constraint"
                            ),
                            "",
                        ),
                    ),
                    Behind.STATE,
                ),
                Panel(
                    "Usable inlet sensors",
                    Shape.LINES,
                    "none",
                    "How many inlets of each zone can be used. No zone is controlled blind.",
                    (Query(f"count by (site, hall_zone) ({_INLET})", "{{hall_zone}}"),),
                    Behind.STATE,
                    low=0,
                ),
            ),
        ),
    ),
)

"""Plant and energy balance: where the power goes, and what the levers do."""

from __future__ import annotations

from dashboards.board import Board, Section
from dashboards.boards.common import DATA_AGE, SITE, ZONE
from dashboards.panels import Behind, Panel, Query, Shape

_METER = "coolwright_meter_power_watts"
_METERED = f'sum by (site) ({_METER}{{{SITE}, meter="facility"}})'
_PARTS = f'sum by (site) ({_METER}{{{SITE}, meter=~"it|cooling"}})'
_GAP = f"{_METERED} - {_PARTS}"
_KINDS = f"sum by (site, kind) (coolwright_equipment_power_watts{{{SITE}}})"
_SOURCES = 'source=~"plant|plan|approved|as_found"'
_PUE = (
    f'sum by (site) (increase(coolwright_energy_joules_total{{{SITE}, meter="facility"}}[$__range]))'
    f' / sum by (site) (increase(coolwright_energy_joules_total{{{SITE}, meter="it"}}[$__range]))'
)

BOARD = Board(
    uid="coolwright-plant",
    title="Coolwright / Plant and energy balance",
    description="Power by consumer, the balance of the meters, water, and where the levers stand.",
    sections=(
        Section(
            "Power",
            (
                DATA_AGE,
                Panel(
                    "Interim PUE of the range shown",
                    Shape.NUMBER,
                    "none",
                    "Facility energy over IT energy, summed first. Interim: under twelve months. Not a goal:"
                    " warmer air can lower it while total energy rises.",
                    (Query(_PUE, "interim PUE"),),
                    Behind.REPORT,
                    4,
                    4,
                    decimals=3,
                ),
                Panel(
                    "Meters",
                    Shape.NUMBER,
                    "watt",
                    "Facility, IT and cooling, now.",
                    (Query(f"{_METER}{{{SITE}}}", "{{meter}}"),),
                    Behind.STATE,
                    10,
                    4,
                ),
                Panel(
                    "Neither IT nor cooling",
                    Shape.NUMBER,
                    "watt",
                    "Facility minus IT minus cooling: losses, lights, and what no meter explains.",
                    (Query(_GAP, "rest"),),
                    Behind.STATE,
                    6,
                    4,
                ),
                Panel(
                    "Where the power goes",
                    Shape.LINES,
                    "watt",
                    "IT, cooling and the rest; together they are the facility meter.",
                    (
                        Query(f'sum by (site) ({_METER}{{{SITE}, meter="it"}})', "IT"),
                        Query(f'sum by (site) ({_METER}{{{SITE}, meter="cooling"}})', "cooling"),
                        Query(_GAP, "rest"),
                    ),
                    Behind.STATE,
                    stacked=True,
                ),
                Panel(
                    "Cooling power by kind of machine",
                    Shape.LINES,
                    "watt",
                    "Chillers, CRAH fans, pumps and towers by their own meters.",
                    (Query(_KINDS, "{{kind}}"),),
                    Behind.STATE,
                    stacked=True,
                ),
            ),
        ),
        Section(
            "Water and weather",
            (
                Panel(
                    "Water temperatures",
                    Shape.LINES,
                    "celsius",
                    "Chilled-water supply and return, condenser-water supply.",
                    (Query(f"coolwright_water_temperature_celsius{{{SITE}}}", "{{loop}}"),),
                    Behind.STATE,
                ),
                Panel(
                    "Outdoors",
                    Shape.LINES,
                    "celsius",
                    "Dry and wet bulb: the wet bulb decides what the towers can do.",
                    (Query(f"coolwright_outdoor_temperature_celsius{{{SITE}}}", "{{bulb}} bulb"),),
                    Behind.STATE,
                ),
                Panel(
                    "Economizer heat",
                    Shape.LINES,
                    "watt",
                    "Heat moved without a chiller.",
                    (Query(f"coolwright_economizer_heat_watts{{{SITE}}}", "{{equipment}}"),),
                    Behind.STATE,
                ),
                Panel(
                    "Make-up water",
                    Shape.LINES,
                    "flowcms",
                    "Water that enters to replace what evaporates and is bled off.",
                    (Query(f"coolwright_makeup_water_flow_cubic_meters_per_second{{{SITE}}}", "make-up"),),
                    Behind.STATE,
                    width=6,
                ),
                Panel(
                    "Chilled-water flow",
                    Shape.LINES,
                    "flowcms",
                    "What the chilled-water pumps move: with the temperatures, the heat taken away.",
                    (
                        Query(
                            f"coolwright_chilled_water_flow_cubic_meters_per_second{{{SITE}}}",
                            "chilled water",
                        ),
                    ),
                    Behind.STATE,
                    width=6,
                ),
                Panel(
                    "Machines running",
                    Shape.STATES,
                    "none",
                    "Staged by the plant's own controllers, not by us.",
                    (Query(f"coolwright_equipment_running{{{SITE}}}", "{{equipment}}"),),
                    Behind.STATE,
                    states={0: ("off", "gray"), 1: ("on", "green")},
                ),
                Panel(
                    "Fans and valves",
                    Shape.LINES,
                    "percentunit",
                    "Fan speed and valve opening of the CRAHs, fan speed of the tower cells.",
                    (
                        Query(f"coolwright_fan_speed_ratio{{{SITE}}}", "{{equipment}} fan"),
                        Query(f"coolwright_valve_position_ratio{{{SITE}}}", "{{equipment}} valve"),
                    ),
                    Behind.STATE,
                ),
            ),
        ),
        Section(
            "Levers",
            (
                Panel(
                    "Temperature setpoints",
                    Shape.LINES,
                    "celsius",
                    "Where the plant says a lever stands, where the plan wants it, and where it was found.",
                    (Query(f"coolwright_setpoint_celsius{{{SITE}, {_SOURCES}}}", "{{lever}} · {{source}}"),),
                    Behind.PLAN,
                ),
                Panel(
                    "Fan-speed setpoints",
                    Shape.LINES,
                    "percentunit",
                    "Where the fans stand, where the plan wants them, and where they were found.",
                    (Query(f"coolwright_setpoint_ratio{{{ZONE}, {_SOURCES}}}", "{{lever}} · {{source}}"),),
                    Behind.PLAN,
                ),
                Panel(
                    "IT power of each zone",
                    Shape.LINES,
                    "watt",
                    "Includes server fans, which answer to the air we blow.",
                    (Query(f"coolwright_zone_it_power_watts{{{ZONE}}}", "{{hall_zone}}"),),
                    Behind.STATE,
                    stacked=True,
                ),
                Panel(
                    "Utilization of each zone",
                    Shape.LINES,
                    "percentunit",
                    "What the users ask for: the baseline follows this, not IT power.",
                    (Query(f"coolwright_utilization_ratio{{{ZONE}}}", "{{hall_zone}}"),),
                    Behind.STATE,
                ),
            ),
        ),
    ),
)

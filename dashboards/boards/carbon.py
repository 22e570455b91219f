"""Carbon savings: what a viewer may trust, with the interval and the gaps."""

from __future__ import annotations

from dashboards.board import Board, Section
from dashboards.boards.common import (
    CARBON,
    CARBON_SOURCE,
    DATA_AGE,
    FACILITY,
    GREEN,
    RED,
    SITE,
    YELLOW,
    increase,
    mean_power,
    saved,
)
from dashboards.panels import Behind, Limit, Panel, Query, Shape

_SAVED_POWER = f"{mean_power('baseline')} - {mean_power('compared')}"
_JOULES_PER_KWH = "3.6e6"
_OF_CARBON = f'{SITE}, figure=~"carbon_.*"'
_MISSING = increase("coolwright_unaccounted_seconds_total", _OF_CARBON, "site, figure")
_COVERED = increase("coolwright_accounted_seconds_total", _OF_CARBON, "site, figure")

BOARD = Board(
    uid="coolwright-carbon",
    title="Coolwright / Carbon savings",
    description=(
        "CO2e of the facility's energy and of its baseline, counted apart and subtracted here, by the method"
        " chosen above: average (location-based), marginal (what a change causes) or market (the site's own"
        " contracts). The three are never added. Missing carbon data is a gap, never zero."
    ),
    since="now-7d",
    sections=(
        Section(
            "What it rests on",
            (
                DATA_AGE,
                CARBON_SOURCE,
                Panel(
                    "Baseline accepted",
                    Shape.NUMBER,
                    "none",
                    "Whether the baseline passes ASHRAE Guideline 14 (hourly CV(RMSE) 30 %, NMBE 10 %).",
                    (Query(f"coolwright_baseline_qualified{{{SITE}}}", "accepted"),),
                    Behind.REPORT,
                    4,
                    4,
                    states={0: ("no", RED), 1: ("yes", GREEN)},
                ),
                Panel(
                    "Baseline error",
                    Shape.NUMBER,
                    "percentunit",
                    "CV(RMSE) of the baseline's facility power on the hours it was fitted on.",
                    (Query(f'coolwright_baseline_cv_rmse_ratio{{{SITE}, meter="facility_kw"}}', "CV(RMSE)"),),
                    Behind.REPORT,
                    4,
                    4,
                    (Limit(None, GREEN), Limit(0.2, YELLOW), Limit(0.3, RED)),
                    decimals=1,
                ),
                Panel(
                    "Time without carbon factor",
                    Shape.NUMBER,
                    "percentunit",
                    "Share of the accounted time in which carbon could not be counted: carbon_kg for want of"
                    " the grid's factor, carbon_market_kg of a contract's or of the residual mix.",
                    (Query(f"{_MISSING} / ({_MISSING} + {_COVERED})", "{{figure}}"),),
                    Behind.REPORT,
                    4,
                    4,
                    (Limit(None, GREEN), Limit(0.05, YELLOW), Limit(0.1, RED)),
                    decimals=1,
                ),
            ),
        ),
        Section(
            "In the range shown",
            (
                Panel(
                    "CO2e: baseline, actual, saved",
                    Shape.BARS,
                    "massg",
                    "Both sides use the same factors, interval by interval. Saved may be negative. By the"
                    " market method what contracts cover anyway saves nothing.",
                    (
                        Query(increase("coolwright_baseline_carbon_grams_total", CARBON), "baseline"),
                        Query(increase("coolwright_compared_carbon_grams_total", CARBON), "actual"),
                        Query(saved("carbon_grams_total", CARBON), "saved"),
                    ),
                    Behind.REPORT,
                    8,
                ),
                Panel(
                    "Facility energy: baseline, actual, saved",
                    Shape.BARS,
                    "watth",
                    "Metered energy in the compared steps, and what the site as found would have used.",
                    (
                        Query(
                            f"{increase('coolwright_baseline_energy_joules_total', FACILITY)} / 3600",
                            "baseline",
                        ),
                        Query(
                            f"{increase('coolwright_compared_energy_joules_total', FACILITY)} / 3600",
                            "actual",
                        ),
                        Query(f"({saved('energy_joules_total', FACILITY)}) / 3600", "saved"),
                    ),
                    Behind.REPORT,
                    8,
                ),
                Panel(
                    "Energy saved since start, with its 90 % interval",
                    Shape.BARS,
                    "watth",
                    "By ASHRAE Guideline 14 with autocorrelation. No bar: not enough data to say.",
                    (Query(f"coolwright_saving_joules{{{SITE}}} / 3600", "{{bound}}"),),
                    Behind.REPORT,
                    8,
                ),
            ),
        ),
        Section(
            "Course",
            (
                Panel(
                    "Power saved",
                    Shape.LINES,
                    "watt",
                    "Baseline minus actual mean facility power; below zero is a loss.",
                    (Query(_SAVED_POWER, "saved"),),
                    Behind.REPORT,
                    limits=(Limit(None, RED), Limit(0, GREEN)),
                    min_interval="5m",
                ),
                Panel(
                    "Carbon intensity",
                    Shape.LINES,
                    "suffix: gCO₂/kWh",
                    "As the feed gives it. A gap in the line is a gap in the data.",
                    (
                        Query(
                            f"coolwright_carbon_intensity_grams_per_joule{{{SITE}}} * {_JOULES_PER_KWH}",
                            "{{carbon_kind}} · {{provider}} · synthetic: {{synthetic}}",
                        ),
                    ),
                    Behind.REPORT,
                ),
                Panel(
                    "CO2e counted",
                    Shape.LINES,
                    "massg",
                    "Running totals of the two counters; the distance between the lines is the saving.",
                    (
                        Query(
                            f"sum by (site) (coolwright_baseline_carbon_grams_total{{{CARBON}}})", "baseline"
                        ),
                        Query(
                            f"sum by (site) (coolwright_compared_carbon_grams_total{{{CARBON}}})", "actual"
                        ),
                    ),
                    Behind.REPORT,
                ),
                Panel(
                    "Energy by meter: baseline minus actual",
                    Shape.LINES,
                    "watth",
                    "Server fans that answer to warmer air show as a loss at the IT meter.",
                    (
                        Query(
                            f"sum by (site, meter) (coolwright_baseline_energy_joules_total{{{SITE}}}"
                            f" - coolwright_compared_energy_joules_total{{{SITE}}}) / 3600",
                            "{{meter}}",
                        ),
                    ),
                    Behind.REPORT,
                ),
            ),
        ),
    ),
)

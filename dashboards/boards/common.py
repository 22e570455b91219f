"""Expressions and panels that more than one dashboard shows."""

from __future__ import annotations

from dashboards.panels import Behind, Limit, Panel, Query, Shape

SITE = 'site="$site"'
ZONE = 'site="$site", hall_zone=~"$zone"'
FACILITY = 'site="$site", meter="facility"'
CARBON = 'site="$site", carbon_kind="$carbon_method"'
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"

MODES = {0: ("fallback", RED), 1: ("shadow", "gray"), 2: ("advisory", BLUE), 3: ("supervised", GREEN)}


def mode_number(labels: str) -> str:
    """0 to 3 for the mode each zone is in: `MODES` names them."""
    return (
        f'sum by (site, hall_zone) (coolwright_mode{{{labels}, mode="shadow"}})'
        f' + 2 * sum by (site, hall_zone) (coolwright_mode{{{labels}, mode="advisory"}})'
        f' + 3 * sum by (site, hall_zone) (coolwright_mode{{{labels}, mode="supervised"}})'
    )


def increase(metric: str, labels: str, by: str = "site") -> str:
    """How much a counter grew over the range shown."""
    return f"sum by ({by}) (increase({metric}{{{labels}}}[$__range]))"


def saved(metric: str, labels: str) -> str:
    """Baseline minus compared over the range shown; negative is a loss."""
    baseline, compared = (
        increase(f"coolwright_{side}_{metric}", labels) for side in ("baseline", "compared")
    )
    return f"{baseline} - {compared}"


def mean_power(side: str, meter: str = "facility") -> str:
    """Mean power of a side of the comparison, in watts of *site* time.

    Energy over the time it was compared for, so it also holds where the site's clock runs fast.
    """
    energy = f'rate(coolwright_{side}_energy_joules_total{{{SITE}, meter="{meter}"}}[$__rate_interval])'
    seconds = f'rate(coolwright_compared_seconds_total{{{SITE}, figure="{meter}_kwh"}}[$__rate_interval])'
    return f"sum by (site) ({energy}) / sum by (site) ({seconds} > 0)"


WORST_INLET = f"max by (site, hall_zone) (coolwright_inlet_temperature_celsius{{{ZONE}}})"
INLET_LIMIT = f'coolwright_inlet_limit_celsius{{{ZONE}, limit="recommended"}}'
MARGIN = f"min by (site, hall_zone) ({INLET_LIMIT}) - {WORST_INLET}"

DATA_AGE = Panel(
    title="Time since the last cycle",
    shape=Shape.NUMBER,
    unit="s",
    description="Wall-clock time since the controller last completed a cycle: how old everything here is.",
    queries=(Query(f"time() - coolwright_cycle_timestamp_seconds{{{SITE}}}", "age"),),
    behind=Behind.STATE,
    width=4,
    height=4,
    limits=(Limit(None, GREEN), Limit(600, YELLOW), Limit(900, RED)),
)
CARBON_SOURCE = Panel(
    title="Carbon factors from",
    shape=Shape.TABLE,
    unit="none",
    description=(
        "Which carbon factors are used: average, marginal or market (the site's contracts), by whom, and"
        " whether they are SYNTHETIC (made up, for a demonstration). Kinds are never mixed."
    ),
    queries=(
        Query(
            "sum by (site, carbon_kind, provider, synthetic)"
            f" (coolwright_carbon_grams_total{{{SITE}}}) > bool 0",
            "",
        ),
    ),
    behind=Behind.REPORT,
    width=8,
    height=4,
)

"""``report.html``: one run on one page that needs nothing else, not even a network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader

from controller.canonical import Json
from controller.scenario.charts import COLORS, Line, Span, bar_chart, line_chart
from controller.scenario.prepare import Prepared
from controller.scenario.recorder import HISTOGRAM_STEP_C, Recorder
from plant.forecast import Array
from plant.quantities import Quantity
from plant.site import Site
from sim.scenario import Scenario

_SHOWN_EVENTS = frozenset(
    {"alarm.raised", "alarm.cleared", "fault.begins", "fault.ends", "lever.frozen", "fallback.entered"}
)
_MOST_EVENTS = 60
_AMOUNTS = (
    ("facility_kwh", "facility energy", "kWh", 0),
    ("cooling_kwh", "cooling energy", "kWh", 0),
    ("it_kwh", "IT energy", "kWh", 0),
    ("water_l", "water", "L", 0),
    ("carbon_kg", "carbon", "kg", 0),
    ("cost", "cost of energy", "", 2),
    ("worst_inlet_c", "warmest rack inlet", "°C", 2),
    ("violation_minutes_total", "minutes above recommended", "min", 0),
)
_LEVERS = (
    (Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, "Supply-air setpoints", "°C"),
    (Quantity.FAN_SPEED_SETPOINT, "Fan-speed setpoints", "-"),
    (Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT, "Chilled-water setpoint", "°C"),
    (Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT, "Condenser-water setpoint", "°C"),
)
_OUTDOOR = (Quantity.OUTDOOR_DRY_BULB, Quantity.OUTDOOR_WET_BULB)


def write_page(
    path: Path,
    ready: Prepared,
    policy: str,
    recorder: Recorder,
    document: Mapping[str, object],
    baseline_kw: Array,
) -> None:
    """Write the page of a run."""
    environment = Environment(loader=PackageLoader("controller.scenario", "templates"), autoescape=True)
    scenario = ready.scenario
    text = environment.get_template("report.html").render(
        scenario=scenario,
        policy=policy,
        site=ready.site,
        knowledge=ready.knowledge.sentence,
        document=document,
        amounts=_amount_rows(document, ready.site.tariff.currency),
        charts=_charts(scenario, ready.site, recorder, baseline_kw),
        events=_events(recorder),
        faults=scenario.faults,
    )
    path.write_text(text, encoding="utf-8", newline="")


def _amount_rows(document: Mapping[str, object], currency: str) -> list[tuple[str, str, str, str]]:
    ours, found = document["amounts"], document["as_found"]
    rows = []
    for key, name, unit, digits in _AMOUNTS:
        mine = _number(ours, key)
        theirs = _number(found, key)
        change = ""
        if theirs is not None and mine is not None and abs(theirs) > 0 and unit not in ("°C", "min"):
            change = f"{mine / theirs - 1:+.1%}"
        rows.append((f"{name} [{unit or currency}]", _text(mine, digits), _text(theirs, digits), change))
    return rows


def _number(amounts: object, key: str) -> float | None:
    value = amounts.get(key) if isinstance(amounts, dict) else None
    return float(value) if isinstance(value, int | float) and value == value else None


def _text(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _charts(scenario: Scenario, site: Site, recorder: Recorder, baseline_kw: Array) -> list[str]:
    frame = recorder.trajectory()
    times: list[datetime] = [t.to_pydatetime() for t in frame["time [UTC]"]]
    spans = [Span(f.start, f.end, f"{f.kind} {f.target}") for f in scenario.faults]
    charts = [
        _inlets(site, frame, times, spans, recorder),
        _power(site, frame, times, spans, baseline_kw),
        *(_levers(site, frame, times, spans, *shown) for shown in _LEVERS),
        _plain(site, frame, times, spans, "Outdoor air", "°C", _OUTDOOR),
        _plain(site, frame, times, spans, "IT power", "kW", (Quantity.IT_POWER,)),
    ]
    histogram = recorder.histogram()
    hours = histogram[[c for c in histogram.columns if c.endswith("[h]")]].sum(axis=1).to_numpy(float)
    low = histogram["inlet from [degC]"].to_numpy(float)
    charts.append(
        bar_chart(
            "Rack inlets: hours of rack groups by inlet temperature, bins of 0.1 °C",
            "h",
            low,
            HISTOGRAM_STEP_C,
            hours,
        )
    )
    return [chart for chart in charts if chart]


def _inlets(
    site: Site, frame: pd.DataFrame, times: list[datetime], spans: list[Span], recorder: Recorder
) -> str:
    lines = []
    for n, zone in enumerate(site.zones):
        color = COLORS[n % len(COLORS)]
        points = [f"{p.id} [degC]" for p in site.points_of(zone.id, Quantity.INLET_TEMPERATURE)]
        if recorder.body is not None:
            true = frame[f"true worst inlet {zone.id} [degC]"].to_numpy(float)
            lines.append(Line(f"{zone.id}, true", true, color))
        if points:
            said = frame[points].max(axis=1).to_numpy(float)
            # A device's number for "no value" is no temperature: it would flatten everything else.
            said = np.where((said > 0) & (said < 60), said, np.nan)
            lines.append(Line(f"{zone.id}, as read", said, color, dashed=recorder.body is not None))
    limits = {z.limits.recommended_max_c for z in site.zones}
    levels = [(f"recommended {limit:g} °C", limit) for limit in sorted(limits)]
    return line_chart("Warmest rack inlet of each zone", "°C", times, lines, spans, levels)


def _power(
    site: Site, frame: pd.DataFrame, times: list[datetime], spans: list[Span], baseline_kw: Array
) -> str:
    lines = []
    if len(baseline_kw) == len(frame):
        lines.append(Line("facility, as found", baseline_kw, "#888888", dashed=True))
    for n, (quantity, name) in enumerate(
        ((Quantity.FACILITY_POWER, "facility"), (Quantity.COOLING_POWER, "cooling"))
    ):
        points = [p for p in site.points_with(quantity) if p.owner == "site"]
        if points:
            lines.append(Line(name, frame[f"{points[0].id} [kW]"].to_numpy(float), COLORS[n]))
    return line_chart("Electrical power", "kW", times, lines, spans)


def _levers(
    site: Site,
    frame: pd.DataFrame,
    times: list[datetime],
    spans: list[Span],
    quantity: Quantity,
    title: str,
    unit: str,
) -> str:
    lines = []
    for n, lever in enumerate(lv for lv in site.levers if lv.quantity is quantity):
        inside = site.point_by_id[lever.points[0]].facts.inside_unit
        color = COLORS[n % len(COLORS)]
        for word, dashed in (("applied", False), ("requested", True)):
            values = frame[f"{lever.id} {word} [{inside}]"].to_numpy(float)
            lines.append(Line(f"{lever.id}, {word}", values, color, dashed))
    return line_chart(title, unit, times, lines, spans)


def _plain(
    site: Site,
    frame: pd.DataFrame,
    times: list[datetime],
    spans: list[Span],
    title: str,
    unit: str,
    quantities: tuple[Quantity, ...],
) -> str:
    points = [p for q in quantities for p in site.points_with(q)]
    lines = [
        Line(p.id, frame[f"{p.id} [{p.facts.inside_unit}]"].to_numpy(float), COLORS[n % len(COLORS)])
        for n, p in enumerate(points)
    ]
    return line_chart(title, unit, times, lines, spans)


def _events(recorder: Recorder) -> list[tuple[str, str, str]]:
    rows = []
    for event in sorted(recorder.events, key=lambda e: str(e["at"])):
        if event["kind"] not in _SHOWN_EVENTS:
            continue
        rows.append((str(event["at"])[:16].replace("T", " "), str(event["kind"]), _sentence(event["what"])))
    return rows[:_MOST_EVENTS]


def _sentence(what: Json) -> str:
    """What an event says, for people: an alarm as its kind, its source and its reason."""
    if not isinstance(what, dict):
        return ""
    if {"kind", "source", "why"} <= what.keys():
        return f"{what['kind']} of {what['source']}: {what['why']}"
    if {"cause", "detail", "scope"} <= what.keys():
        return f"{what['scope']}, {what['cause']}: {what['detail']}"
    return ", ".join(f"{key} {value}" for key, value in what.items())

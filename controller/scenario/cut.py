"""Cutting a scenario out of a site's own history: its weather, its load, its past, its criteria.

The cut is played by the bundled simulator with the site's nameplates (or by a plant of one's own):
the world is the site's, the machines are not. What was recorded is kept beside as the yardstick.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from controller.canonical import stamp
from plant.errors import ConfigError
from plant.forecast import Array
from plant.history import History
from plant.points import SITE
from plant.quantities import Quantity
from plant.site import Site, Zone
from plant.timegrid import floor_to
from sim.physics.it_load import ServerLaw
from sim.scenario.schema import NAME_PATTERN
from telemetry.historian import Historian

STEP_S = 300
LEAST_KNOWN = 0.5
"""Share of the window in which a driver must have been measured; short gaps are bridged in a line."""
_LEARN_FROM = timedelta(days=14)


@dataclass(frozen=True)
class Cut:
    """What was cut, and what was recorded in the window."""

    file: Path
    facility_kwh: float
    worst_inlet_c: float
    violation_minutes: float
    learned_days: float


def cut(site: Site, historian: Historian, start: datetime, end: datetime, folder: Path, name: str) -> Cut:
    """Write ``scenario.yaml`` and its traces to ``folder``.

    Raises
    ------
    ConfigError
        If the window is empty, or load or outdoor air were not measured in it.
    """
    if end - start < timedelta(hours=1):
        raise ConfigError("option --to", "leaves less than an hour", "name a later instant")
    if not re.fullmatch(NAME_PATTERN, name):
        raise ConfigError(f"option --name {name}", "is not a name", "use small letters, digits and dashes")
    if site.source_file is None:
        raise ConfigError(f"site {site.id}", "has no file", "read it from one")
    history = historian.history(site, start, end, STEP_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        mend = "name a folder that may be written"
        raise ConfigError(f"folder {folder}", f"cannot be made ({type(error).__name__})", mend) from None
    _write(folder / "weather.csv", history, _weather(history))
    _write(folder / "load.csv", history, {z.id: _utilization(history, z) for z in site.zones})
    (folder / "site.yaml").write_bytes(site.source_file.read_bytes())
    learned = _past(site, historian, start, folder / "history.parquet")
    recorded = _recorded(history)
    document = _document(name, site, start, end, learned, recorded)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return Cut(file, *recorded, learned)


def _document(
    name: str,
    site: Site,
    start: datetime,
    end: datetime,
    learned: float,
    recorded: tuple[float, float, float],
) -> dict[str, object]:
    kwh, worst, minutes = recorded
    criteria: dict[str, object] = {"max_violation_minutes": round(max(minutes, 0.0), 1)}
    if worst == worst:
        limit = max(z.limits.recommended_max_c for z in site.zones)
        criteria["worst_inlet_c"] = round(max(worst, limit), 1)
    criteria["facility_kwh_over_baseline"] = 1.0
    about = f"Cut from the history of {site.name}. "
    if kwh == kwh:
        about += f"The site itself used {kwh:,.0f} kWh in these hours, its warmest inlet was {worst:.1f} °C."
    return {
        "schema_version": 1,
        "name": name,
        "title": f"{site.name}, {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC",
        "about": about,
        "site": "site.yaml",
        "start": stamp(start),
        "days": round((end - start) / timedelta(days=1), 6),
        "weather": {"trace": "weather.csv"},
        "load": {"kind": "trace", "trace": "load.csv"},
        "history": {"file": "history.parquet"} if learned > 0 else {"as_found_days": 5, "excitation_days": 3},
        "pass": criteria,
    }


def _past(site: Site, historian: Historian, start: datetime, file: Path) -> float:
    """What came before the window, to learn from. [days]"""
    before = historian.history(site, start - _LEARN_FROM, start, 3600)
    known = before.values.notna().any(axis=1)
    if not known.any():
        return 0.0
    first = pd.Timestamp(str(known.idxmax())).to_pydatetime()
    historian.export_file(file, [p.id for p in site.points], first, start)
    return float((start - first) / timedelta(days=1))


def _weather(history: History) -> dict[str, Array]:
    return {
        name: _bridged(_mean_of(history, quantity), f"outdoor {name}")
        for name, quantity in (
            ("dry_bulb_c", Quantity.OUTDOOR_DRY_BULB),
            ("wet_bulb_c", Quantity.OUTDOOR_WET_BULB),
        )
    }


def _utilization(history: History, zone: Zone) -> Array:
    """Measured utilization; where there is none, what IT power says through the server law."""
    points = history.site.points_of(zone.id, Quantity.UTILIZATION)
    if points and np.isfinite(history.column(points[0].id)).mean() >= LEAST_KNOWN:
        return np.clip(_bridged(history.column(points[0].id), f"{zone.id} utilization"), 0, 1)
    power = history.site.points_of(zone.id, Quantity.IT_POWER)
    if not power:
        raise ConfigError(
            f"zone {zone.id}", "has neither utilization nor IT power", "add one to the site file"
        )
    share = _bridged(history.column(power[0].id), f"{zone.id} IT power") / zone.it_design_kw
    idle = ServerLaw().idle_share
    return np.clip((share - idle) / (1 - idle), 0, 1)


def _mean_of(history: History, quantity: Quantity) -> Array:
    points = history.site.points_with(quantity)
    if not points:
        raise ConfigError(f"site {history.site.id}", f"has no point of {quantity}", "add it to the site file")
    return history.column(points[0].id)


def _bridged(values: Array, name: str) -> Array:
    known = np.isfinite(values)
    if known.mean() < LEAST_KNOWN:
        raise ConfigError(
            f"history of {name}", f"was measured {known.mean():.0%} of the window", "choose another window"
        )
    at = np.arange(len(values))
    return np.interp(at, at[known], values[known])


def _recorded(history: History) -> tuple[float, float, float]:
    """Facility energy, warmest inlet and minutes above recommended, as the site's own points tell."""
    site, hours = history.site, STEP_S / 3600
    meters = [p for p in site.points_with(Quantity.FACILITY_POWER) if p.owner == SITE]
    kwh = float(history.column(meters[0].id).sum() * hours) if meters else float("nan")
    worst, minutes = float("nan"), 0.0
    for zone in site.zones:
        points = [p.id for p in site.points_of(zone.id, Quantity.INLET_TEMPERATURE) if p.id in history.values]
        if not points:
            continue
        warmest = history.values[points].max(axis=1).to_numpy(float)
        worst = float(np.nanmax([worst, *warmest[np.isfinite(warmest)]]))
        minutes += float((warmest > zone.limits.recommended_max_c).sum() * STEP_S / 60)
    return kwh, worst, minutes


def _write(file: Path, history: History, columns: dict[str, Array]) -> None:
    first = floor_to(history.start, STEP_S)
    # A mean over an interval is what it was in its middle.
    middle = [first + timedelta(seconds=STEP_S * (n + 0.5)) for n in range(len(history.values))]
    frame = pd.DataFrame({"time": [t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in middle], **columns})
    frame.to_csv(file, index=False, float_format="%.5g", lineterminator="\n")

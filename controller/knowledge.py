"""What a site's own past teaches: the plant's laws, and what it would use as it was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.settings import Settings
from optimizer.identify import identify
from optimizer.model import PlantModel
from plant.history import History
from plant.site import Site
from plant.timegrid import floor_to
from reports.baseline import fit_baseline
from reports.baseline_model import BaselineModel
from telemetry.historian import Historian

FIT_STEP_S = 300
LEAST_HISTORY = timedelta(days=2)
"""With less than this there is no model: the program watches, and says so."""


@dataclass(frozen=True)
class Knowledge:
    """What was learned from the site's own past. None where there is too little of it."""

    model: PlantModel | None
    baseline: BaselineModel | None
    sentence: str


def learn(site: Site, historian: Historian, settings: Settings, at: datetime) -> Knowledge:
    """Identify the plant and fit the baseline from the historian's last days."""
    start = floor_to(at - timedelta(days=settings.history_days), FIT_STEP_S)
    history = historian.history(site, start, floor_to(at, FIT_STEP_S), FIT_STEP_S)
    known = history.values.notna().any(axis=1)
    covered = timedelta(seconds=FIT_STEP_S) * int(known.sum())
    if covered < LEAST_HISTORY:
        hours = covered.total_seconds() / 3600
        return Knowledge(None, None, f"{hours:.0f} h of history; two days are needed to learn the plant")
    first = known.idxmax()
    past = History(site, FIT_STEP_S, history.values.loc[first:], history.measured_share.loc[first:])
    model = identify(past, at=at)
    return Knowledge(model, fit_baseline(past, at=at), f"learned from {covered.days} days: {model.version}")

"""How far a model strays when left to itself: learned on the first part, tried on the last, hours ahead.

What enters is measured (levers, load, weather), so these are the model's errors alone; what the
forecasts add is in `optimizer.forecast.skill`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from optimizer.identify.assemble import assemble
from optimizer.identify.compare import Comparison, compare
from optimizer.identify.evidence import Evidence, HorizonError
from optimizer.identify.inlets import InletLaw, settled_from
from optimizer.identify.signals import DYNAMIC_STEP_S, Signals
from optimizer.model import PlantModel
from plant.errors import ConfigError
from plant.forecast import Array
from plant.history import History
from plant.points import OwnerId
from plant.quantities import Quantity

AHEAD_S = (900, 3600, 21_600)
LEARN_SHARE = 0.75
_START_EVERY_S = 1800


def calibrate(history: History, *, at: datetime) -> PlantModel:
    """Learn from all of a history, and add how a model of its first three quarters did on the last.

    Raises
    ------
    ConfigError
        If the history is too short to be parted.
    """
    earlier, later = parted(history)
    trial = assemble(earlier, at=at)
    tried = {c.name: c for c in compare(trial, later)}
    moving = Signals.of(later).coarse(DYNAMIC_STEP_S)
    ahead = {f"{z.id}.inlets": inlet_errors(z.inlets, moving, z.id) for z in trial.zones}
    model = assemble(history, at=at)
    return replace(model, evidence=tuple(_with_horizon(e, ahead, tried) for e in model.evidence))


def parted(history: History) -> tuple[History, History]:
    """The first three quarters and the rest."""
    cut = int(len(history.values) * LEARN_SHARE)
    if len(history.values) * history.step_s < 86_400:
        raise ConfigError("the history", "covers less than a day", "import or wait for at least two days")
    first, last = (
        History(history.site, history.step_s, history.values.iloc[rows], history.measured_share.iloc[rows])
        for rows in (slice(0, cut), slice(cut, None))
    )
    return first, last


def inlet_errors(law: InletLaw, signals: Signals, zone: OwnerId) -> tuple[HorizonError, ...]:
    """Errors of the warmest inlet, rolled on from many measured starts. [K]"""
    settled = settled_from(law, signals, zone)
    measured = signals.stack(signals.site.points_of(zone, Quantity.INLET_TEMPERATURE))
    starts = np.arange(0, len(measured), max(1, _START_EVERY_S // signals.step_s))
    lag = 1.0 - np.exp(-signals.step_s / law.tau_s)
    state = measured[starts]
    errors: list[HorizonError] = []
    for step in range(1, AHEAD_S[-1] // signals.step_s + 1):
        starts, state = starts[starts + step < len(measured)], state[: (starts + step < len(measured)).sum()]
        target = (settled[starts + step] + settled[starts + step - 1]) / 2
        state = state + lag * (target - state)
        if step * signals.step_s in AHEAD_S:
            errors.append(_error(step * signals.step_s, state, measured[starts + step]))
    return tuple(errors)


def _error(ahead_s: int, predicted: Array, measured: Array) -> HorizonError:
    known = ~(np.isnan(predicted) | np.isnan(measured)).any(axis=1)
    if not known.any():
        return HorizonError(ahead_s, np.nan, np.nan, 0)
    off = predicted[known].max(axis=1) - measured[known].max(axis=1)
    return HorizonError(ahead_s, float(np.sqrt(np.mean(off**2))), float(np.mean(off)), int(known.sum()))


def _with_horizon(
    record: Evidence, ahead: dict[str, tuple[HorizonError, ...]], tried: dict[str, Comparison]
) -> Evidence:
    """Laws without memory err alike however far ahead: one entry, at zero."""
    found = ahead.get(record.name)
    if found is None:
        c = tried[record.name]
        found = (HorizonError(0, c.rmse, c.bias, c.measured.size),) if c.measured.size else ()
    return replace(record, horizon=found)

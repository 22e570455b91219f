"""How much a zone's load may rise while a machine is out and nobody has acted yet.

Jobs start when they please: what a zone's load did within such a time on its own past days tells how much
room a trip in the same minutes needs beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from optimizer.identify.signals import Signals
from plant.points import OwnerId
from plant.quantities import Quantity

LEAST, UNKNOWN = 0.02, 0.05
"""Never less is reckoned with, and this much where no past tells. [-]"""
QUANTILE = 0.99
"""Of the rises seen: a trip meets a larger one in one of a hundred cases. [-]"""
_ENOUGH_S = 2 * 86_400
"""Telemetry that is enough to tell how often loads jump. [s]"""


def learn_load_growth(signals: Signals, zone: OwnerId) -> float:
    """Share of itself by which the zone's load rises within the ride-through time, rarely more. [-]"""
    load = signals.of_zone(zone, Quantity.IT_POWER)
    ahead = max(1, round(signals.site.safety.ride_through_s / signals.step_s))
    if len(load) <= ahead:
        return UNKNOWN
    windows = sliding_window_view(load, ahead + 1)
    windows = windows[~np.isnan(windows).any(axis=1) & (windows[:, 0] > 0)]
    if len(windows) * signals.step_s < _ENOUGH_S:
        return UNKNOWN
    rises = windows.max(axis=1) / windows[:, 0] - 1.0
    return max(LEAST, float(np.quantile(rises, QUANTILE)))

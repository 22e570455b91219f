"""Highest quarter hours at the meter: of the month so far, and of an ordinary day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from optimizer.forecast.clocks import offset_s
from optimizer.forecast.seasonal import Past

_DAYS = 28
"""Of so many days an ordinary one's peak is the middle one: four weeks have every weekday as often."""
_SEEN_SHARE = 0.75
"""A day of which less was seen may have had its peak unseen."""
_DAY_S = 86_400


def month_so_far_kw(metered: Past, start: datetime, clocks: ZoneInfo) -> float:
    """The highest since the local month of ``start`` began, as far as is known; 0 without any. [kW]"""
    began = start.astimezone(clocks).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    known = metered.known()
    seen = known.value[known.time_s >= began.timestamp()]
    return float(seen.max()) if seen.size else 0.0


def ordinary_day_kw(metered: Past, step_s: float, start: datetime, clocks: ZoneInfo) -> float:
    """The median of the local days' highest. [kW]

    With ``step_s`` between the meter's means. Where no day was seen long enough, the highest there is;
    0 without any.
    """
    known = metered.known()
    recent = known.time_s >= start.timestamp() - _DAYS * _DAY_S
    time_s, value = known.time_s[recent], known.value[recent]
    if not value.size:
        return 0.0
    day = (time_s + offset_s(time_s, clocks)) // _DAY_S
    days = [value[day == one] for one in np.unique(day)]
    peaks = [float(v.max()) for v in days if len(v) * step_s >= _SEEN_SHARE * _DAY_S]
    return float(np.median(peaks)) if peaks else float(value.max())

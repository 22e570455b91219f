"""The clocks on a site's wall: what people and their jobs go by, where the weather goes by the sun."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from plant.forecast import Array


def offset_s(time_s: Array, clocks: ZoneInfo) -> Array:
    """By how much clocks are ahead of UTC at epoch seconds. Shape (n,). [s]"""
    instants = pd.DatetimeIndex(np.floor(time_s).astype("datetime64[s]"), tz="UTC")
    shown = instants.tz_convert(clocks).tz_localize(None)
    return np.asarray(shown.asi8 - instants.asi8, dtype=float)


def as_clocks_stand(at_s: float, time_s: Array, clocks: ZoneInfo) -> Array:
    """When clocks that never change, and stand as they do at ``at_s``, would show the same. Shape (n,). [s]

    The times themselves, to the last bit, as long as the clocks do not change. Only for what time of a
    day or week it is, never for how long something lasted: an hour is shown twice in autumn.
    """
    now = offset_s(np.array([at_s]), clocks)
    return np.asarray(time_s + (offset_s(time_s, clocks) - now))


def day_before_s(time_s: float, clocks: ZoneInfo) -> float:
    """When clocks showed the same a day before: 23, 24 or 25 hours earlier. [s]"""
    before = time_s - 86_400.0
    then, now = offset_s(np.array([before, time_s]), clocks)
    return float(before + now - then)

"""Made-up worlds: a plant whose law and noise are known, so that a saving in it is known too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from plant.points import PointId
from plant.site import Site

Array = NDArray[np.float64]

METER, WET_BULB = PointId("utility-meter.power"), PointId("outdoor.wet-bulb")


@dataclass(frozen=True)
class World:
    """A plant with a known law; noise is AR(1) on cooling, weather drifts from day to day."""

    site: Site
    seed: int
    noise: float = 0.05
    rho: float = 0.8

    def facility(self, start: datetime, hours: int, saving: Array | float) -> History:
        """Hourly history; `saving` is the share of cooling power taken away, hour by hour."""
        rng = np.random.default_rng(self.seed)
        h = np.arange(hours, dtype=float)
        fronts = np.repeat(rng.normal(0, 1.5, hours // 24 + 1), 24)[:hours]
        wet_bulb = 18 + 5 * np.sin(2 * np.pi * (h - 9) / 24) + fronts
        days = np.repeat(rng.normal(0, 0.03, hours // 24 + 1), 24)[:hours]
        use = 0.55 + 0.15 * np.sin(2 * np.pi * (h - 8) / 24) + days
        it = sum(z.it_design_kw for z in self.site.zones) * (0.3 + 0.6 * use)
        disturbed = 1 + self.noise * _ar1(rng, hours, self.rho)
        cooling = (40 + 0.12 * it + 5.0 * np.maximum(wet_bulb - 16, 0)) * disturbed
        left = cooling * (1 - np.asarray(saving))
        columns: dict[str, Array] = {
            METER: 1.06 * it + left + 15,
            "it-meter.power": it,
            "cooling-meter.power": left,
            "outdoor.wet-bulb": wet_bulb,
            **{f"{z.id}.utilization": use for z in self.site.zones},
        }
        touched = np.broadcast_to(np.asarray(saving) != 0, hours)
        for lever in self.site.levers:
            moved = lever.as_found + np.where(touched, 2 * lever.resolution, 0.0)
            columns |= dict.fromkeys(lever.points, moved)
        index = pd.date_range(start, periods=hours, freq="h")
        values = pd.DataFrame(columns, index=index)
        return History(self.site, 3600, values, pd.DataFrame(1.0, index=index, columns=values.columns))


def _ar1(rng: np.random.Generator, n: int, rho: float) -> Array:
    out, fresh = np.zeros(n), rng.normal(size=n)
    out[0] = fresh[0]
    for i in range(1, n):
        out[i] = rho * out[i - 1] + math.sqrt(1 - rho**2) * fresh[i]
    return out

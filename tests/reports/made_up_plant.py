"""A made-up plant whose true use is known, so that a saving can be planted and looked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from plant.history import History
from plant.quantities import Quantity
from plant.site import Site

START = datetime(2026, 7, 1, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "examples" / "demo.yaml"


@dataclass(frozen=True)
class MadeUpPlant:
    """Facility use with a known law; `saving` scales cooling, `fans` the server-fan power."""

    site: Site

    def history(
        self,
        hours: int,
        *,
        step_s: int = 900,
        seed: int = 1,
        noise: float = 0.01,
        rho: float = 0.5,
        cooling_saving: float = 0.0,
        fan_extra_kw: float = 0.0,
        as_found: bool = True,
        start: datetime = START,
    ) -> History:
        """A history of the law plus AR(1) noise on cooling (hourly correlation `rho`)."""
        rng = np.random.default_rng(seed)
        steps = hours * 3600 // step_s
        index = pd.date_range(start, periods=steps, freq=f"{step_s}s")
        h = np.arange(steps) * step_s / 3600
        wet_bulb = 18 + 6 * np.sin(2 * np.pi * (h - 9) / 24) + 3 * np.sin(2 * np.pi * h / 151)
        use = 0.55 + 0.2 * np.sin(2 * np.pi * (h - 8) / 24) + 0.03 * np.sin(2 * np.pi * h / 97)
        ar = ar1(rng, hours, rho)[(h).astype(int)] * noise
        design = {z.id: z.it_design_kw for z in self.site.zones}
        zone_it = {z: kw * (0.3 + 0.6 * use) for z, kw in design.items()}
        it = sum(zone_it.values()) + fan_extra_kw
        cooling = (40 + 0.12 * it + 5.0 * np.maximum(wet_bulb - 16, 0)) * (1 + ar) * (1 - cooling_saving)
        facility = 1.06 * it + cooling + 15
        water = np.maximum(0.6 * it + 20 * np.maximum(wet_bulb - 10, 0), 0)
        columns = {
            "utility-meter.power": facility,
            "it-meter.power": it,
            "cooling-meter.power": cooling,
            "makeup-water.flow": water / 3.6e6,
            "outdoor.wet-bulb": wet_bulb,
            **{f"{z}.utilization": use for z in design},
            **{f"{z}.it-power": kw + fan_extra_kw / len(design) for z, kw in zone_it.items()},
        }
        columns |= self._rooms(use, cooling)
        for lever in self.site.levers:
            moved = 0.0 if as_found else 2 * lever.resolution
            for point in lever.points:
                columns[point] = np.full(steps, lever.as_found + moved)
        values = pd.DataFrame(columns, index=index)
        return History(self.site, step_s, values, pd.DataFrame(1.0, index=index, columns=values.columns))

    def _rooms(self, use: np.ndarray, cooling: np.ndarray) -> dict[str, np.ndarray]:
        """Air and chilled water, so that every KPI has something to be made of."""
        at = {
            Quantity.SUPPLY_AIR_TEMPERATURE: 18 + 0 * use,
            Quantity.INLET_TEMPERATURE: 26 + 3 * use,
            Quantity.RETURN_AIR_TEMPERATURE: 30 + 6 * use,
            Quantity.FAN_SPEED: 0.5 + 0.4 * use,
            Quantity.CHILLED_WATER_FLOW: cooling * 2e-4,
            Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: 8 + 0 * use,
            Quantity.CHILLED_WATER_RETURN_TEMPERATURE: 14 + use,
        }
        return {p.id: at[p.quantity] for p in self.site.points if p.quantity in at}


def ar1(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    """Standard normal noise with a lag-1 autocorrelation of `rho`."""
    out = np.zeros(n)
    out[0] = rng.normal()
    for i in range(1, n):
        out[i] = rho * out[i - 1] + np.sqrt(1 - rho**2) * rng.normal()
    return out

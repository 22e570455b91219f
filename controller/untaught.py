"""A controller that has not learned its plant yet: it watches, forecasts nothing, and says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.forecast import Band, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.plan import NoPlan, NoPlanCause
from plant.points import SITE
from plant.ports import PolicyAnswer
from plant.quantities import Quantity
from plant.site import Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid


@dataclass(frozen=True)
class Untaught:
    """The policy of a site without a model. Satisfies `Policy`."""

    name: str = "mpc"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """No plan: there is no model of the plant yet."""
        return NoPlan(
            snapshot.time,
            NoPlanCause.NO_MODEL,
            "the plant is not learned yet; import its history with `coolwright import`, or wait two days",
        )


@dataclass(frozen=True)
class UntaughtForeteller:
    """Expects that all stays as it is, with a wide spread; the fallback rule needs no more."""

    site: Site

    def forecast(
        self, history: History, snapshot: Snapshot, carbon: CarbonSeries, price: PriceSeries, grid: TimeGrid
    ) -> Forecast:
        """The present, repeated."""

        def flat(value: float, std: float) -> Band:
            return Band(np.full(grid.steps, value), np.full(grid.steps, std))

        return Forecast(
            issued_at=snapshot.time,
            grid=grid,
            it_reference_kw={
                z.id: flat(snapshot.zone_mean(z.id, Quantity.IT_POWER), 0.2 * z.it_design_kw)
                for z in self.site.zones
            },
            dry_bulb_c=flat(snapshot.mean(SITE, Quantity.OUTDOOR_DRY_BULB), 5.0),
            wet_bulb_c=flat(snapshot.mean(SITE, Quantity.OUTDOOR_WET_BULB), 4.0),
            carbon=carbon,
            price=price,
        )

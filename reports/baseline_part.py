"""What one baseline model contributed to an account, and how sure the saving is that follows from it.

Energy and carbon ride on the facility's fit alone. Cost is made of several meters: what each of them is
priced at is a *stake*, and the stakes' half widths are added, not squared. Both meters are predicted from
the same IT load and wet bulb and move with the same towers, so their errors come together; nobody has
measured how closely, and a plain sum is wide enough however closely that is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reports.baseline_model import MeterName
from reports.figures import EnergyFigures, Figure, added
from reports.statistics import FitStatistics, saving_half_width, too_few_hours

WIDEST_SHARE = 0.5
"""A saving's half width above this share of the baseline is withheld: such an interval tells nothing."""

BASELINE_METER = {
    Figure.FACILITY: MeterName.FACILITY,
    Figure.IT: MeterName.IT,
    Figure.COOLING: MeterName.COOLING,
    Figure.WATER: MeterName.WATER,
    # Carbon rides on facility energy: its relative uncertainty is the energy's.
    Figure.CARBON: MeterName.FACILITY,
}


@dataclass(frozen=True, slots=True)
class Stake:
    """A baseline amount that is as unsure as one meter's fit, over the time its figure is compared.

    Of cost, `amount` is the sum of the rate's magnitude: what hours of negative price earn does not make
    the hours of positive price surer. `sparse` is the part in weather the model was hardly fitted on.
    """

    meter: MeterName
    amount: float
    sparse: float

    def plus(self, other: Stake) -> Stake:
        """Sum of two disjoint periods."""
        return replace(self, amount=added(self.amount, other.amount), sparse=added(self.sparse, other.sparse))


@dataclass(frozen=True)
class BaselinePart:
    """What one baseline model contributed to an account: amounts, hours compared, its statistics.

    `sparse` is the part of `amounts` in weather the model was hardly fitted on; `cost` says of which meters
    the cost is made.
    """

    model_id: str
    qualified: bool
    reasons: tuple[str, ...]
    amounts: EnergyFigures
    sparse: EnergyFigures
    hours: EnergyFigures
    statistics: Mapping[MeterName, FitStatistics]
    cost: tuple[Stake, ...] = ()

    def stakes(self, figure: Figure) -> tuple[Stake, ...]:
        """The amounts a figure's interval is made of; empty where there is nothing or no fit for it."""
        if math.isnan(self.amounts[figure]):
            return ()
        stakes = self.cost
        if figure is not Figure.COST:
            stakes = (Stake(BASELINE_METER[figure], self.amounts[figure], self.sparse[figure]),)
        return stakes if all(stake.meter in self.statistics for stake in stakes) else ()

    def half_width(self, figure: Figure) -> float:
        """Half width of the saving's interval for this part; NaN where it cannot be told."""
        half = self._width(figure)
        return math.nan if half > WIDEST_SHARE * self._at_stake(figure) else half

    def interval_problem(self, figure: Figure) -> str | None:
        """Why there is no interval although there is a fit; None where there is one or no fit."""
        stakes = self.stakes(figure)
        if not stakes or not math.isnan(self.half_width(figure)):
            return None
        for stake in stakes:
            fit = self.statistics[stake.meter]
            if too_few_hours(fit):
                left = f"{fit.n_effective:.1f} independent of {fit.n} hours for {fit.p} parameters"
                of = "" if len(stakes) == 1 else f" of {stake.meter}"
                return f"{figure}: no interval, autocorrelation {fit.rho:.2f}{of} leaves {left}"
        share = self._width(figure) / self._at_stake(figure)
        return f"{figure}: no interval, it would be ±{share:.0%} of the baseline, which tells nothing"

    def _width(self, figure: Figure) -> float:
        stakes = self.stakes(figure)
        return sum(self._width_of(stake, figure) for stake in stakes) if stakes else math.nan

    def _width_of(self, stake: Stake, figure: Figure) -> float:
        fit = self.statistics[stake.meter]
        return saving_half_width(stake.amount, self.hours[figure], fit, stake.sparse)

    def _at_stake(self, figure: Figure) -> float:
        return sum(abs(stake.amount) for stake in self.stakes(figure))


def joined_parts(a: Iterable[BaselinePart], b: Iterable[BaselinePart]) -> tuple[BaselinePart, ...]:
    """The parts of two disjoint periods, one for each model."""
    parts = {part.model_id: part for part in a}
    for part in b:
        known = parts.get(part.model_id)
        parts[part.model_id] = part if known is None else _joined(known, part)
    return tuple(parts.values())


def _joined(a: BaselinePart, b: BaselinePart) -> BaselinePart:
    cost = {stake.meter: stake for stake in a.cost}
    for stake in b.cost:
        cost[stake.meter] = cost[stake.meter].plus(stake) if stake.meter in cost else stake
    return replace(
        a,
        amounts=a.amounts.plus(b.amounts),
        sparse=a.sparse.plus(b.sparse),
        hours=a.hours.plus(b.hours),
        cost=tuple(cost.values()),
    )

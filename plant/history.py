"""History: what the site's points were, on a regular grid, with how much of it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.points import PointId
from plant.site import Site


def mean_of_known(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean along an axis of what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class History:
    """Means over equal steps.

    Attributes
    ----------
    values : DataFrame, index UTC interval starts (regular, `step_s` apart), columns point ids
        Mean of usable readings in inside units; NaN where there was none.
    measured_share : DataFrame, same shape
        Share of each interval's expected samples that were measured (quality good). 0 to 1. [-]
    """

    site: Site
    step_s: int
    values: pd.DataFrame
    measured_share: pd.DataFrame

    @property
    def start(self) -> datetime:
        """Start of the first interval."""
        return self.values.index[0].to_pydatetime()  # type: ignore[no-any-return]

    @property
    def end(self) -> datetime:
        """Start of the last interval."""
        return self.values.index[-1].to_pydatetime()  # type: ignore[no-any-return]

    def column(self, point: PointId) -> NDArray[np.float64]:
        """A point's values, all NaN where the history does not have it. Shape (steps,)."""
        if point not in self.values.columns:
            return np.full(len(self.values), np.nan)
        return self.values[point].to_numpy(dtype=float)

"""Time-matched market-based electricity: a contract covers only what was used in the hour it generated.

An option beside the yearly accounting of the GHG Protocol (its revision of 2025 proposes it): contracts that
name an hourly series are matched hour by hour, in their order, the rest takes the residual mix. What a
contract generates beyond the hour's use is not carried into another hour.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from reports.pairs import PairKey, PairRates
from reports.series import Meter
from reports.supplied import HourlyVolume, Supplied

Array = NDArray[np.float64]


def hourly_pairs(history: History, facility: Meter, supplied: Supplied) -> dict[PairKey, PairRates]:
    """CO2e and power covered by hourly contracts, and what is left to the residual mix; none without any.

    Within an hour every step is covered alike. An hour that was metered in part is matched with that part
    of its volume. An hour a series does not name generated nothing.
    """
    if not supplied.hourly:
        return {}
    load = facility.values
    index = pd.DatetimeIndex(history.values.index)
    hours = index.floor("h")
    known = ~np.isnan(load)
    step_h = history.step_s / 3600
    used = pd.Series(np.where(known, load, 0.0) * step_h).groupby(hours).transform("sum").to_numpy()
    metered = pd.Series(known.astype(float)).groupby(hours).transform("mean").to_numpy()
    share, kg_per_kwh = _covered(used, metered, hours, supplied.hourly)
    rest = supplied.residual_mix or supplied.grid_average
    left = load * (1 - share)
    rest_kg = left * (rest.g_per_kwh / 1000) if rest else np.full(len(load), np.nan)
    measured = facility.measured_share
    return {
        PairKey.HOURLY_MATCHED: PairRates(load * kg_per_kwh, load * share, measured),
        PairKey.HOURLY_REST: PairRates(rest_kg, left, measured),
    }


def _covered(
    used: Array, metered: Array, hours: pd.DatetimeIndex, contracts: tuple[HourlyVolume, ...]
) -> tuple[Array, Array]:
    """Share of each step's energy that contracts cover, and their CO2e over the step's energy. [-, kg/kWh]"""
    left, share, kg = used.copy(), np.zeros(len(used)), np.zeros(len(used))
    for contract in contracts:
        volume = np.array([contract.kwh.get(hour, 0.0) for hour in hours.to_pydatetime()])
        covered = np.minimum(left, volume * metered)
        part = np.divide(covered, used, out=np.zeros(len(used)), where=used > 0)
        left, share = left - covered, share + part
        kg = kg + part * contract.factor.g_per_kwh / 1000
    return share, kg

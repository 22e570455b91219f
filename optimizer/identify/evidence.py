"""What speaks for and against a submodel: data, hold-out error, range, disqualifications."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Where a submodel's numbers come from."""

    LEARNED = "learned"
    NAMEPLATE = "nameplate"
    """Too little fit data: nameplate and textbook values, with a wide margin."""


@dataclass(frozen=True)
class Coverage:
    """The range of an input the data covered (1st to 99th percentile), in the input's unit."""

    name: str
    low: float
    high: float

    def contains(self, value: float, slack: float = 0.0) -> bool:
        """Whether a value is inside, give or take ``slack``."""
        return self.low - slack <= value <= self.high + slack


@dataclass(frozen=True)
class Estimate:
    """One fitted number with its 90 % interval; an end that the data leave open is NaN.

    A coefficient by its name, or the curve at a place (`at_75_percent_kw`), in the output's unit.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class HorizonError:
    """Errors of a submodel left to itself for a time, on data it was not fitted to. In its output's unit."""

    ahead_s: int
    rmse: float
    bias: float
    samples: int


@dataclass(frozen=True)
class Evidence:
    """One submodel's record.

    `std` is the hold-out residual's standard deviation in the output's unit; `cv_rmse` and `nmbe`
    are the hold-out figures of ASHRAE Guideline 14 as ratios, NaN for a nameplate prior.
    """

    name: str
    origin: Origin
    samples: int
    std: float
    cv_rmse: float
    nmbe: float
    coverage: tuple[Coverage, ...] = ()
    disqualified: tuple[str, ...] = ()
    """Why it may not be trusted; empty when it may."""
    estimates: tuple[Estimate, ...] = ()
    horizon: tuple[HorizonError, ...] = ()
    """Filled by a calibration, which can afford to learn twice (`optimizer.identify.horizon`)."""

    @property
    def trusted(self) -> bool:
        """Learned, and nothing speaks against it."""
        return self.origin is Origin.LEARNED and not self.disqualified

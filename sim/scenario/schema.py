"""The shape of a scenario file, as pydantic checks it. Only `read` uses these records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    """``30s``, ``90m``, ``24h`` or ``7d``."""
    if not isinstance(value, str):
        raise ValueError("a length of time is written like 90m, 24h or 7d")
    try:
        return timedelta(**{_UNITS[value[-1:]]: float(value[:-1])})
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a length of time like 90m, 24h or 7d") from None


def _moment(value: object) -> object:
    """An offset from the scenario's start, or an instant."""
    if isinstance(value, str) and len(value) < len("2026-07-20"):
        return _duration(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Moment = Annotated[timedelta | AwareDatetime, BeforeValidator(_moment)]
Unit = Annotated[float, Field(ge=0, le=1)]


class PartIn(BaseModel):
    """Refuses unknown keys and NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WeatherIn(PartIn):
    """Exactly one of name, trace and the pair of constants."""

    name: str | None = None
    trace: str | None = None
    dry_bulb_c: float | None = None
    wet_bulb_c: float | None = None


class LoadIn(PartIn):
    """What the servers do."""

    kind: Literal["diurnal", "constant", "training", "trace"] = "diurnal"
    utilization: Unit = 0.6
    trace: str | None = None
    zones: str = "*"
    low: Unit = 0.2
    high: Unit = 1.0
    job: Duration = timedelta(hours=3)
    rest: Duration = timedelta(hours=1)


class CarbonIn(PartIn):
    """Where carbon intensity comes from."""

    provider: str
    region: str
    path: str | None = None


class PriceEventIn(PartIn):
    """A demand-response call."""

    at: Moment
    duration: Duration = Field(alias="for")
    times: float = Field(gt=0)


class PriceIn(PartIn):
    """What energy costs beyond the site's tariff."""

    day_ahead: str | None = None
    events: list[PriceEventIn] = []
    per_kwh: float | None = None
    carbon_per_tonne: float | None = Field(None, ge=0)


class LimitsIn(PartIn):
    """Inlet limits of every zone."""

    inlet_max_c: float | None = Field(None, ge=15, le=45)
    allowable_max_c: float | None = Field(None, ge=15, le=50)
    margin_k: float | None = Field(None, ge=0, le=10)


class FaultIn(PartIn):
    """One fault."""

    kind: str
    at: Moment = timedelta(0)
    duration: Duration | None = Field(None, alias="for")
    target: str = "*"
    magnitude: float | None = None
    other: str | None = Field(None, alias="with")


class HistoryIn(PartIn):
    """What there is to learn from."""

    as_found_days: float = Field(5.0, ge=0, le=400)
    excitation_days: float = Field(3.0, ge=0, le=100)
    file: str | None = None


class AlarmIn(PartIn):
    """An alarm that must stand in time."""

    kind: str
    source: str = "*"
    after: Moment = timedelta(0)
    within: Duration
    of: list[Literal["mpc", "trim-and-respond", "fixed"]] = []


class CriteriaIn(PartIn):
    """When the run has passed."""

    max_violation_minutes: float | None = Field(None, ge=0)
    worst_inlet_c: float | None = None
    facility_kwh_over_baseline: float | None = Field(None, gt=0)
    alarms: list[AlarmIn] = []
    quiet: list[str] = []
    least_verified: int | None = Field(None, ge=0)


class ScenarioFile(PartIn):
    """The whole file."""

    schema_version: Literal[1]
    name: str = Field(pattern=NAME_PATTERN, max_length=60)
    title: str
    about: str = ""
    site: str = "demo"
    start: AwareDatetime
    days: float = Field(1.0, gt=0, le=400)
    tick_s: float = Field(300.0, ge=10, le=900)
    seed: int = Field(1, ge=0)
    weather: WeatherIn = WeatherIn(name="greensboro")
    load: LoadIn = LoadIn()
    carbon: CarbonIn | None = None
    price: PriceIn = PriceIn()
    limits: LimitsIn = LimitsIn()
    faults: list[FaultIn] = []
    history: HistoryIn = HistoryIn()
    criteria: CriteriaIn = Field(default_factory=CriteriaIn, alias="pass")


def at(moment: timedelta | datetime, start: datetime) -> datetime:
    """The instant a moment names."""
    return start + moment if isinstance(moment, timedelta) else moment

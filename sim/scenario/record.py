"""A scenario as the program knows it: frozen records; `read` makes them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sim.faults import Fault


@dataclass(frozen=True, slots=True)
class WeatherChoice:
    """Exactly one of a name (or EPW/TMY3 file), a trace, or constant air."""

    name: str | None = None
    trace: Path | None = None
    dry_bulb_c: float | None = None
    wet_bulb_c: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What the servers do. `kind` is diurnal, constant, training or trace."""

    kind: str = "diurnal"
    utilization: float = 0.6
    trace: Path | None = None
    zones: str = "*"
    """Which zones train; the others follow the day."""
    low: float = 0.2
    high: float = 1.0
    job: timedelta = timedelta(hours=3)
    rest: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PriceEvent:
    """A time in which energy costs `times` its usual price: a demand-response call."""

    start: datetime
    end: datetime
    times: float


@dataclass(frozen=True, slots=True)
class Price:
    """What energy costs beyond the site's tariff; None keeps the site file's figure."""

    day_ahead: Path | None = None
    events: tuple[PriceEvent, ...] = ()
    per_kwh: float | None = None
    carbon_per_tonne: float | None = None


@dataclass(frozen=True, slots=True)
class Carbon:
    """Where carbon intensity comes from in this scenario."""

    provider: str
    region: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Inlet limits of every zone in this scenario; None keeps the site file's figure. [°C, K]"""

    inlet_max_c: float | None = None
    allowable_max_c: float | None = None
    margin_k: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What there is to learn from: days made before the start, or a file of trends that ends there."""

    as_found_days: float = 5.0
    excitation_days: float = 3.0
    file: Path | None = None

    @property
    def days(self) -> float:
        """Days made by the simulator. 0 means that nothing is learned."""
        return self.as_found_days + self.excitation_days


@dataclass(frozen=True, slots=True)
class AlarmCriterion:
    """An alarm that must stand: of this kind, from a source like this, within a time of `after`."""

    kind: str
    source: str
    after: datetime
    within: timedelta
    of: tuple[str, ...] = ()
    """Policies it is asked of; none named is all."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """When the run is held to have passed; None is not asked."""

    max_violation_minutes: float | None = None
    """Minutes any zone's warmest inlet is above its recommended maximum, all zones together."""
    worst_inlet_c: float | None = None
    facility_kwh_over_baseline: float | None = None
    """Most facility energy, as a share of the same hours as found."""
    alarms: tuple[AlarmCriterion, ...] = ()
    quiet: tuple[str, ...] = ()
    """Kinds of alarm that must not be raised."""
    least_verified: int | None = None
    """Least number of proposals that were carried out and held by the plant."""


@dataclass(frozen=True)
class Scenario:
    """One scenario. `document` is the YAML as used, with overrides in it."""

    name: str
    title: str
    about: str
    site_file: Path
    start: datetime
    length: timedelta
    tick_s: float
    seed: int
    weather: WeatherChoice
    load: Load
    carbon: Carbon | None
    price: Price
    limits: Limits
    faults: tuple[Fault, ...]
    history: History
    criteria: Criteria
    document: Mapping[str, object]

    @property
    def end(self) -> datetime:
        """The instant it ends."""
        return self.start + self.length

    def input_files(self) -> tuple[Path, ...]:
        """Every file it reads besides itself and the site file."""
        named = (
            self.weather.trace,
            self.load.trace,
            self.carbon.path if self.carbon else None,
            self.price.day_ahead,
            self.history.file,
        )
        return tuple(p for p in named if p is not None)

"""Reading a scenario file: YAML in, a frozen `Scenario` out, or one clear line about what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from plant.errors import ConfigError
from plant.yaml_file import YamlFile
from sim.faults import Fault, make_fault
from sim.scenario import schema
from sim.scenario.record import (
    AlarmCriterion,
    Carbon,
    Criteria,
    History,
    Limits,
    Load,
    Price,
    PriceEvent,
    Scenario,
    WeatherChoice,
)
from sim.scenario.schema import ScenarioFile

_MENDS = (
    "give a name of `scenario list` or the path of a file",
    "start from one that `scenario show` prints",
)
SHIPPED_SITES = {"demo": Path(__file__).parents[2] / "examples" / "demo.yaml"}


def read_scenario(path: Path, overrides: Mapping[str, object] | None = None) -> Scenario:
    """Read and check a scenario file, with dotted keys (``limits.margin_k``) set over it.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the mend.
    """
    file = YamlFile(path, "scenario", *_MENDS)
    document = with_overrides(file.mapping(), overrides or {}, f"scenario {path.stem}")
    return _scenario(file.described(ScenarioFile, document), document, path)


def with_overrides(
    document: Mapping[str, Any], overrides: Mapping[str, object], where: str
) -> dict[str, Any]:
    """A copy of a document with dotted keys set; numbers index lists."""
    out: dict[str, Any] = copy.deepcopy(dict(document))
    for key, value in overrides.items():
        at: Any = out
        *path, last = key.split(".")
        try:
            for part in path:
                at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
            at[int(last) if isinstance(at, list) else last] = value
        except (IndexError, ValueError, TypeError, AttributeError):
            raise ConfigError(f"{where}, key {key}", "cannot be set there", "correct the key") from None
    return out


def _scenario(d: ScenarioFile, document: Mapping[str, Any], path: Path) -> Scenario:
    where = f"scenario {path}"
    folder = path.parent

    def file(name: str | None) -> Path | None:
        return None if name is None else folder / name

    return Scenario(
        name=d.name,
        title=d.title,
        about=d.about,
        site_file=SHIPPED_SITES.get(d.site, folder / d.site),
        start=d.start,
        length=timedelta(seconds=round(d.days * 86_400)),
        tick_s=d.tick_s,
        seed=d.seed,
        weather=_weather(d, file(d.weather.trace), where),
        load=_load(d, file(d.load.trace), where),
        carbon=Carbon(d.carbon.provider, d.carbon.region, file(d.carbon.path)) if d.carbon else None,
        price=_price(d, file(d.price.day_ahead)),
        limits=Limits(**d.limits.model_dump()),
        faults=tuple(_fault(d, n, where) for n in range(len(d.faults))),
        history=History(d.history.as_found_days, d.history.excitation_days, file(d.history.file)),
        criteria=_criteria(d),
        document=document,
    )


def _weather(d: ScenarioFile, trace: Path | None, where: str) -> WeatherChoice:
    w = d.weather
    constants = (w.dry_bulb_c, w.wet_bulb_c)
    halves = constants.count(None) == 1
    if halves or (w.name is not None) + (trace is not None) + (None not in constants) != 1:
        mend = "give one of name, trace, or dry_bulb_c with wet_bulb_c"
        raise ConfigError(f"{where}, key weather", "does not say one source", mend)
    return WeatherChoice(w.name, trace, w.dry_bulb_c, w.wet_bulb_c)


def _load(d: ScenarioFile, trace: Path | None, where: str) -> Load:
    if (d.load.kind == "trace") != (trace is not None):
        raise ConfigError(
            f"{where}, key load.trace", "does not fit the kind", "give kind: trace and the file together"
        )
    return Load(**{**d.load.model_dump(), "trace": trace})


def _price(d: ScenarioFile, day_ahead: Path | None) -> Price:
    events = tuple(
        PriceEvent(begin, begin + e.duration, e.times)
        for e in d.price.events
        for begin in [schema.at(e.at, d.start)]
    )
    return Price(day_ahead, events, d.price.per_kwh, d.price.carbon_per_tonne)


def _fault(d: ScenarioFile, number: int, where: str) -> Fault:
    f = d.faults[number]
    begin = schema.at(f.at, d.start)
    # A fault without a length lasts as long as anybody looks.
    end = begin + (timedelta(days=4000) if f.duration is None else f.duration)
    key = f"{where}, key faults.{number}"
    return make_fault(f.kind, begin, end, f.target, f.magnitude, f.other, where=key)


def _criteria(d: ScenarioFile) -> Criteria:
    c = d.criteria
    return Criteria(
        max_violation_minutes=c.max_violation_minutes,
        worst_inlet_c=c.worst_inlet_c,
        facility_kwh_over_baseline=c.facility_kwh_over_baseline,
        alarms=tuple(
            AlarmCriterion(a.kind, a.source, schema.at(a.after, d.start), a.within, tuple(a.of))
            for a in c.alarms
        ),
        quiet=tuple(c.quiet),
        least_verified=c.least_verified,
    )

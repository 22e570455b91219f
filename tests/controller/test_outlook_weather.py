"""The running outlook uses the weather feed: corrected by its errors here, with persistence in its gaps."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from controller.feeds import open_feeds
from controller.knowledge import Knowledge
from controller.outlook import Outlook
from controller.recall import Recall
from controller.settings import Settings
from controller.upkeep import feed_faults
from controller.wiring import make_outlook
from plant.errors import ConfigError
from plant.forecast import (
    OWN_SENSORS,
    Band,
    CarbonKind,
    CarbonSeries,
    Forecast,
    Nature,
    PriceSeries,
    WeatherSeries,
)
from plant.history import History
from plant.points import SITE
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site, WeatherFeed
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from telemetry.historian import Historian

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = load_site(EXAMPLES / "demo.yaml")
DRY, WET = (DEMO.points_of(SITE, q)[0].id for q in (Quantity.OUTDOOR_DRY_BULB, Quantity.OUTDOOR_WET_BULB))
STEPS = 96


def hours(at: datetime) -> float:
    return (at - NOW).total_seconds() / 3600


def truth(at: datetime) -> float:
    """The weather here: a day's swing with a front that comes in three hours."""
    return 20.0 + 5.0 * float(np.sin(2 * np.pi * hours(at) / 24)) - (8.0 if hours(at) > 3 else 0.0)


@dataclass
class Provider:
    """A provider that is always `off` warm here, and knows of the front."""

    off: float = 3.0
    nature: Nature = Nature.MIXED
    silent_after_h: float = 1e9
    asked: list[TimeGrid] = field(default_factory=list)

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        self.asked.append(grid)
        middle = [at + timedelta(seconds=grid.step_s / 2) for at in grid.times()]
        told = np.array(
            [truth(at) + self.off if hours(at) < self.silent_after_h else np.nan for at in middle]
        )
        return WeatherSeries(grid, told, told - 6.0, "a provider", self.nature)


class Past:
    """What the site's own sensors measured: the truth, and a wet bulb 7 K below."""

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        index = pd.date_range(start, end - timedelta(seconds=step_s), freq=f"{step_s}s")
        dry = np.array([truth(at.to_pydatetime() + timedelta(seconds=step_s / 2)) for at in index])
        values = pd.DataFrame({DRY: dry, WET: dry - 7.0}, index=index)
        return History(site, step_s, values, values * 0 + 1)


class Persistence:
    """All stays as it is, 5 K wide."""

    def forecast(
        self, history: History, snapshot: Snapshot, carbon: CarbonSeries, price: PriceSeries, grid: TimeGrid
    ) -> Forecast:
        flat = Band(np.full(grid.steps, 20.0), np.full(grid.steps, 5.0))
        low = Band(flat.mean - 7, flat.std)
        return Forecast(snapshot.time, grid, {}, flat, low, carbon, price)


class Flat:
    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        return CarbonSeries(grid, np.full(grid.steps, 400.0), CarbonKind.AVERAGE, "test", synthetic=True)

    async def price(self, grid: TimeGrid) -> PriceSeries:
        return PriceSeries(grid, np.full(grid.steps, 0.1), "USD", "test")


async def look(provider: Provider | None) -> Forecast:
    readings = {p: Reading(p, NOW, v, Quality.GOOD) for p, v in ((DRY, truth(NOW)), (WET, truth(NOW) - 7.0))}
    recall = Recall(Past(), DEMO, 900, timedelta(days=3))
    outlook = Outlook(recall, Persistence(), Flat(), Flat(), 900, STEPS, provider)
    return await outlook.look(Snapshot(DEMO, NOW, readings))


def real(forecast: Forecast) -> np.ndarray:
    return np.array([truth(at + timedelta(seconds=450)) for at in forecast.grid.times()])


async def test_a_front_the_provider_knows_of_is_foreseen_and_its_bias_here_is_taken_off() -> None:
    forecast = await look(Provider())
    np.testing.assert_allclose(forecast.dry_bulb_c.mean, real(forecast), atol=0.05)
    np.testing.assert_allclose(forecast.wet_bulb_c.mean, real(forecast) - 7.0, atol=0.05)
    assert (forecast.weather.provider, forecast.weather.nature, forecast.weather.steps) == (
        "a provider",
        Nature.FORECAST,
        STEPS,
    )
    assert forecast.dry_bulb_c.std[0] < forecast.dry_bulb_c.std[-1], "the further ahead the less is known"


async def test_the_provider_is_asked_once_for_two_days_back_and_the_horizon() -> None:
    provider = Provider()
    await look(provider)
    (asked,) = provider.asked
    assert asked.start == NOW - timedelta(hours=48)
    assert asked.end == NOW + timedelta(hours=24)


async def test_where_the_provider_is_silent_the_sites_own_persistence_holds() -> None:
    forecast = await look(Provider(silent_after_h=6.0))
    assert forecast.weather.steps == 24
    assert (forecast.dry_bulb_c.mean[24:] == 20.0).all()
    assert (forecast.dry_bulb_c.std[24:] == 5.0).all()
    assert np.abs(forecast.dry_bulb_c.mean[:24] - real(forecast)[:24]).max() < 0.05


@pytest.mark.parametrize(
    "provider", [None, Provider(silent_after_h=-1e9), Provider(nature=Nature.MEASURED)],
    ids=["none named", "a silent one", "a record of measurements"],
)  # fmt: skip
async def test_without_a_forecast_it_is_persistence_and_says_so(provider: Provider | None) -> None:
    forecast = await look(provider)
    assert forecast.weather == OWN_SENSORS
    assert (forecast.dry_bulb_c.mean == 20.0).all()


async def test_a_typical_year_never_passes_as_a_forecast_of_this_one() -> None:
    assert (await look(Provider(nature=Nature.TYPICAL))).weather.nature is Nature.TYPICAL


async def test_a_wet_bulb_never_comes_out_above_the_dry_bulb() -> None:
    class Muggy(Provider):
        async def weather(self, grid: TimeGrid) -> WeatherSeries:
            told = await super().weather(grid)
            return WeatherSeries(grid, told.dry_bulb_c, told.dry_bulb_c + 4, told.provider, told.nature)

    forecast = await look(Muggy())
    assert (forecast.wet_bulb_c.mean <= forecast.dry_bulb_c.mean).all()


async def test_the_running_program_looks_at_the_feed_the_site_file_names(tmp_path: Path) -> None:
    """From the site file to the forecast a policy is asked with, through the program's own wiring."""
    rows = [
        f"{(NOW + timedelta(hours=h)).isoformat()},{truth(NOW + timedelta(hours=h))},10"
        for h in range(-50, 26)
    ]
    (tmp_path / "forecast.csv").write_text(
        "# forecast\ntime,dry_bulb_c,wet_bulb_c\n" + "\n".join(rows), encoding="utf-8"
    )
    described = yaml.safe_load((EXAMPLES / "demo.yaml").read_text(encoding="utf-8"))
    described["weather"] = {"provider": "csv", "path": "forecast.csv"}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    site = load_site(tmp_path / "site.yaml")
    feeds = open_feeds(site)
    with closing(Historian("sqlite://")) as historian:
        outlook = make_outlook(site, historian, Knowledge(None, None, ""), feeds, Settings())
        forecast = await outlook.look(Snapshot(site, NOW, {}))
    assert (forecast.weather.provider, forecast.weather.nature) == ("csv forecast.csv", Nature.FORECAST)
    assert forecast.dry_bulb_c.mean[-1] == pytest.approx(truth(NOW + timedelta(hours=23.9)), abs=0.5)
    assert feed_faults(feeds.weather) == {"csv forecast.csv": ()}


def test_a_weather_provider_that_is_not_known_stops_the_start_in_one_line(tmp_path: Path) -> None:
    site = replace(DEMO, weather=WeatherFeed("crystal ball"))
    with pytest.raises(
        ConfigError, match=r"weather.provider: 'crystal ball' is not known; use one of open_meteo"
    ):
        open_feeds(site)

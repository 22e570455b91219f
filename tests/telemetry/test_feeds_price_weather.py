from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psychrolib
import pvlib
import pytest
from loopback import Asked, Told, serving
from telemetry_kit import NOON, HandClock, small_site

from plant.errors import ConfigError
from plant.forecast import Nature
from plant.ports import WeatherFeed
from plant.site import Tariff, TariffPeriod
from plant.site import WeatherFeed as NamedFeed
from plant.timegrid import TimeGrid
from telemetry.feeds import FeedSettings, open_price_feed, open_weather_feed
from telemetry.feeds.price import DayAheadCsv, TariffPrice

PEAK = TariffPeriod("peak", 0.30, tuple(range(17, 21)), (0, 1, 2, 3, 4))
NIGHT = TariffPeriod("night", 0.10, tuple(range(6)), tuple(range(7)))
TARIFF = Tariff("EUR", 0.20, (PEAK, NIGHT))
GREENSBORO = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"


async def prices(start: datetime, steps: int = 24, step_s: int = 3600) -> list[float]:
    series = await TariffPrice(TARIFF, "Europe/Berlin").price(TimeGrid(start, step_s, steps))
    return [round(p, 6) for p in series.per_kwh.tolist()]


async def test_a_tariff_follows_local_hours_and_weekdays() -> None:
    monday = await prices(datetime(2026, 5, 31, 22, tzinfo=UTC))  # midnight of Monday 1 June in Berlin
    assert monday == [0.10] * 6 + [0.20] * 11 + [0.30] * 4 + [0.20] * 3
    sunday = await prices(datetime(2026, 6, 6, 22, tzinfo=UTC))
    assert 0.30 not in sunday


async def test_the_night_is_an_hour_shorter_when_clocks_go_forward_and_longer_when_back() -> None:
    spring = await prices(datetime(2026, 3, 28, 23, tzinfo=UTC), 23)  # 29 March has 23 hours
    autumn = await prices(datetime(2026, 10, 24, 22, tzinfo=UTC), 25)  # 25 October has 25
    assert spring.count(0.10) == 5
    assert autumn.count(0.10) == 7


async def test_a_step_over_a_change_of_price_has_the_mean_over_its_time() -> None:
    assert await prices(datetime(2026, 6, 1, 14, 45, tzinfo=UTC), 1) == [pytest.approx(0.275)]


async def test_day_ahead_prices_come_in_quarter_hours_and_may_be_negative(tmp_path: Path) -> None:
    file = tmp_path / "day_ahead.csv"
    file.write_text(
        "time,price_per_mwh\n2026-06-01T12:00Z,80\n2026-06-01T12:15Z,-20\n2026-06-01T12:30Z,0\n",
        encoding="utf-8",
    )
    series = await DayAheadCsv(file, TARIFF, "Europe/Berlin").price(TimeGrid(NOON, 900, 4))
    np.testing.assert_allclose(series.per_kwh, [0.08, -0.02, 0.0, 0.20])
    assert series.provider == "day-ahead day_ahead.csv (1 of 4 steps from the site tariff)"
    assert series.currency == "EUR"


async def test_a_site_without_day_ahead_prices_has_its_tariff() -> None:
    series = await open_price_feed(small_site([])).price(TimeGrid(NOON, 900, 2))
    assert series.per_kwh.tolist() == [0.2, 0.2]


@pytest.mark.parametrize(
    "text",
    [
        "time,euros\n2026-06-01T12:00Z,1\n",
        "time,price_per_kwh\n2026-06-01T12:00,1\n",
        "time,price_per_kwh\nx,1\n",
    ],
)
def test_a_wrong_price_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "p.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        DayAheadCsv(file, TARIFF, "Europe/Berlin")


def weather_feed(
    provider: str, path: Path | None = None, settings: FeedSettings | None = None
) -> WeatherFeed:
    found = open_weather_feed(replace(small_site([]), weather=NamedFeed(provider, path)), settings)
    assert found is not None
    return found


def open_meteo(asked: Asked) -> Told:
    hours = 48
    start = datetime.fromisoformat(asked.query["start_date"])
    return Told(
        json.dumps(
            {
                "utc_offset_seconds": 0,
                "hourly_units": {
                    "time": "iso8601",
                    "temperature_2m": "°C",
                    "relative_humidity_2m": "%",
                    "surface_pressure": "hPa",
                },
                "hourly": {
                    "time": [(start + timedelta(hours=h)).isoformat()[:16] for h in range(hours)],
                    "temperature_2m": [None if h == 20 else 10.0 + h for h in range(hours)],
                    "relative_humidity_2m": [50] * hours,
                    "surface_pressure": [980.0] * hours,
                },
            }
        )
    )


async def test_open_meteo_becomes_means_over_the_steps_with_a_wet_bulb() -> None:
    with serving(open_meteo) as site:
        feed = weather_feed("open_meteo", settings=FeedSettings(HandClock(), base_url=site.url))
        series = await feed.weather(TimeGrid(NOON, 3600, 4))
        assert site.log[0].query["timezone"] == "UTC"
        assert site.log[0].query["start_date"] == "2026-06-01"
    np.testing.assert_allclose(series.dry_bulb_c, [22.5, 23.5, 24.5, 25.5])
    psychrolib.SetUnitSystem(psychrolib.SI)
    assert series.wet_bulb_c[0] == pytest.approx(psychrolib.GetTWetBulbFromRelHum(22.5, 0.5, 98000), abs=0.02)
    assert (series.nature, series.unit, series.provider) == (Nature.FORECAST, "°C", "Open-Meteo")


@pytest.mark.parametrize(
    "change",
    [
        {"hourly_units": {"temperature_2m": "°F", "relative_humidity_2m": "%", "surface_pressure": "hPa"}},
        {"utc_offset_seconds": -18000},
        {"hourly": {"time": []}},
        {"error": True, "reason": "Parameter 'latitude' must be in range"},
    ],
)
async def test_weather_in_another_unit_or_time_zone_is_a_gap(change: dict[str, object]) -> None:
    def answer(asked: Asked) -> Told:
        return Told(json.dumps({**json.loads(open_meteo(asked).body), **change}))

    with serving(answer) as site:
        feed = weather_feed("open_meteo", settings=FeedSettings(HandClock(), base_url=site.url))
        series = await feed.weather(TimeGrid(NOON, 3600, 4))
    assert np.isnan(series.dry_bulb_c).all()
    assert feed.gaps.faults  # type: ignore[attr-defined]


async def test_a_rate_limit_of_open_meteo_is_a_gap_and_said_and_passes() -> None:
    """Documented: 429 with ``{error: true, reason}`` once the minute's, hour's or day's calls are used up."""
    limit = Told('{"error": true, "reason": "Minutely API request limit exceeded."}', 429)
    answers = [limit] * 3

    async def no_wait(seconds: float) -> None:
        return

    with serving(lambda asked: answers.pop() if answers else open_meteo(asked)) as site:
        feed = weather_feed("open_meteo", settings=FeedSettings(HandClock(), base_url=site.url))
        feed._fetcher.sleep = no_wait  # type: ignore[attr-defined]
        first = await feed.weather(TimeGrid(NOON, 3600, 4))
        assert "HTTP 429" in feed.gaps.faults[0]  # type: ignore[attr-defined]
        again = await feed.weather(TimeGrid(NOON, 3600, 4))
        assert feed.gaps.faults == ()  # type: ignore[attr-defined]
    assert np.isnan(first.dry_bulb_c).all()
    assert not np.isnan(again.dry_bulb_c).any()


async def test_a_typical_year_has_the_hours_of_its_file_in_its_own_zone() -> None:
    feed = weather_feed("tmy3", GREENSBORO)
    frame, _ = pvlib.iotools.read_tmy3(GREENSBORO, coerce_year=2001, map_variables=True)
    series = await feed.weather(TimeGrid(datetime(2026, 7, 1, 16, 30, tzinfo=UTC), 3600, 2))
    # 17:00 UTC is 12:00 in the file (UTC-5): the means over ±30 min lie close to the instants.
    noon = frame.loc[(frame.index.month == 7) & (frame.index.day == 1) & (frame.index.hour == 12), "temp_air"]
    assert series.dry_bulb_c[0] == pytest.approx(float(noon.iloc[0]), abs=0.3)
    assert series.nature is Nature.TYPICAL
    leap = await feed.weather(TimeGrid(datetime(2028, 2, 28, tzinfo=UTC), 3600, 72))
    assert not np.isnan(leap.wet_bulb_c).any()
    assert (leap.wet_bulb_c <= leap.dry_bulb_c + 0.01).all()


async def test_a_record_does_not_reach_over_its_gaps(tmp_path: Path) -> None:
    file = tmp_path / "weather.csv"
    file.write_text(
        "time,dry_bulb_c,wet_bulb_c\n2026-06-01T12:00Z,20,15\n2026-06-01T13:00Z,22,16\n2026-06-01T17:00Z,30,20\n",
        encoding="utf-8",
    )
    series = await weather_feed("csv", file).weather(TimeGrid(NOON, 3600, 3))
    np.testing.assert_allclose(series.dry_bulb_c, [21.0, np.nan, np.nan])
    assert series.nature is Nature.UNSTATED


@pytest.mark.parametrize(("said", "nature"), [("# measured", "measured"), ("# Forecast", "forecast")])
async def test_a_file_may_say_whether_it_was_measured_or_foretold(
    said: str, nature: str, tmp_path: Path
) -> None:
    file = tmp_path / "weather.csv"
    rows = "2026-06-01T12:00Z,20,15\n2026-06-01T13:00Z,22,16\n"
    file.write_text(f"{said}\ntime,dry_bulb_c,wet_bulb_c\n{rows}", encoding="utf-8")
    assert (await weather_feed("csv", file).weather(TimeGrid(NOON, 3600, 1))).nature == nature


@pytest.mark.parametrize(
    ("provider", "path"),
    [("crystal ball", None), ("csv", None), ("epw", "nowhere.epw"), ("csv", "nowhere.csv")],
)
def test_weather_that_cannot_be_is_refused(provider: str, path: str | None) -> None:
    with pytest.raises(ConfigError):
        weather_feed(provider, None if path is None else Path(path))


def test_a_site_that_names_no_weather_feed_has_none() -> None:
    assert open_weather_feed(small_site([])) is None


async def test_open_meteo_is_asked_for_its_archive_where_the_forecast_does_not_reach() -> None:
    """Documented: the forecast has up to 92 days of past, older hours are at the archive."""
    with serving(open_meteo) as site:
        feed = weather_feed("open_meteo", settings=FeedSettings(HandClock(), base_url=site.url))
        past = await feed.weather(TimeGrid(NOON - timedelta(days=200), 3600, 4))
        over = await feed.weather(TimeGrid(NOON - timedelta(days=90, hours=6), 3600, 12))
        assert [a.path for a in site.log] == ["/v1/archive", "/v1/archive", "/v1/forecast"]
    assert past.nature is Nature.ESTIMATED, "an analysis is not this site's thermometer"
    assert not np.isnan(past.dry_bulb_c).any()
    assert over.nature is Nature.ESTIMATED
    mixed = TimeGrid(NOON - timedelta(hours=6), 3600, 12)
    with serving(open_meteo) as site:
        feed = weather_feed("open_meteo", settings=FeedSettings(HandClock(), base_url=site.url))
        assert (await feed.weather(mixed)).nature is Nature.MIXED

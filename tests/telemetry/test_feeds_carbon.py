"""Providers replayed by a local server in their documented shapes (domain notes 8.1)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from loopback import Asked, Told, serving
from telemetry_kit import NOON, HandClock

from plant.errors import ConfigError
from plant.forecast import CarbonKind, CarbonSeries
from plant.site import CarbonSource
from plant.timegrid import TimeGrid
from telemetry.feeds import FeedSettings, open_carbon_feed
from telemetry.feeds.carbon.synthetic import REGIONS, SyntheticCarbon

DAY = TimeGrid(NOON - timedelta(hours=2), 900, 16)  # two hours past, two to come
TEN = NOON - timedelta(hours=2)


def settings(
    url: str, tmp_path: Path, clock: HandClock | None = None, *, cache: bool = False
) -> FeedSettings:
    secrets = {}
    for name in ("token", "username", "password"):
        secrets[name] = tmp_path / name
        secrets[name].write_text(f"the-{name}\n", encoding="utf-8")
    cache_dir = tmp_path / "cache" if cache else None
    return FeedSettings(clock or HandClock(), secrets, cache_dir, url, timeout_s=2, min_interval_s=0)


def electricity_maps(asked: Asked, *, values: dict[int, object] | None = None) -> Told:
    values = values or {}
    if asked.path.endswith("/forecast"):
        rows = [{"carbonIntensity": 300 + h, "datetime": iso(NOON + timedelta(hours=h))} for h in range(24)]
        return Told(json.dumps({"zone": "DE", "forecast": rows, "updatedAt": iso(NOON)}))
    rows = [
        {"zone": "DE", "carbonIntensity": values.get(h, 200 + h), "datetime": iso(NOON - timedelta(hours=h))}
        for h in range(1, 25)
    ]
    return Told(json.dumps({"zone": "DE", "data": rows}))


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def intensity(provider: str, region: str, settings: FeedSettings, grid: TimeGrid = DAY) -> CarbonSeries:
    return await open_carbon_feed(CarbonSource(provider, region), settings).intensity(grid)


async def test_electricity_maps_is_measured_in_the_past_and_forecast_after(tmp_path: Path) -> None:
    with serving(electricity_maps) as site:
        series = await intensity("electricity_maps", "DE", settings(site.url, tmp_path))
        assert {a.headers["auth-token"] for a in site.log} == {"the-token"}
        assert {a.query["zone"] for a in site.log} == {"DE"}
    assert series.g_per_kwh.tolist() == [202] * 4 + [201] * 4 + [300] * 4 + [301] * 4
    assert (series.kind, series.synthetic, series.provider) == (
        CarbonKind.AVERAGE,
        False,
        "Electricity Maps DE",
    )


@pytest.mark.parametrize("bad", [0, -5, None, "n/a", 1e9, True])
async def test_a_carbon_reading_of_zero_is_a_gap_and_never_a_number(bad: object, tmp_path: Path) -> None:
    """Named regression: an outage was served as 0 g/kWh, and everything ran in that hour."""
    with serving(lambda asked: electricity_maps(asked, values={1: bad})) as site:
        feed = open_carbon_feed(CarbonSource("electricity_maps", "DE"), settings(site.url, tmp_path))
        series = await feed.intensity(DAY)
    assert np.isnan(series.g_per_kwh[4:8]).all()
    assert not np.isnan(series.g_per_kwh[[0, 3, 8, 15]]).any()
    assert feed.gaps.faults  # type: ignore[attr-defined]


async def test_a_past_query_answered_with_now_is_a_gap(tmp_path: Path) -> None:
    """Named regression: the provider answers any question about the past with the present."""
    row = {"carbonIntensity": 250, "datetime": iso(NOON)}
    last_week = TimeGrid(NOON - timedelta(days=7), 3600, 24)
    with serving(lambda _: Told(json.dumps({"zone": "DE", "data": [row]}))) as site:
        series = await intensity("electricity_maps", "DE", settings(site.url, tmp_path), last_week)
    assert np.isnan(series.g_per_kwh).all()


async def test_a_long_past_is_asked_for_in_ranges_the_provider_allows(tmp_path: Path) -> None:
    month = TimeGrid(NOON - timedelta(days=30), 3600, 24 * 25)
    with serving(lambda _: Told(json.dumps({"zone": "DE", "data": []}))) as site:
        await intensity("electricity_maps", "DE", settings(site.url, tmp_path), month)
        spans = [(a.path.rsplit("/", 1)[1], a.query["start"]) for a in site.log]
    assert spans == [
        ("past-range", "2026-05-02T12:00Z"),
        ("past-range", "2026-05-12T12:00Z"),
        ("past-range", "2026-05-22T12:00Z"),
    ]


def watttime(asked: Asked, *, units: str = "lbs_co2_per_mwh") -> Told:
    if asked.path == "/login":
        expected = "Basic " + b64encode(b"the-username:the-password").decode()
        return Told('{"token": "t0k"}') if asked.headers["authorization"] == expected else Told("", 403)
    if asked.headers.get("authorization") != "Bearer t0k":
        return Told('{"error": "Invalid token"}', 401)
    first = NOON if asked.path.endswith("forecast") else TEN
    rows = [
        {"point_time": (first + timedelta(minutes=5 * i)).isoformat(), "value": 1000.0} for i in range(24)
    ]
    meta = {"region": "CAISO_NORTH", "signal_type": "co2_moer", "units": units}
    return Told(json.dumps({"data": rows, "meta": meta}))


async def test_watttime_is_marginal_and_its_pounds_become_grams(tmp_path: Path) -> None:
    with serving(watttime) as site:
        series = await intensity("watttime", "CAISO_NORTH", settings(site.url, tmp_path))
        assert [a.path for a in site.log] == ["/login", "/v3/forecast", "/v3/historical"]
        assert site.log[1].query["signal_type"] == "co2_moer"
    # 1 lb = 453.59237 g exactly, 1 MWh = 1000 kWh
    np.testing.assert_allclose(series.g_per_kwh, 453.59237)
    assert series.kind is CarbonKind.MARGINAL


async def test_watttime_in_another_unit_is_not_believed(tmp_path: Path) -> None:
    with serving(lambda asked: watttime(asked, units="kg_co2_per_mwh")) as site:
        series = await intensity("watttime", "CAISO_NORTH", settings(site.url, tmp_path))
    assert np.isnan(series.g_per_kwh).all()


async def test_watttime_logs_in_again_when_the_token_has_run_out(tmp_path: Path) -> None:
    valid = ["t0k"]

    def short_lived(asked: Asked) -> Told:
        if asked.path == "/login" and not valid:
            valid.append("t0k")
        if asked.path != "/login" and not valid:
            return Told("", 401)
        return watttime(asked)

    with serving(short_lived) as site:
        feed = open_carbon_feed(CarbonSource("watttime", "CAISO_NORTH"), settings(site.url, tmp_path))
        await feed.intensity(DAY)
        valid.clear()
        again = await feed.intensity(DAY)
    assert not np.isnan(again.g_per_kwh).any()


def neso(asked: Asked) -> Told:
    """The documented example's shape, with an actual only where it is past."""
    rows = []
    for i in range(8):
        at = TEN + timedelta(minutes=30 * i)
        intensity = {"forecast": 266 + i, "actual": 263 + i if at < NOON else None, "index": "moderate"}
        rows.append(
            {
                "from": f"{at:%Y-%m-%dT%H:%MZ}",
                "to": f"{at + timedelta(minutes=30):%Y-%m-%dT%H:%MZ}",
                "intensity": intensity,
            }
        )
    if asked.path.startswith("/regional"):
        for row in rows:
            row["intensity"].pop("actual")  # type: ignore[attr-defined]
        return Told(json.dumps({"data": {"regionid": 3, "postcode": "RG10", "data": rows}}))
    return Told(json.dumps({"data": rows}))


async def test_neso_gives_the_actual_half_hour_and_else_its_forecast(tmp_path: Path) -> None:
    with serving(neso) as site:
        series = await intensity("neso", "GB", settings(site.url, tmp_path))
        assert site.log[0].path == "/intensity/2026-06-01T10:00Z/2026-06-01T14:00Z"
    assert series.g_per_kwh[::2].tolist() == [263, 264, 265, 266, 270, 271, 272, 273]


async def test_neso_knows_regions_by_postcode(tmp_path: Path) -> None:
    with serving(neso) as site:
        series = await intensity("neso", "RG10", settings(site.url, tmp_path))
        assert site.log[0].path.startswith("/regional/intensity/")
        assert site.log[0].path.endswith("/postcode/RG10")
    assert series.g_per_kwh[0] == 266


@pytest.mark.parametrize(
    "told",
    [
        Told('{"error":{"code":"500 Internal Server Error"}}', 500),
        Told("<html>", 200),
        Told("[]"),
        Told('{"data": null}'),
        Told("", 404),
        Told("", 429, headers={"Retry-After": "86400"}),
    ],
)
@pytest.mark.parametrize(
    ("provider", "region"), [("neso", "GB"), ("electricity_maps", "DE"), ("watttime", "X")]
)
async def test_what_is_not_an_answer_is_a_gap(provider: str, region: str, told: Told, tmp_path: Path) -> None:
    with serving(lambda _: told) as site:
        feed = open_carbon_feed(CarbonSource(provider, region), settings(site.url, tmp_path))
        feed._fetcher.sleep = no_sleep  # type: ignore[attr-defined]
        series = await feed.intensity(DAY)
    assert np.isnan(series.g_per_kwh).all()
    assert feed.gaps.faults  # type: ignore[attr-defined]


async def no_sleep(seconds: float) -> None:
    """Do not wait."""


async def test_a_rate_limit_is_waited_out_and_a_hiccup_tried_again(tmp_path: Path) -> None:
    answers = [Told("", 429, headers={"Retry-After": "7"}), Told("", 503)]
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    with serving(lambda asked: answers.pop(0) if answers else neso(asked)) as site:
        feed = open_carbon_feed(CarbonSource("neso", "GB"), settings(site.url, tmp_path))
        feed._fetcher.sleep = sleep  # type: ignore[attr-defined]
        series = await feed.intensity(DAY)
    assert not np.isnan(series.g_per_kwh).any()
    assert waited[0] == 7.0
    assert len(waited) == 2


async def test_an_answer_on_disk_stands_in_for_three_hours_and_no_longer(tmp_path: Path) -> None:
    clock, down = HandClock(), [False]
    with serving(lambda asked: Told("", 503) if down[0] else neso(asked)) as site:
        for after_s, expected in ((0, 263.0), (100, 263.0), (2 * 3600, 263.0), (2 * 3600, float("nan"))):
            clock.pass_s(after_s)
            feed = open_carbon_feed(
                CarbonSource("neso", "GB"), settings(site.url, tmp_path, clock, cache=True)
            )
            feed._fetcher.sleep = no_sleep  # type: ignore[attr-defined]
            series = await feed.intensity(DAY)
            np.testing.assert_equal(series.g_per_kwh[0], expected)
            down[0] = True
        assert len(site.log) == 1 + 3 + 3


async def test_a_file_gives_its_own_times_and_gaps(tmp_path: Path) -> None:
    file = tmp_path / "carbon.csv"
    file.write_text(
        "time,marginal_g_per_kwh\n2026-06-01T10:00Z,500\n2026-06-01T11:00Z,0\n2026-06-01T12:00Z,\n"
        "2026-06-01T15:00+02:00,400\n",
        encoding="utf-8",
    )
    feed = open_carbon_feed(CarbonSource("csv", "x", file))
    series = await feed.intensity(DAY)
    np.testing.assert_array_equal(series.g_per_kwh, [500] * 4 + [np.nan] * 8 + [400] * 4)
    assert series.kind is CarbonKind.MARGINAL


async def test_the_synthetic_day_is_in_local_time_and_says_it_is_made_up() -> None:
    summer = TimeGrid(datetime(2026, 7, 1, 7, tzinfo=UTC), 3600, 24)  # midnight in California
    series = await SyntheticCarbon("CAISO").intensity(summer)
    assert series.synthetic
    assert "synthetic" in series.provider
    # Domain notes 8.2: lowest at 12 and 13 with 177, highest at 23 with 311.
    assert series.g_per_kwh[12] == series.g_per_kwh[13] == pytest.approx(177)
    assert series.g_per_kwh[23] == pytest.approx(311)
    winter = TimeGrid(datetime(2026, 1, 1, 8, tzinfo=UTC), 3600, 24)
    np.testing.assert_allclose((await SyntheticCarbon("CAISO").intensity(winter)).g_per_kwh, series.g_per_kwh)


@pytest.mark.parametrize(
    ("region", "mean", "low_hour", "high_hour"),
    [("PJM", 363, 3, 21), ("ERCOT", 347, 3, 20), ("AZPS", 575, 15, 4), ("BPAT", 55, 19, 3)],
)
async def test_each_region_has_the_mean_and_the_hours_of_its_source(
    region: str, mean: float, low_hour: int, high_hour: int
) -> None:
    zone = {"PJM": "America/New_York", "ERCOT": "America/Chicago", "AZPS": "America/Phoenix"}
    local = ZoneInfo(zone.get(region, "America/Los_Angeles"))
    midnight = datetime(2026, 3, 1, tzinfo=local).astimezone(UTC)
    day = (await SyntheticCarbon(region).intensity(TimeGrid(midnight, 3600, 24))).g_per_kwh
    assert day.mean() == pytest.approx(mean, abs=0.5)
    assert (day.argmin(), day.argmax()) == (low_hour, high_hour)
    assert region in REGIONS


@pytest.mark.parametrize(
    "source",
    [CarbonSource("synthetic", "MARS"), CarbonSource("crystal ball", "DE"), CarbonSource("csv", "x")],
)
def test_a_feed_that_cannot_be_is_refused_by_name(source: CarbonSource) -> None:
    with pytest.raises(ConfigError):
        open_carbon_feed(source)


def test_a_provider_without_its_secret_is_refused_before_it_is_asked() -> None:
    with pytest.raises(ConfigError, match="needs the secret 'token'"):
        open_carbon_feed(CarbonSource("electricity_maps", "DE"), FeedSettings(HandClock()))


@pytest.mark.parametrize(
    ("provider", "replayed", "natures"),
    [
        ("electricity_maps", electricity_maps, ("measured", "mixed", "forecast")),
        ("watttime", watttime, ("estimated", "mixed", "forecast")),  # nobody can meter a margin
        ("neso", neso, ("measured", "mixed", "forecast")),
    ],
)
async def test_every_series_says_whether_it_was_measured_or_foretold(
    provider: str, replayed: Callable[[Asked], Told], natures: tuple[str, ...], tmp_path: Path
) -> None:
    region = {"electricity_maps": "DE", "watttime": "CAISO_NORTH", "neso": "GB"}[provider]
    grids = (TimeGrid(TEN, 1800, 4), DAY, TimeGrid(NOON, 1800, 4))
    with serving(replayed) as site:
        told = [await intensity(provider, region, settings(site.url, tmp_path), grid) for grid in grids]
    assert tuple(series.nature for series in told) == natures
    assert {series.unit for series in told} == {"g CO2e/kWh"}


async def test_an_hour_the_provider_filled_in_is_estimated(tmp_path: Path) -> None:
    """Electricity Maps marks such hours with ``isEstimated``."""

    def filled_in(asked: Asked) -> Told:
        told = json.loads(electricity_maps(asked).body)
        for row in told.get("data", []):
            row["isEstimated"] = row["datetime"] == iso(NOON - timedelta(hours=1))
        return Told(json.dumps(told))

    with serving(filled_in) as site:
        hours = [TimeGrid(NOON - timedelta(hours=h), 3600, 1) for h in (1, 2)]
        told = [
            await intensity("electricity_maps", "DE", settings(site.url, tmp_path), hour) for hour in hours
        ]
    assert [series.nature for series in told] == ["estimated", "measured"]


async def test_a_mean_day_says_it_is_of_no_day_in_particular_and_a_file_what_it_states(
    tmp_path: Path,
) -> None:
    assert (await SyntheticCarbon("CAISO").intensity(DAY)).nature == "typical"
    file = tmp_path / "carbon.csv"
    for comment, nature in (("", "unstated"), ("# measured\n", "measured")):
        file.write_text(f"{comment}time,average_g_per_kwh\n2026-06-01T10:00Z,500\n", encoding="utf-8")
        assert (await open_carbon_feed(CarbonSource("csv", "x", file)).intensity(DAY)).nature == nature

"""Settings refuse what they do not know; clocks agree on what time is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from supervision_kit import HandClock

from controller.clock import AcceleratedClock, SimulatedClock
from controller.feeds import open_feeds
from controller.settings import load_settings
from plant.errors import ConfigError
from plant.site import CarbonSource, Site
from plant.site_file import load_site
from plant.timegrid import TimeGrid
from telemetry.feeds.carbon.electricity_maps import ElectricityMaps
from telemetry.feeds.carbon.neso import Neso
from telemetry.feeds.carbon.watttime import WattTime

DEMO = Path(__file__).parents[2] / "examples" / "demo.yaml"


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="COOLWRIGHT_PROT: is not known; did you mean COOLWRIGHT_PORT"):
        load_settings({}, {"COOLWRIGHT_PROT": "1"})


def test_a_value_out_of_range_names_the_setting() -> None:
    with pytest.raises(ConfigError, match="COOLWRIGHT_PORT"):
        load_settings({"port": 99999}, {})


def test_an_option_left_out_does_not_hide_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOLWRIGHT_PORT", "9001")
    assert load_settings({"port": None}).port == 9001


def test_two_processes_with_one_anchor_agree_on_plant_time() -> None:
    text = "2026-07-20T00:00:00Z,1700000000.5,240"
    one, other = AcceleratedClock.parse(text), AcceleratedClock.parse(text)
    assert abs(one.now() - other.now()) < timedelta(seconds=60)


@pytest.mark.parametrize("text", ["", "yesterday,1,2", "2026-07-20T00:00:00Z,1", "2026-07-20T00:00:00Z,1,-3"])
def test_a_malformed_anchor_is_a_persons_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match="accelerated clock"):
        AcceleratedClock.parse(text)


async def test_simulated_time_never_runs_backwards() -> None:
    clock = SimulatedClock(datetime(2026, 1, 2, tzinfo=UTC))
    await clock.sleep_until(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 1, 2, tzinfo=UTC)


def with_carbon(provider: str) -> Site:
    site = load_site(DEMO)
    return replace(site, carbon=CarbonSource(provider, "CAISO_NORTH"))


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("electricity_maps", "COOLWRIGHT_CARBON_TOKEN_FILE"),
        ("watttime", "COOLWRIGHT_CARBON_USERNAME_FILE"),
    ],
)
def test_a_carbon_feed_without_its_secret_says_which_setting_names_the_file(
    provider: str, variable: str
) -> None:
    with pytest.raises(ConfigError, match=variable):
        open_feeds(with_carbon(provider), HandClock(), load_settings({}, {}))


def test_network_feeds_open_with_secrets_from_files(tmp_path: Path) -> None:
    for name in ("token", "username", "password"):
        (tmp_path / name).write_text(f"{name}-of-the-site\n", encoding="utf-8")
    settings = load_settings(
        {f"carbon_{name}_file": tmp_path / name for name in ("token", "username", "password")}, {}
    )
    for provider, feed in (("electricity_maps", ElectricityMaps), ("watttime", WattTime), ("neso", Neso)):
        assert isinstance(open_feeds(with_carbon(provider), HandClock(), settings).carbon, feed)


def test_a_secret_never_stands_in_a_setting() -> None:
    with pytest.raises(ConfigError, match="COOLWRIGHT_CARBON_TOKEN"):
        load_settings({}, {"COOLWRIGHT_CARBON_TOKEN": "s3cret"})


async def test_a_day_ahead_file_is_the_price_where_it_reaches(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("time,price_per_kwh\n2026-06-01T12:00Z,0.30\n", encoding="utf-8")
    feeds = open_feeds(load_site(DEMO), HandClock(), load_settings({"price_file": file}, {}))
    found = await feeds.price.price(TimeGrid(datetime(2026, 6, 1, 12, tzinfo=UTC), 3600, 2))
    assert found.per_kwh.tolist() == [0.30, 0.085], "then the demo site's own tariff, off its peak"

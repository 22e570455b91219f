"""Settings refuse what they do not know; clocks agree on what time is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.clock import AcceleratedClock, SimulatedClock
from controller.settings import load_settings
from plant.errors import ConfigError


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

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from plant.errors import ConfigError
from sim.weather import WeatherYear, load_weather, second_of_common_year
from sim.workload import DiurnalWorkload


def unix(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]


def test_greensboro_says_what_its_file_says(greensboro: WeatherYear) -> None:
    # First data row of 723170TYA.CSV: 01/01, 01:00 local standard time (UTC-5). Read by hand.
    import pvlib

    line = (Path(pvlib.__file__).parent / "data" / "723170TYA.CSV").read_text().splitlines()
    names, first = line[1].split(","), line[2].split(",")
    dry = float(first[names.index("Dry-bulb (C)")])
    got, _ = greensboro.at(np.array([unix(2026, 1, 1, 6)]))
    assert got[0] == pytest.approx(dry)


def test_wet_bulb_agrees_with_psychrolib_at_station_pressure(greensboro: WeatherYear) -> None:
    import psychrolib
    import pvlib
    from pvlib.iotools import read_tmy3

    path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    frame, _ = read_tmy3(str(path), coerce_year=1990, map_variables=True)
    psychrolib.SetUnitSystem(psychrolib.SI)
    for row in (4000, 4500, 5000, 5500):
        hour = frame.iloc[row]
        expected = psychrolib.GetTWetBulbFromRelHum(
            hour["temp_air"], hour["relative_humidity"] / 100, hour["pressure"] * 100
        )
        when = frame.index[row].tz_convert("UTC").replace(year=2026).timestamp()
        _, wet = greensboro.at(np.array([when]))
        assert wet[0] == pytest.approx(expected, abs=0.02)


def test_hours_between_are_interpolated_and_the_year_closes(greensboro: WeatherYear) -> None:
    times = np.array([unix(2026, 5, 1, 6), unix(2026, 5, 1, 6, 30), unix(2026, 5, 1, 7)])
    dry, wet = greensboro.at(times)
    assert dry[1] == pytest.approx((dry[0] + dry[2]) / 2)
    assert (wet <= dry).all()
    around, _ = greensboro.at(np.array([unix(2026, 12, 31, 23, 59), unix(2027, 1, 1, 0, 1)]))
    assert abs(around[1] - around[0]) < 1.0


def test_any_year_maps_onto_the_same_dates() -> None:
    # A leap year: 29 February repeats the 28th, and 1 March is day 59 in both.
    leap = second_of_common_year(np.array([unix(2028, 2, 29, 12), unix(2028, 2, 28, 12), unix(2028, 3, 1)]))
    common = second_of_common_year(np.array([unix(2026, 2, 28, 12), unix(2026, 3, 1)]))
    assert leap[0] == leap[1] == common[0]
    assert leap[2] == common[1] == 59 * 86_400


@pytest.mark.skipif(find_spec("pyenergyplus") is None, reason="needs the extra energyplus")
@pytest.mark.parametrize("name", ["phoenix", "tampa", "san-francisco"])
def test_epw_years_load_and_are_of_their_climates(name: str) -> None:
    year = load_weather(name)
    july, _ = year.at(unix(2026, 7, 1) + np.arange(0, 30 * 86_400, 3600.0))
    low, high = {"phoenix": (32, 38), "tampa": (26, 30), "san-francisco": (14, 20)}[name]
    assert low < july.mean() < high


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("atlantis", "is not known"),
        ("/no/such/file.epw", "does not exist"),
        ("/no/such/file.csv", "does not exist"),
    ],
)
def test_weather_that_is_not_there_is_one_clear_line(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        load_weather(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".epw", ".csv"])
def test_a_file_that_is_not_weather_is_one_clear_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"nonsense{suffix}"
    path.write_text("this is not weather\n1,2,3\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_weather(str(path))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.weather.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"coolwright\[energyplus\]"):
        load_weather("phoenix")


def test_work_is_the_same_however_it_is_asked() -> None:
    work = DiurnalWorkload(4, 7, -5)
    times = unix(2026, 7, 20) + np.arange(0, 3 * 86_400, 300.0)
    together = work.at(times)
    one_by_one = np.vstack([work.at(np.array([t])) for t in times[::50]])
    np.testing.assert_array_equal(together[::50], one_by_one)
    assert together.shape == (864, 4)
    assert ((together > 0) & (together < 1)).all()


def test_work_is_continuous_over_midnight_and_differs_by_seed() -> None:
    work = DiurnalWorkload(4, 7, -5)
    around = work.at(np.array([unix(2026, 7, 21) - 1, unix(2026, 7, 21) + 1]))
    np.testing.assert_allclose(around[0], around[1], atol=0.01)
    other = DiurnalWorkload(4, 8, -5)
    assert not np.allclose(work.at(np.array([unix(2026, 7, 21)])), other.at(np.array([unix(2026, 7, 21)])))


@pytest.mark.parametrize(("month", "day", "offset_h"), [(7, 20, -4.0), (1, 15, -5.0)])
def test_work_by_the_clock_is_that_of_the_season(month: int, day: int, offset_h: float) -> None:
    times = unix(2026, month, day) + np.arange(0, 86_400, 300.0)
    by_clock = DiurnalWorkload(4, 7, timezone="America/New_York").at(times)
    np.testing.assert_array_equal(by_clock, DiurnalWorkload(4, 7, offset_h).at(times))


def test_web_traffic_follows_the_clock_when_it_changes() -> None:
    # On 8 March 2026 clocks go from UTC-5 to UTC-4: the next evening's 18:00 is an hour earlier.
    work = DiurnalWorkload(1, 1, timezone="America/New_York")
    before, after = (work.at(unix(2026, 3, day) + np.arange(0, 86_400, 300.0))[:, 0] for day in (5, 10))
    lag = [float(np.mean((np.roll(before, -12 * h) - after) ** 2)) for h in (-1, 0, 1, 2)]
    assert int(np.argmin(lag)) == 2


def test_web_traffic_is_busier_in_the_evening_and_on_weekdays() -> None:
    work = DiurnalWorkload(1, 1, 0.0)

    def mean(day: int, hours: range) -> float:
        return float(work.at(np.array([unix(2026, 7, day, h) for h in hours])).mean())

    assert mean(20, range(15, 20)) > mean(20, range(2, 7)) + 0.1
    weekdays = np.mean([mean(d, range(24)) for d in (20, 21, 22, 23, 24)])
    assert weekdays > np.mean([mean(d, range(24)) for d in (18, 19, 25, 26)])

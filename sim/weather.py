"""Weather: a real typical year, mapped onto any calendar date."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from plant.errors import ConfigError
from plant.psychrometrics import wet_bulb_c
from sim.arrays import Array

_SHIPPED = {"greensboro": "723170TYA.CSV", "sand-point": "703165TY.csv"}
_EXTRA = {
    "boulder": "USA_CO_Boulder-Broomfield-Jefferson.County.AP.724699_TMY3.epw",
    "chicago": "USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw",
    "colorado-springs": "USA_CO_Colorado.Springs-Peterson.Field.724660_TMY3.epw",
    "denver": "USA_CO_Denver-Aurora-Buckley.AFB.724695_TMY3.epw",
    "fresno": "USA_CA_Fresno.Air.Terminal.723890_TMY3.epw",
    "golden": "USA_CO_Golden-NREL.724666_TMY3.epw",
    "las-vegas": "USA_NV_Las.Vegas-McCarran.Intl.AP.723860_TMY3.epw",
    "miami": "USA_FL_Miami.Intl.AP.722020_TMY3.epw",
    "newark": "USA_NJ_Newark.Intl.AP.725020_TMY3.epw",
    "oklahoma-city": "USA_OK_Oklahoma.City-Will.Rogers.World.AP.723530_TMY3.epw",
    "orlando": "USA_FL_Orlando.Intl.AP.722050_TMY3.epw",
    "phoenix": "USA_AZ_Phoenix-Sky.Harbor.Intl.AP.722780_TMY3.epw",
    "san-francisco": "USA_CA_San.Francisco.Intl.AP.724940_TMY3.epw",
    "sterling": "USA_VA_Sterling-Washington.Dulles.Intl.AP.724030_TMY3.epw",
    "tampa": "USA_FL_Tampa.Intl.AP.722110_TMY3.epw",
    "urbana": "USA_IL_University.of.Illinois-Willard.AP.725315_TMY3.epw",
}
NAMES = tuple(sorted((*_SHIPPED, *_EXTRA)))
_YEAR_S = 365 * 86_400


class WeatherSource(Protocol):
    """Where outdoor air comes from."""

    def at(self, unix_s: Array) -> tuple[Array, Array]:
        """Dry and wet bulb at instants. Shapes as given. [°C]"""
        ...


@dataclass(frozen=True)
class WeatherYear:
    """A periodic year: 8,760 hourly values, by seconds since 1 January 00:00 UTC."""

    name: str
    second_of_year: Array
    dry_c: Array
    wet_c: Array

    def at(self, unix_s: Array) -> tuple[Array, Array]:
        """Dry and wet bulb, linear between hours. [°C] 29 February repeats the 28th."""
        second = second_of_common_year(np.asarray(unix_s, float))
        return (
            np.interp(second, self.second_of_year, self.dry_c, period=_YEAR_S),
            np.interp(second, self.second_of_year, self.wet_c, period=_YEAR_S),
        )


@dataclass(frozen=True)
class ConstantWeather:
    """The same air for ever: for tests and what-if runs. [°C]"""

    dry_c: float
    wet_c: float

    def at(self, unix_s: Array) -> tuple[Array, Array]:
        """The same air, in the shape asked for."""
        return np.full(np.shape(unix_s), self.dry_c), np.full(np.shape(unix_s), self.wet_c)


def second_of_common_year(unix_s: Array) -> Array:
    """Seconds since 1 January UTC of a 365-day year for instants in any year."""
    moment = unix_s.astype("datetime64[s]")
    year = moment.astype("datetime64[Y]")
    second = (moment - year).astype(float) + np.mod(unix_s, 1.0)
    leap = (year + 1).astype("datetime64[D]") - year.astype("datetime64[D]") == np.timedelta64(366, "D")
    late = second >= 59 * 86_400  # from 29 February on, a leap year is one day ahead
    return np.asarray(second - 86_400 * (leap & late))


def load_weather(name: str) -> WeatherYear:
    """A year by name (`NAMES`), or from the path of a TMY3 ``.csv`` or an ``.epw`` file.

    Raises
    ------
    ConfigError
        If there is no such name or file, or it cannot be read.
    """
    return _read(weather_file(name), name if name in NAMES else Path(name).stem)


def weather_file(name: str) -> Path:
    """The file behind a name, or the path itself.

    Raises
    ------
    ConfigError
        If there is no such name.
    """
    if name in _SHIPPED:
        return _package_file("pvlib", f"data/{_SHIPPED[name]}", name)
    if name in _EXTRA:
        return _package_file("pyenergyplus", f"data/weather/{_EXTRA[name]}", name)
    path = Path(name)
    if path.suffix.lower() not in {".epw", ".csv"}:
        raise ConfigError(
            f"weather {name!r}",
            "is not known",
            f"use one of {', '.join(NAMES)} or the path of an .epw or TMY3 .csv",
        )
    return path


def _package_file(package: str, inside: str, name: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"weather {name!r}",
            "is in the optional extra energyplus, which is not installed",
            "run pip install 'coolwright[energyplus]' or use greensboro or sand-point",
        )
    return Path(spec.origin).parent / inside


def _read(path: Path, name: str) -> WeatherYear:
    # pvlib takes a second to import; only who asks for weather pays it.
    from pvlib.iotools import read_epw, read_tmy3

    where = f"weather file {path}"
    if not path.is_file():
        raise ConfigError(where, "does not exist", f"give the path of one or a name: {', '.join(NAMES)}")
    try:
        if path.suffix.lower() == ".epw":
            frame, _ = read_epw(str(path), coerce_year=1990)
            pressure_kpa = frame["atmospheric_pressure"].to_numpy(float) / 1000
        else:
            frame, _ = read_tmy3(str(path), coerce_year=1990, map_variables=True)
            pressure_kpa = frame["pressure"].to_numpy(float) / 10
        dry = frame["temp_air"].to_numpy(float)
        humidity = frame["relative_humidity"].to_numpy(float) / 100
        # UTC from the file's own offset.
        hours = pd.DatetimeIndex(frame.index).tz_convert("UTC")
    except (
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        UnicodeDecodeError,
    ) as error:
        kind = "EPW" if path.suffix.lower() == ".epw" else "TMY3"
        raise ConfigError(
            where, f"cannot be read as {kind} ({type(error).__name__})", "use a complete file of that form"
        ) from None
    unix = hours.as_unit("s").asi8.astype(float)
    return _year(name, unix, dry, humidity, pressure_kpa, where)


def _year(
    name: str, unix_s: Array, dry: Array, humidity: Array, pressure_kpa: Array, where: str
) -> WeatherYear:
    if len(dry) < 8760 or np.isnan(dry).any() or np.isnan(humidity).any():
        raise ConfigError(where, "is not a whole year of dry bulb and humidity", "use a complete hourly year")
    wet = wet_bulb_c(dry, np.clip(humidity, 0.02, 1.0), np.where(pressure_kpa > 50, pressure_kpa, 101.325))
    second = second_of_common_year(unix_s)
    order = np.argsort(second, kind="stable")
    return WeatherYear(name, second[order], dry[order], np.minimum(wet, dry)[order])

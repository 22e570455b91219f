"""Outdoor air, one provider a file."""

from __future__ import annotations

from pathlib import Path

from plant.errors import ConfigError
from plant.ports import WeatherFeed
from plant.site import Site
from telemetry.feeds.settings import FeedSettings
from telemetry.feeds.weather.csv_file import CsvWeather
from telemetry.feeds.weather.open_meteo import OpenMeteo
from telemetry.feeds.weather.typical_year import TypicalYear


def open_weather_feed(site: Site, source: str, settings: FeedSettings | None = None) -> WeatherFeed:
    """The feed ``source`` names: ``open_meteo``, or the path of an .epw, .tm3/TMY3 .csv or .csv file.

    A CSV file with a column ``time`` is a record; any other CSV is taken for TMY3.

    Raises
    ------
    ConfigError
        If there is no such provider or file.
    """
    if source == "open_meteo":
        return OpenMeteo(site.latitude, site.longitude, settings or FeedSettings())
    path = Path(source)
    if path.suffix.lower() == ".epw":
        return TypicalYear(path)
    if path.suffix.lower() in (".csv", ".tm3"):
        return CsvWeather(path) if CsvWeather.looks_like(path) else TypicalYear(path)
    raise ConfigError(f"weather {source!r}", "is not known", "use open_meteo, or the path of an .epw or .csv")


__all__ = ["CsvWeather", "OpenMeteo", "TypicalYear", "open_weather_feed"]

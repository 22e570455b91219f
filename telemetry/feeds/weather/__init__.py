"""Outdoor air, one provider a file."""

from __future__ import annotations

from plant.errors import ConfigError
from plant.ports import WeatherFeed
from plant.site import Site
from telemetry.feeds.settings import FeedSettings
from telemetry.feeds.weather.csv_file import CsvWeather
from telemetry.feeds.weather.open_meteo import OpenMeteo
from telemetry.feeds.weather.typical_year import TypicalYear

PROVIDERS = ("open_meteo", "csv", "epw", "tmy3")


def open_weather_feed(site: Site, settings: FeedSettings | None = None) -> WeatherFeed | None:
    """The feed the site file names under `weather`; None where it names none.

    Raises
    ------
    ConfigError
        If there is no such provider, or it lacks its file or a clock.
    """
    named = site.weather
    if named is None:
        return None
    if named.provider not in PROVIDERS:
        raise ConfigError(
            "key weather.provider", f"{named.provider!r} is not known", f"use one of {', '.join(PROVIDERS)}"
        )
    if named.provider == "open_meteo":
        return OpenMeteo(site.latitude, site.longitude, settings or FeedSettings())
    if named.path is None:
        raise ConfigError("key weather.path", f"is missing for provider {named.provider}", "name the file")
    return CsvWeather(named.path) if named.provider == "csv" else TypicalYear(named.path)


__all__ = ["PROVIDERS", "CsvWeather", "OpenMeteo", "TypicalYear", "open_weather_feed"]

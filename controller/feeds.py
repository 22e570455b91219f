"""The feeds a site names: what a kilowatt-hour costs in money and carbon, and the weather to come."""

from __future__ import annotations

from dataclasses import dataclass

from controller.settings import Settings
from plant.ports import CarbonFeed, Clock, PriceFeed, WeatherFeed
from plant.site import Site
from telemetry.feeds import FeedSettings, open_carbon_feed, open_price_feed, open_weather_feed


@dataclass(frozen=True)
class Feeds:
    """What the outside world tells: prices of a kWh in money and in carbon, and weather where it is named."""

    carbon: CarbonFeed
    price: PriceFeed
    weather: WeatherFeed | None = None


def carbon_settings(clock: Clock | None, given: Settings) -> FeedSettings:
    """How carbon feeds are opened: the site's own, and one the operator names for consequences."""
    return FeedSettings(clock, given.carbon_secrets, given.carbon_cache, given.carbon_url)


def open_feeds(site: Site, clock: Clock | None = None, settings: Settings | None = None) -> Feeds:
    """The feeds a site file names.

    Raises
    ------
    ConfigError
        If a provider is not known, or lacks its secrets or (on the network) a clock.
    """
    given = settings or Settings()
    carbon = carbon_settings(clock, given)
    weather = FeedSettings(clock, {}, given.carbon_cache, given.weather_url)
    return Feeds(
        open_carbon_feed(site.carbon, carbon),
        open_price_feed(site, given.price_file),
        open_weather_feed(site, weather),
    )

"""What the outside world tells a plan: carbon intensity, price, weather. One file a provider."""

from telemetry.feeds.carbon import open_carbon_feed
from telemetry.feeds.price import open_price_feed
from telemetry.feeds.settings import FeedSettings
from telemetry.feeds.weather import open_weather_feed

__all__ = ["FeedSettings", "open_carbon_feed", "open_price_feed", "open_weather_feed"]

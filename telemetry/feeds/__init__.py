"""What the outside world tells a plan: carbon intensity, price, weather. One file a provider."""

from telemetry.feeds.carbon import open_carbon_feed
from telemetry.feeds.price import open_price_feed

__all__ = ["open_carbon_feed", "open_price_feed"]

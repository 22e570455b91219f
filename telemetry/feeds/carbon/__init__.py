"""Carbon intensity, one provider a file.

Every series says its provider, whether it is average or marginal, and whether it is synthetic.
A zero, NaN, stale or wrong-time answer is a gap, never a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from plant.errors import ConfigError
from plant.ports import CarbonFeed
from plant.site import CarbonSource
from telemetry.feeds.carbon.csv_file import CsvCarbon
from telemetry.feeds.carbon.electricity_maps import ElectricityMaps
from telemetry.feeds.carbon.neso import Neso
from telemetry.feeds.carbon.synthetic import SyntheticCarbon
from telemetry.feeds.carbon.watttime import WattTime
from telemetry.feeds.settings import FeedSettings

CarbonMaker = Callable[[CarbonSource, FeedSettings], CarbonFeed]

CARBON_FEEDS: Mapping[str, CarbonMaker] = MappingProxyType(
    {
        "synthetic": lambda source, _: SyntheticCarbon(source.region),
        "csv": lambda source, _: CsvCarbon(source),
        "electricity_maps": ElectricityMaps,
        "watttime": WattTime,
        "neso": Neso,
    }
)
"""One line a provider: the place to register another."""


def open_carbon_feed(source: CarbonSource, settings: FeedSettings | None = None) -> CarbonFeed:
    """The feed a site file names.

    Raises
    ------
    ConfigError
        If there is no such provider, or it lacks what it needs.
    """
    maker = CARBON_FEEDS.get(source.provider)
    if maker is None:
        raise ConfigError(
            "key carbon.provider",
            f"{source.provider!r} is not known",
            f"use one of {', '.join(CARBON_FEEDS)}",
        )
    return maker(source, settings or FeedSettings())


__all__ = ["CARBON_FEEDS", "CarbonMaker", "FeedSettings", "open_carbon_feed"]

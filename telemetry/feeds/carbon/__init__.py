"""Carbon intensity, one provider a file.

Every series says its provider, whether it is average or marginal, and whether it is synthetic.
A zero, NaN, stale or wrong-time answer is a gap, never a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from plant.errors import ConfigError
from plant.ports import CarbonFeed, Clock
from plant.site import CarbonSource
from telemetry.feeds.carbon.csv_file import CsvCarbon
from telemetry.feeds.carbon.synthetic import SyntheticCarbon


@dataclass(frozen=True)
class FeedSettings:
    """What a provider may need beside its region.

    `secrets` are files by name (``token``, ``username``, ``password``); `base_url` replaces the
    provider's own address (a proxy, a test).
    """

    clock: Clock | None = None
    secrets: Mapping[str, Path] = field(default_factory=dict)
    cache_dir: Path | None = None
    base_url: str | None = None
    timeout_s: float = 20.0


CarbonMaker = Callable[[CarbonSource, FeedSettings], CarbonFeed]

CARBON_FEEDS: Mapping[str, CarbonMaker] = MappingProxyType(
    {
        "synthetic": lambda source, _: SyntheticCarbon(source.region),
        "csv": lambda source, _: CsvCarbon(source),
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

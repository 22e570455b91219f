"""What a provider may need beside its region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from plant.errors import ConfigError
from plant.ports import Clock
from telemetry.feeds.fetch import Fetcher
from telemetry.http import read_secret


@dataclass(frozen=True)
class FeedSettings:
    """Settings of one feed.

    `secrets` are files by name (``token``, or ``username`` and ``password``); `base_url` replaces
    the provider's own address (a proxy, a test). `clock` is needed by providers on the network.
    """

    clock: Clock | None = None
    secrets: Mapping[str, Path] = field(default_factory=dict)
    cache_dir: Path | None = None
    base_url: str | None = None
    timeout_s: float = 20.0
    min_interval_s: float = 1.0

    def secret(self, name: str, provider: str) -> str:
        """A secret by name.

        Raises
        ------
        ConfigError
            If it is not given or cannot be read.
        """
        path = self.secrets.get(name)
        if path is None:
            variable = f"COOLWRIGHT_CARBON_{name.upper()}_FILE"
            raise ConfigError(
                f"feed {provider}", f"needs the secret {name!r}", f"name the file it is in, with {variable}"
            )
        return read_secret(path, f"feed {provider}")

    def fetcher(self, provider: str) -> Fetcher:
        """A fetcher with these settings.

        Raises
        ------
        ConfigError
            If no clock is given.
        """
        if self.clock is None:
            raise ConfigError(f"feed {provider}", "is asked over the network and has no clock", "give one")
        client = httpx2.AsyncClient(timeout=self.timeout_s)
        return Fetcher(client, self.clock, self.cache_dir, self.min_interval_s)


def utc(text: object) -> datetime | None:
    """An instant as providers write it; None where it is not one, or has no zone."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def number(value: object) -> float:
    """A number as providers write it; NaN for anything else, a bool and a text included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    return float(value)


def stamp(at: datetime) -> str:
    """An instant as providers want it: ``2026-01-31T12:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")

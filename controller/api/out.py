"""What every answer shares: frozen, and NaN goes out as null."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict


def number(value: float) -> float | None:
    """A finite number, or null."""
    return float(value) if math.isfinite(value) else None


class Out(BaseModel):
    """A record of the API."""

    model_config = ConfigDict(frozen=True)

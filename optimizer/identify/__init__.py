"""Identification: from telemetry history to a plant model, one file per submodel."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimizer.model import PlantModel
    from plant.history import History


def identify(history: History, *, at: datetime) -> PlantModel:
    """Learn a plant model from a site's history; see `optimizer.identify.assemble`."""
    # Late, because the model is made of this package's laws.
    from optimizer.identify.assemble import assemble

    return assemble(history, at=at)


__all__ = ["identify"]

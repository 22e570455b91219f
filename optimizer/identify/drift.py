"""Drift: whether the plant still answers as the model learned it, from what it did since.

A law has drifted where its errors on recent data are far beyond those it had on held-out data when
it was learned. Data outside the range it was learned on accuse the range, not the plant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.identify.compare import Comparison, compare
from optimizer.identify.evidence import Evidence, Origin
from optimizer.model import PlantModel
from optimizer.zones import ZoneModel
from plant.history import History

LEAST_SAMPLES = 16
"""Four hours of quarter hours: less says little."""
FACTOR = 4.0
"""Recent RMSE over the one on held-out data, beyond which a law has drifted. A change of season alone
stays near three on the simulator (docs/optimizer.md); a coil that lost a third of its surface does not."""
FLOOR_SHARE = 0.02
"""Errors below this share of the output's mean (for inlets, below 0.3 K) are never called drift."""
_FLOOR_K = 0.3


@dataclass(frozen=True)
class Drift:
    """How one law did lately. Errors in the unit of its evidence."""

    name: str
    samples: int
    rmse: float
    bias: float
    learned_std: float
    limit: float
    """The error beyond which it has drifted."""

    @property
    def drifted(self) -> bool:
        """Whether the law no longer fits."""
        return self.rmse > self.limit

    @property
    def sentence(self) -> str:
        """In plant words."""
        way = "above" if self.bias > 0 else "below"
        return (
            f"{self.name}: predictions are off by {self.rmse:.3g} lately (mostly {way} what is measured), "
            f"{self.rmse / max(self.learned_std, 1e-9):.1f} times the error when learned"
        )


def drift(model: PlantModel, recent: History) -> tuple[Drift, ...]:
    """Judge every learned law on recent history. Laws with too few samples are left out."""
    records = {e.name: e for e in model.evidence}
    judged = (_judge(c, records[c.name]) for c in compare(model, recent))
    return tuple(d for d in judged if d is not None)


def widened(model: PlantModel, found: Iterable[Drift]) -> PlantModel:
    """The model with what drifted as unsure as it proved to be: a plan by it keeps the wider margin.

    Inlet laws scatter by their recent error from here on, and each drifted law's record has it. The
    model gets another version, for it is another model. Whoever supervises narrows authority besides.
    """
    drifted = {d.name: d.rmse for d in found if d.drifted}
    if not drifted:
        return model

    def unsure(zone: ZoneModel) -> ZoneModel:
        rmse = drifted.get(f"{zone.id}.inlets", 0.0)
        std = tuple(max(own, rmse) for own in zone.inlets.std_k)
        return replace(zone, inlets=replace(zone.inlets, std_k=std))

    return replace(
        model,
        zones=tuple(unsure(zone) for zone in model.zones),
        evidence=tuple(replace(e, std=max(e.std, drifted.get(e.name, 0.0))) for e in model.evidence),
    )


def _judge(found: Comparison, record: Evidence) -> Drift | None:
    if record.origin is not Origin.LEARNED or found.measured.size < LEAST_SAMPLES:
        return None
    floor = _FLOOR_K if found.unit == "degC" else FLOOR_SHARE * max(abs(float(np.mean(found.measured))), 1e-9)
    limit = max(FACTOR * record.std, floor)
    return Drift(found.name, found.measured.size, found.rmse, found.bias, record.std, limit)

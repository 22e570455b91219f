"""How far a predicted difference may be off, from what the model missed on data it had not seen.

The spread of each power law on its hold-out data adds up, in squares, to that of the plant's power. A
difference of two predictions has it twice; that laws err alike on both sides is not counted on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.model import PlantModel
from plant.site import EquipmentKind, Site

_IN_KW = frozenset({"chillers", "chilled-water pump", "condenser pump", "losses"})
_TOWER = "tower"
_MEAN_TOWER = 0.5
"""Share of the towers' rated fan power at which their law's relative spread is taken. [-]"""


@dataclass(frozen=True, slots=True)
class EffectError:
    """Standard errors of predicted differences. NaN where nothing was measured.

    `relative` is a share of the difference itself, `power_kw` of facility power whatever the difference,
    `water` a share of the water's difference.
    """

    relative: float = 0.0
    power_kw: float = math.nan
    water: float = math.nan


def effect_error(site: Site, model: PlantModel | None) -> EffectError | None:
    """From the model's evidence; None without a model: then nothing is predicted either."""
    if model is None:
        return None
    squares, water = 0.0, math.nan
    fans_kw = sum(e.nameplate.power_kw or 0.0 for e in site.equipment_of(EquipmentKind.TOWER_CELL))
    for record in model.evidence:
        if record.name in _IN_KW or record.name.endswith(".fans"):
            squares += record.std**2
        elif record.name == _TOWER:
            squares += (record.std * _MEAN_TOWER * fans_kw) ** 2
        elif record.name == "water":
            water = record.cv_rmse
    return EffectError(power_kw=math.sqrt(2 * squares), water=water)

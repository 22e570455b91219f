"""Which law is refused on which bad data, and why: flat, short, corrupted, moved only together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import make_history

from optimizer.identify import identify
from optimizer.model import PlantModel
from plant.history import History

STATIC = ("zone-a.it", "zone-a.fans", "coils", "heat gains", "chillers", "tower", "chilled-water pump")
STATIC += ("it meter", "losses", "water")
INLETS = "zone-a.inlets"


@pytest.fixture(scope="module")
def stepped() -> History:
    """Two well-stepped days, from which all is learned but the economizer: it was summer."""
    return make_history(days=2.0)


def refused(model: PlantModel) -> dict[str, str]:
    return {e.name: "; ".join(e.disqualified) for e in model.evidence if not e.trusted}


def spoiled(history: History, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, str]:
    values = history.values.copy()
    for column in values.columns:
        values[column] = change(column, values[column].to_numpy())
    return refused(identify(replace(history, values=values), at=history.end))


def test_good_data_are_refused_nowhere_else(stepped: History) -> None:
    assert set(refused(identify(stepped, at=stepped.end))) == {"economizer"}


def test_data_in_which_nothing_moved_are_refused_as_such(stepped: History) -> None:
    # Every meter and every lever stands at its median, give or take a thousandth.
    rng = np.random.default_rng(1)

    def flat(column: str, seen: np.ndarray) -> np.ndarray:
        if column.endswith((".run", "economizer-1.heat")):
            return np.full(len(seen), float("chiller" in column))
        return np.asarray(np.median(seen) * (1 + rng.normal(0, 1e-3, len(seen))))

    found = spoiled(stepped, flat)
    for name in STATIC:
        assert "nothing it depends on moved" in found[name], name
    assert "the effect of fan speed is a prior" in found[INLETS]
    assert "never ran in the data" in found["economizer"]


def test_one_input_that_moved_is_enough_not_to_be_called_still(stepped: History) -> None:
    # Fans stand at 80 %; everything else goes on. Only their own law has nothing to learn from.
    found = spoiled(
        stepped, lambda column, seen: np.full(len(seen), 0.8) if column.endswith("fan-speed") else seen
    )
    assert {n for n, why in found.items() if "nothing it depends on moved" in why} == {
        f"zone-{z}.fans" for z in "abcd"
    }


def test_short_data_are_refused_for_their_number(stepped: History) -> None:
    few = replace(stepped, values=stepped.values.iloc[:100], measured_share=stepped.measured_share.iloc[:100])
    found = refused(identify(few, at=few.end))
    for name in STATIC:
        assert "usable samples" in found[name], name
        assert "moved" not in found[name], name


def test_meters_that_read_garbage_are_refused_for_their_error(stepped: History) -> None:
    rng = np.random.default_rng(0)

    def garbage(column: str, seen: np.ndarray) -> np.ndarray:
        if not column.endswith((".power", ".flow", "-power", "-flow", ".inlet-1")):
            return seen
        wrong = np.repeat(np.exp(rng.normal(0, 1, len(seen) // 3)), 3)  # a quarter hour each
        return np.asarray(np.mean(seen) * wrong)

    found = spoiled(stepped, garbage)
    for name in {*STATIC} - {"tower"}:
        assert "CV(RMSE)" in found[name], name
        assert "moved" not in found[name], name
    assert "scatters by more than half" in found["tower"]
    assert "inlets scatter" in found[INLETS]


def test_inputs_that_only_moved_together_are_refused_for_that(stepped: History) -> None:
    # Supply air follows the air gain, chilled water the condenser water: nobody can tell which it was.
    values = stepped.values.copy()
    gain = values["zone-a.it-power"] / values["crah-1.fan-speed"]
    values["crah-1.supply-air"] = values["crah-2.supply-air"] = 18 + 4 * gain / gain.max()
    values["plant.chw-supply"] = values["plant.cw-supply"] - 16
    found = refused(identify(replace(stepped, values=values), at=stepped.end))
    assert "air_gain_k and supply_c only moved together" in found[INLETS]
    assert "chw_c and cw_c only moved together" in found["chillers"]
    assert INLETS.replace("-a", "-b") not in found

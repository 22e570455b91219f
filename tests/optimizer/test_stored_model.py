"""A model that was stored by an older program is never read as something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from optimizer.model import PlantModel
from plant.errors import ConfigError

Tree = dict[str, Any]


def stored(model: PlantModel, change: Callable[[Tree], None]) -> str:
    tree: Tree = json.loads(model.to_json())
    change(tree)
    return json.dumps(tree)


def one_threshold(tree: Tree) -> None:
    """As until November 2026: one span above which the economizer ran, and no memory."""
    del tree["economizer"]["switching"]
    tree["economizer"]["enable_k"] = 8.5


def no_switching(tree: Tree) -> None:
    del tree["economizer"]["switching"]


def switching_of_other_parts(tree: Tree) -> None:
    tree["economizer"]["switching"]["slope_per_k"] = 0.3


def zone_law_of_other_parts(tree: Tree) -> None:
    tree["zones"][1]["coil"]["rows"] = 6


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (one_threshold, "economizer.enable_k, economizer.switching"),
        (no_switching, "economizer.switching"),
        (switching_of_other_parts, "economizer.switching.slope_per_k"),
        (zone_law_of_other_parts, "zones.coil.rows"),
    ],
)
def test_a_model_with_other_parts_is_refused_and_they_are_named(
    model: PlantModel, change: Callable[[Tree], None], named: str
) -> None:
    # Read leniently it would be the textbook's economizer, under the name of a learned one.
    with pytest.raises(ConfigError, match="another version") as caught:
        PlantModel.from_json(stored(model, change))
    assert named in str(caught.value)
    assert "learn the plant again" in str(caught.value)


def test_a_law_that_lacks_what_it_must_have_is_refused(model: PlantModel) -> None:
    # As until November 2026: chillers staged by one share of a unit's capacity.
    def one_share(tree: Tree) -> None:
        del tree["chillers"]["staging"]
        tree["chillers"] |= {"number": 2, "unit_kw": 800.0, "stage_share": 0.9}

    with pytest.raises(ValidationError, match="staging"):
        PlantModel.from_json(stored(model, one_share))


def test_what_was_written_by_this_program_is_read_back_whole(model: PlantModel) -> None:
    again = PlantModel.from_json(stored(model, lambda tree: None))
    # Numbers that nobody knows are NaN, and equal nothing: its own words are compared.
    assert again.to_json() == model.to_json()

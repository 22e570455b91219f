"""Learning again never makes a plan rest on something that is trusted less."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from controller.knowledge import Knowledge
from controller.relearning import merged
from optimizer.model import PlantModel
from reports.baseline_model import BaselineModel


@dataclass(frozen=True)
class Submodel:
    name: str
    trusted: bool


@dataclass(frozen=True)
class Model:
    evidence: tuple[Submodel, ...] = field(default=())


def knowledge(sentence: str, *submodels: Submodel, qualified: bool = True) -> Knowledge:
    baseline = cast(BaselineModel, SimpleNamespace(qualified=qualified, of=sentence))
    return Knowledge(cast(PlantModel, Model(submodels)), baseline, sentence)


def test_a_better_model_is_adopted_and_the_first_baseline_kept() -> None:
    old = knowledge("old", Submodel("tower", trusted=False))
    new = knowledge("new", Submodel("tower", trusted=True))
    found = merged(old, new)
    assert found.model is new.model
    assert found.baseline is old.baseline


def test_a_model_that_doubts_more_is_not_adopted_and_that_is_said() -> None:
    old = knowledge("old", Submodel("coils", trusted=True))
    new = knowledge("new", Submodel("coils", trusted=False))
    found = merged(old, new)
    assert found.model is old.model
    assert "not adopted: coils" in found.sentence


def test_too_little_history_changes_nothing() -> None:
    old = knowledge("old", Submodel("coils", trusted=True))
    assert merged(old, Knowledge(None, None, "too little")) is old


def test_a_baseline_that_did_not_qualify_is_fitted_anew() -> None:
    old, new = knowledge("old", qualified=False), knowledge("new")
    assert merged(old, new).baseline is new.baseline

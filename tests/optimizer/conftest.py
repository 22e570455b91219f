from __future__ import annotations

import pytest
from analytic_plant import make_history

from optimizer.identify import identify
from optimizer.model import PlantModel
from plant.history import History


@pytest.fixture(scope="session")
def history() -> History:
    return make_history()


@pytest.fixture(scope="session")
def model(history: History) -> PlantModel:
    return identify(history, at=history.end)

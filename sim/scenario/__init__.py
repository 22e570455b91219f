"""Scenarios: one YAML file says what happens to a site, and when the site is held to have done well.

`load_scenario` reads one, `build_site` and `build_plant` make what it describes.
"""

from sim.scenario.library import NAMES, load_scenario, scenario_file
from sim.scenario.record import (
    AlarmCriterion,
    Criteria,
    History,
    Load,
    Price,
    PriceEvent,
    Scenario,
    WeatherChoice,
)
from sim.scenario.world import build_plant, build_site

__all__ = [
    "NAMES",
    "AlarmCriterion",
    "Criteria",
    "History",
    "Load",
    "Price",
    "PriceEvent",
    "Scenario",
    "WeatherChoice",
    "build_plant",
    "build_site",
    "load_scenario",
    "scenario_file",
]

"""The scenarios that ship, by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from plant.errors import ConfigError
from sim.scenario.read import read_scenario
from sim.scenario.record import Scenario

_FOLDER = Path(__file__).parents[1] / "library"
NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def scenario_file(name: str) -> Path:
    """The file of a shipped scenario, or the path of one's own (``.yaml``).

    Raises
    ------
    ConfigError
        If there is no such name.
    """
    if name in NAMES:
        return _FOLDER / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    near = get_close_matches(name, NAMES, 1)
    mend = (
        f"did you mean {near[0]}?" if near else f"use one of {', '.join(NAMES)} or the path of a .yaml file"
    )
    raise ConfigError(f"scenario {name!r}", "is not known", mend)


def load_scenario(name: str, overrides: Mapping[str, object] | None = None) -> Scenario:
    """A scenario by name or path, with dotted keys set over it.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the mend.
    """
    return read_scenario(scenario_file(name), overrides)

"""Orders of short runs."""

from __future__ import annotations

from pathlib import Path

from controller.scenario.run import RunOrder
from sim.scenario import load_scenario

UNLEARNED: dict[str, object] = {"history.as_found_days": 0, "history.excitation_days": 0, "tick_s": 300}
"""No past to learn from: enough for policies that are rules, and quick."""
LEARNED: dict[str, object] = {"history.as_found_days": 1.3, "history.excitation_days": 0.8, "tick_s": 300}


def order(
    name: str, policy: str, out: Path, days: float = 0.02, changes: dict[str, object] | None = None
) -> RunOrder:
    """A run of a shipped scenario's first half hour."""
    changed = {**UNLEARNED, **(changes or {})}
    return RunOrder(load_scenario(name, changed), policy, out, days, overrides=changed)

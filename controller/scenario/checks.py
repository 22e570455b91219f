"""What must hold before a run begins; a person's mistake is told before any time is spent on it."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from controller.alarm_catalog import AlarmKind
from controller.policies import POLICIES
from plant.errors import ConfigError
from sim.scenario import Scenario

ALARM_KINDS = tuple(sorted(str(kind) for kind in AlarmKind))


def check_policy(policy: str) -> None:
    """Raise a `ConfigError` for a policy that is not one."""
    if policy not in POLICIES:
        raise ConfigError(f"policy {policy!r}", "is not known", f"use one of {', '.join(POLICIES)}")


def check_alarms(scenario: Scenario) -> None:
    """Raise a `ConfigError` for a criterion on an alarm that does not exist: it says nothing."""
    asked = [*(alarm.kind for alarm in scenario.criteria.alarms), *scenario.criteria.quiet]
    strange = next((kind for kind in asked if kind not in ALARM_KINDS), None)
    if strange is not None:
        near = get_close_matches(strange, ALARM_KINDS, 1)
        mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(ALARM_KINDS)}"
        raise ConfigError(f"scenario {scenario.name}, key pass", f"alarm {strange!r} is not known", mend)


def make_folder(out: Path) -> None:
    """Make the folder of runs, or raise a `ConfigError`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        mend = "name a folder that may be written"
        raise ConfigError(f"option --out {out}", f"cannot be made ({type(error).__name__})", mend) from None

"""What faults make of commands: machines that ignore, reverse or bend what their registers hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from plant.commands import Command
from plant.points import PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from sim.faults.fault import Fault, points_hit

_SILENT = frozenset({"setpoint_ignored", "setpoint_reversed", "setpoint_offset"})
"""Kinds whose register shows what was written, whatever the machine does."""


@dataclass
class LeverFault:
    """One lever fault at work on a plant. `was` is where each point stood when it began."""

    fault: Fault
    points: frozenset[PointId]
    low: Mapping[PointId, float]
    high: Mapping[PointId, float]
    was: dict[PointId, float] = field(default_factory=dict)
    shown: dict[PointId, float] = field(default_factory=dict)

    def begin(self, readings: Mapping[PointId, Reading]) -> list[Command]:
        """The fault sets in; what somebody else writes with it."""
        self.was = {p: readings[p].value for p in self.points if p in readings and readings[p].usable}
        self.shown = dict(self.was) if self.fault.kind in _SILENT else {}
        match self.fault.kind:
            case "setpoint_overridden":
                return [Command(p, self.fault.magnitude) for p in sorted(self.was)]
            case "setpoint_offset":
                return [Command(p, self._bent(p, v)) for p, v in sorted(self.was.items())]
            case _:
                return []

    def end(self) -> list[Command]:
        """The fault is mended: the machine does what its register says again."""
        return [Command(p, value) for p, value in sorted(self.shown.items())]

    def bend(self, commands: Sequence[Command]) -> list[Command]:
        """What the machine is really told of these commands."""
        kept: list[Command] = []
        for command in commands:
            if command.point not in self.was:
                kept.append(command)
                continue
            if self.fault.kind in _SILENT:
                self.shown[command.point] = command.value
            if self.fault.kind not in ("setpoint_ignored", "setpoint_reverted"):
                kept.append(replace(command, value=self._bent(command.point, command.value)))
        return kept

    def show(self, readings: dict[PointId, Reading]) -> None:
        """Registers of a silent fault show what was written to them."""
        for point, value in self.shown.items():
            if point in readings:
                readings[point] = replace(readings[point], value=value, quality=Quality.GOOD)

    def _bent(self, point: PointId, value: float) -> float:
        was, m = self.was[point], self.fault.magnitude
        match self.fault.kind:
            case "setpoint_reversed":
                value = 2 * was - value
            case "setpoint_offset":
                value = value + m
            case "setpoint_clamped":
                value = min(max(value, was - m), was + m)
        return min(max(value, self.low[point]), self.high[point])


def lever_fault(fault: Fault, site: Site) -> LeverFault:
    """A fault ready to work on the setpoint points it touches; never on the heartbeat."""
    points = [site.point_by_id[p] for p in points_hit(fault, site)]
    mine = [p for p in points if p.quantity is not Quantity.HEARTBEAT]
    return LeverFault(
        fault,
        frozenset(p.id for p in mine),
        {p.id: p.facts.low for p in mine},
        {p.id: p.facts.high for p in mine},
    )

"""Undoing half a change: bumplessly, each register to where it just stood.

But only to a place it may be sent. A register that somebody else had put outside its range was on the way
back; it is left where it came, for to set it back would put a value outside the envelope onto the wire.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.command_record import EPSILON
from plant.commands import Command
from plant.points import PointId
from plant.site import Site


def way_back(site: Site, stood: Mapping[PointId, float]) -> tuple[list[Command], list[str]]:
    """The writes that undo a change, and in words what is left as it is.

    ``stood``: where each register that was, or may have been, changed stood before.
    """
    lever_of = {p: lever for lever in site.levers for p in lever.points}
    back: list[Command] = []
    left: list[str] = []
    for point, value in stood.items():
        lever = lever_of[point]
        if lever.low - EPSILON <= value <= lever.high + EPSILON:
            back.append(Command(point, value))
        else:
            outside = f"outside {lever.low:g} to {lever.high:g}"
            left.append(f"{point} is not set back to {value:g}, which is {outside}")
    return back, left

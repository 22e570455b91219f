"""Faults: everything that can be wrong with a site, injectable at any time into any `Plant`.

`kinds` is the one table of what there is; `faulty` wraps a plant, `wire` a gateway, `feeds` a feed.
"""

from sim.faults.fault import Fault, check_target, make_fault
from sim.faults.faulty import FaultyPlant
from sim.faults.kinds import KINDS, FaultKind, Place

__all__ = ["KINDS", "Fault", "FaultKind", "FaultyPlant", "Place", "check_target", "make_fault"]

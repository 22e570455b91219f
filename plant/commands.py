"""A command: one approved setpoint write, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from plant.points import PointId


@dataclass(frozen=True, slots=True)
class Command:
    """Write `value` (inside unit) to the setpoint `point`."""

    point: PointId
    value: float


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Written, and read back equal within the register's resolution."""

    command: Command
    read_back: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Written, but the device holds something else: it clamped, ignored or reversed it."""

    command: Command
    read_back: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The device (or our gateway's own rules) refused the write; nothing was changed."""

    command: Command
    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer. The value may or may not have been written: read back before anything else."""

    command: Command
    reason: str


Receipt: TypeAlias = Confirmed | Mismatch | Refused | Unreachable

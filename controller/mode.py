"""The modes, how they rank, and every answer there is to a wish for another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from controller.two_person import NotOpen, Request, SamePerson
from plant.points import OwnerId


class Mode(StrEnum):
    """How far the program may go by itself."""

    FALLBACK = "fallback"
    """Safe setpoints and local control; proposals rest."""
    SHADOW = "shadow"
    """Compute only; nothing is ever written."""
    ADVISORY = "advisory"
    """Each change is approved by a person."""
    SUPERVISED = "supervised"
    """Automatic inside a standing approval."""


AUTHORITY: Mapping[Mode, int] = {Mode.FALLBACK: 0, Mode.SHADOW: 1, Mode.ADVISORY: 2, Mode.SUPERVISED: 3}


def least(*modes: Mode) -> Mode:
    """The mode with the least authority."""
    return min(modes, key=AUTHORITY.__getitem__)


@dataclass(frozen=True, slots=True)
class Set:
    """The mode is what was asked, now."""

    scope: OwnerId
    mode: Mode


@dataclass(frozen=True, slots=True)
class NeedsSecond:
    """More authority waits for a second person; give them the request's id."""

    request: Request


@dataclass(frozen=True, slots=True)
class UnknownScope:
    """Neither the site nor one of its zones."""

    scope: str


@dataclass(frozen=True, slots=True)
class NotEarned:
    """More authority has to be earned first; what is missing."""

    scope: OwnerId
    mode: Mode
    missing: tuple[str, ...]


class PromotionGate(Protocol):
    """What stands between a zone (or the site) and a mode. `rollout.Rollout` is one."""

    def objections(self, scope: OwnerId, mode: Mode, at: datetime) -> tuple[str, ...]:
        """What is still missing; nothing when the mode may be asked for."""
        ...


ModeAnswer: TypeAlias = Set | NeedsSecond | UnknownScope | NotEarned
ConfirmAnswer: TypeAlias = Set | SamePerson | NotOpen | NotEarned

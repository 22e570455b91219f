"""What a person can say to a proposal, and every answer there is to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from controller.proposal_record import Proposal


class Decision(StrEnum):
    """What a person says to a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


class RejectionCode(StrEnum):
    """Why a person says no. The scorecard counts them apart; a closed set, so that shifts can be compared."""

    NOT_NOW = "not_now"
    """The plant is busy with something else; nothing is said against the proposal."""
    MAINTENANCE = "maintenance"
    """Somebody works on what it would move."""
    UNSAFE = "unsafe"
    """It would do harm. One of these keeps a zone from `supervised` until it has aged out."""
    DISAGREE = "disagree"
    """It would do no good."""
    BAD_DATA = "bad_data"
    """It rests on a reading that is wrong."""
    OTHER = "other"


HELD_AGAINST_US = frozenset(
    {RejectionCode.UNSAFE, RejectionCode.DISAGREE, RejectionCode.BAD_DATA, RejectionCode.OTHER}
)
"""Rejections that say the program was wrong; the others say the moment was."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision stands."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Expired:
    """The offer had ended."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such proposal."""

    id: str


@dataclass(frozen=True, slots=True)
class AlreadyDecided:
    """It was decided, replaced or done before; the first decision stands."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class DigestMismatch:
    """The decision was for something else than what is on the table."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Held:
    """It may not be approved now: a hold, a stop or the mode forbids it."""

    proposal: Proposal
    reason: str


DecisionAnswer: TypeAlias = Decided | Expired | Unknown | AlreadyDecided | DigestMismatch | Held

"""Leaving room for a trip: a change is narrowed until any one machine may still stop after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.contingency import NO_WORSE_K, TripCheck, TripOutcome
from controller.envelope import COOLER, Verdict, VerdictOutcome
from plant.points import SITE, OwnerId
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot

_SHARES = (0.75, 0.5, 0.25, 0.0)
UNTOLD = "what a trip would do cannot be told, a position or a load is not known; nothing is warmed"


def broken_by(
    check: TripCheck, snapshot: Snapshot, changes: Mapping[LeverId, float]
) -> tuple[TripOutcome, ...]:
    """The trips that a change would leave too little room for, and less than there is now."""
    if not check.asked or not changes:
        return ()
    now = {o.zone: o for o in check.now(snapshot)}
    return tuple(
        o
        for o in check.now(snapshot, changes)
        if o.margin_k < 0 and (o.zone not in now or o.inlet_c > now[o.zone].inlet_c + NO_WORSE_K)
    )


def untold(check: TripCheck, snapshot: Snapshot) -> bool:
    """Whether what a trip would do cannot be told: then nothing is warmed."""
    return check.asked and not check.now(snapshot)


def warms(site: Site, name: LeverId, move: float) -> bool:
    """Whether a lever's move is not known to cool."""
    return move * COOLER.get(site.lever_by_id[name].quantity, 0) <= 0


def leave_room(
    verdict: Verdict,
    check: TripCheck,
    site: Site,
    snapshot: Snapshot,
    review: Callable[[Mapping[LeverId, float]], Verdict],
) -> Verdict:
    """The verdict, narrowed where its changes would leave too little room for a trip.

    Warming moves of the zones concerned, and of the plant's own levers, are made smaller in steps and
    at last left out. ``review`` is asked again about what is left.
    """
    wanted = {name: change.after for name, change in verdict.changes.items()}
    if wanted and untold(check, snapshot):
        left = review(_scaled(site, verdict, frozenset(site.zone_by_id), 0.0))
        outcome = VerdictOutcome.CLAMPED if left.changes else VerdictOutcome.REJECTED
        return (
            left
            if left.changes == verdict.changes
            else replace(left, outcome=outcome, reasons=(*verdict.reasons, UNTOLD))
        )
    broken = broken_by(check, snapshot, wanted)
    if not broken:
        return verdict
    zones = frozenset(o.zone for o in broken)
    for share in _SHARES:
        smaller = review(_scaled(site, verdict, zones, share))
        if not broken_by(check, snapshot, {n: c.after for n, c in smaller.changes.items()}):
            break
    else:
        smaller = replace(smaller, changes={})
    why = tuple(f"{o.zone}: {o.sentence}; its warming moves are cut" for o in broken)
    outcome = VerdictOutcome.CLAMPED if smaller.changes else VerdictOutcome.REJECTED
    return replace(smaller, outcome=outcome, reasons=(*verdict.reasons, *why))


def _scaled(site: Site, verdict: Verdict, zones: frozenset[OwnerId], share: float) -> Mapping[LeverId, float]:
    """The verdict's targets with the warming moves of these zones, and of the plant, made smaller."""
    targets: dict[LeverId, float] = {}
    for name, change in verdict.changes.items():
        lever = site.lever_by_id[name]
        move = change.after - change.before
        owner = next((e.zone for e in site.equipment if e.id == lever.owner), None) or lever.owner
        if warms(site, name, move) and (owner in zones or owner == SITE or owner not in site.zone_by_id):
            # Toward the cool side of the lever's grid: rounding must not take back what was cut.
            step = lever.resolution
            move = int(abs(move) * share / step + 1e-6) * step * (1 if move > 0 else -1)
        targets[name] = change.before + move
    return targets

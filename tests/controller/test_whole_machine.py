"""No sequence of requests, bad readings and solver answers gets a value outside the envelope onto the wire.

Told to the whole supervision as it is wired in the running program. The rules are checked on what arrived
at the plant alone. Every protection is then taken away, one at a time, and the rules must see it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from supervision_kit import A_AIR, A_FAN, WATER
from whole_machine import LEVER_OF, OURS, PERIOD_S, Machine, Note, Step, play

from controller import actuation, envelope, guard, recheck
from controller.envelope import COOLER, Range, Verdict, VerdictOutcome
from controller.guard import RESCUE_MOVES, GuardedWriter, Purpose
from controller.holds import HoldBook
from controller.limits import LimitBook
from controller.modes import Mode, ModeKeeper
from controller.takeover import Takeover
from plant.points import SITE
from plant.quantities import Quantity
from plant.setpoints import Lever, Setpoints

FAST = frozenset({Purpose.RESCUE, Purpose.PUT_BACK})
WAITS = frozenset({Purpose.PROPOSAL, Purpose.SWITCHBACK})
"""What goes by the envelope, and waits for its turn."""
NOT_STOPPED = frozenset({Purpose.FALLBACK, Purpose.ROLLBACK, Purpose.RESCUE, Purpose.PUT_BACK})
TINY = 1e-6


def check(m: Machine) -> None:
    """The rules, from the site file and the notes."""
    for i, note in enumerate(m.plant.notes):
        _rules(note, [n for n in m.plant.notes[:i] if n.command.point == note.command.point])
    assert not m.halves, f"{m.halves} were left half done"


def _outside(lever: Lever, value: float) -> float:
    return max(lever.low - value, value - lever.high, 0.0)


def _comes_back(note: Note, lever: Lever) -> bool:
    """Whether somebody else had put the register further out than one move, and it is on its way back."""
    there = _outside(lever, note.before)
    return there > lever.max_move and _outside(lever, note.command.value) < there


def _undone_at_once(note: Note, earlier: Sequence[Note]) -> bool:
    """Whether it takes back what the same round wrote: between the two it did not stand anywhere."""
    return note.purpose is Purpose.ROLLBACK and any(
        n.purpose is Purpose.PROPOSAL and n.at == note.at for n in earlier
    )


def _rules(note: Note, earlier: Sequence[Note]) -> None:
    lever, value = note.lever, note.command.value
    who = f"{lever.id} to {value:g} for {note.purpose}"
    move = value - note.before
    lately = [n for n in earlier if note.at - n.at < timedelta(seconds=0.9 * PERIOD_S)]
    reach = lever.max_move * (RESCUE_MOVES if note.purpose in FAST else 1.0)
    assert math.isfinite(value), who
    assert _outside(lever, value) <= TINY or _comes_back(note, lever), f"{who}: outside its range"
    assert not note.taken, f"{who}: people have it"
    assert not math.isnan(note.told), f"{who}: where it stood was not known"
    if note.purpose is not Purpose.ROLLBACK:
        assert lever.id not in note.held, f"{who}: it was held"
        assert note.chosen is not Mode.SHADOW, f"{who}: in shadow nothing is written"
    if note.stopped:
        assert note.purpose in NOT_STOPPED, f"{who}: under a stop"
    if abs(note.told - note.before) > TINY:
        return  # a register that lies: how far it really moved nobody could know
    stood = [n for n in lately if not _undone_at_once(n, lately)]
    starts = [note.before, *(n.before for n in stood if abs(n.command.value - n.before) > TINY)]
    assert all(abs(value - s) <= reach + TINY for s in starts), f"{who}: too far from {starts}"
    # What was undone at once was one move away from where it stood: nothing is further than that and a move.
    undone = [n.before for n in lately if _undone_at_once(n, lately)]
    assert all(abs(value - u) <= reach + lever.max_move + TINY for u in undone), (
        f"{who}: too far from {undone}"
    )
    if note.purpose in WAITS and abs(move) > TINY:
        assert not [n for n in lately if abs(n.command.value - n.before) > TINY], f"{who}: too soon"
        inside = _outside(note.limited, value) <= TINY or _comes_back(note, note.limited)
        assert inside, f"{who}: limited to {note.limited.low:g} to {note.limited.high:g}"
        near = {lever.owner} if lever.owner in OURS.zone_by_id else set(OURS.zone_by_id)
        if near & (note.hot | note.unseen):
            assert move * COOLER[lever.quantity] > 0, f"{who}: warms a zone that is hot or not seen"
    if note.purpose is Purpose.PROPOSAL:
        assert note.agreed, f"{who}: nobody agreed"


_lever = st.sampled_from([lever.id for lever in OURS.levers])
_zone = st.sampled_from([z.id for z in OURS.zones])
_register = st.sampled_from(sorted(LEVER_OF))
_inlet = st.sampled_from([p.id for p in OURS.points_with(Quantity.INLET_TEMPERATURE)])
_wild = st.one_of(
    st.sampled_from([17.0, 18.4, 18.5, 17.5, 25.5, 0.85, 0.95, 7.5, 23.5]),
    st.floats(0, 40),
    st.floats(allow_nan=True),
)
_told = st.sampled_from([math.nan, math.inf, -1e9, 0.0, 5.0, 12.0, 28.0, 45.0])
_scope = st.sampled_from([SITE, *(z.id for z in OURS.zones)])
_mode = st.sampled_from([Mode.SHADOW, Mode.ADVISORY, Mode.SUPERVISED, Mode.FALLBACK])
_TROUBLE = st.one_of(
    st.tuples(st.just("inlet"), st.tuples(_zone, st.one_of(st.floats(18, 34), st.floats(26, 28)))),
    st.tuples(st.just("blind"), st.one_of(_inlet, _register)),
    st.tuples(st.just("dead"), _register),
    st.tuples(st.just("lie"), st.tuples(st.one_of(_inlet, _register), _told)),
    st.tuples(st.just("somebody else"), st.tuples(_register, st.sampled_from([17.5, 18.5, 0.8]))),
    st.tuples(st.just("hold"), st.one_of(_lever, _zone)),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("local"), st.none()),
    st.tuples(st.just("mode"), st.tuples(_scope, _mode)),
    st.tuples(
        st.just("limit"), st.sampled_from([("zone-a.recommended_max_c", 24.0), (f"{A_AIR}.high", 18.2)])
    ),
    st.tuples(st.just("standing"), _lever),
    st.tuples(st.just("switchback"), st.integers(0, 5)),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("act"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([5.0, 60.0, 200.0, 1000.0, 4000.0])),
)
_THINK = st.tuples(st.just("think"), st.dictionaries(_lever, _wild, min_size=1, max_size=6))
_DECIDE = st.tuples(st.just("decide"), st.sampled_from(["approve", "approve", "reject", "wrong digest"]))
_MEND: st.SearchStrategy[list[Step]] = st.sampled_from(
    [[("mend", None), ("resume", None), ("wait", 300.0)], [("wait", 300.0)], []]
)


@st.composite
def _round(draw: st.DrawFn) -> list[Step]:
    before, after = draw(st.lists(_TROUBLE, max_size=2)), draw(st.lists(_TROUBLE, max_size=2))
    return [
        *before,
        draw(_THINK),
        draw(_DECIDE),
        *after,
        ("act", None),
        ("wait", 30.0),
        ("act", None),
        *draw(_MEND),
    ]


STORIES = st.lists(_round(), min_size=1, max_size=4).map(lambda rounds: [s for r in rounds for s in r])


def tell(steps: Sequence[Step]) -> Machine:
    """Play a story and check it."""
    m = asyncio.run(play(steps))
    check(m)
    return m


MANY = int(os.environ.get("STORIES", "0"))
"""How many random stories `make stories` tells; the suite tells the same 40 each time."""
TOLD = (
    settings(max_examples=MANY, deadline=None, database=None, print_blob=False)
    if MANY
    else settings(max_examples=40, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
)


@given(STORIES)
@TOLD
def test_whatever_happens_nothing_outside_the_envelope_reaches_the_plant(steps: list[Step]) -> None:
    tell(steps)


YES: list[Step] = [("decide", "approve")]
ACT: list[Step] = [("act", None)]
FIRST = OURS.lever_by_id[A_AIR].points[0]
INLETS = [p.id for p in OURS.points_with(Quantity.INLET_TEMPERATURE)]
AIR_POINTS = OURS.lever_by_id[A_AIR].points


def asked(wanted: dict[str, float]) -> list[Step]:
    return [("think", wanted), *YES]


STORY: dict[str, list[Step]] = {
    "wild": [*asked({A_AIR: 39.0}), *ACT],
    "leap": [*asked({A_AIR: 25.0}), *ACT],
    # warm enough for the envelope, not yet for the rescue, which would take the zone out of our hands
    "hot": [("inlet", ("zone-a", 27.1)), *asked({A_AIR: 18.4}), *ACT],
    "hot since": [*asked({A_AIR: 18.4}), ("inlet", ("zone-a", 27.1)), *ACT],
    "unknown": [("blind", FIRST), *asked({A_AIR: 18.4, A_FAN: 0.85}), *ACT],
    "half": [("dead", AIR_POINTS[1]), *asked({A_AIR: 18.4}), *ACT],
    "limited": [("limit", (f"{A_AIR}.high", 18.2)), *asked({A_AIR: 18.5}), *ACT],
    "held": [*asked({A_AIR: 18.4}), ("hold", "zone-a"), *ACT],
    "stopped": [*asked({A_AIR: 18.4}), ("stop", None), *ACT],
    "shadow": [*asked({A_AIR: 18.4}), ("mode", ("zone-a", Mode.SHADOW)), *ACT],
    "taken": [*asked({A_AIR: 18.4}), *ACT, ("local", None), ("wait", 950.0), *ACT],
    "restart": [*asked({A_AIR: 18.4}), *ACT, ("restart", None), *asked({A_AIR: 18.8}), *ACT],
    # the second cycle finds the first one's proposal on the table, and that it was agreed to beforehand
    "lapsed": [
        ("standing", A_AIR),
        ("think", {A_AIR: 18.4}),
        ("think", {A_AIR: 18.4}),
        ("mode", ("zone-a", Mode.ADVISORY)),
        *ACT,
    ],
    # what a failed change held for an instant is no place to measure the stop's first step from
    "undone": [
        ("dead", OURS.lever_by_id[A_FAN].points[0]),
        *asked({A_AIR: 17.0, A_FAN: 1.0}),
        *ACT,
        ("stop", None),
        *ACT,
    ],
    # a register that somebody had put out of its range is on its way back: undoing does not send it out again
    "outside": [
        ("somebody else", (OURS.lever_by_id[WATER].points[0], 17.5)),
        ("dead", OURS.lever_by_id[A_FAN].points[0]),
        *asked({WATER: 16.0, A_FAN: 0.85}),
        *ACT,
    ],
    "unasked": [("think", {A_AIR: 18.4}), ("decide", "wrong digest"), *ACT],
}


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        ("leap", 2),
        ("half", 4),
        ("restart", 2),
        ("limited", 2),
        ("wild", 2),
        ("hot", None),
        ("unasked", 0),
        ("lapsed", 0),
        ("undone", None),
        ("outside", 5),
    ],
)
def test_the_stories_are_not_empty(name: str, writes: int | None) -> None:
    m = tell(STORY[name])
    if writes is not None:
        assert len(m.plant.notes) == writes


def _yes(_site: object, wanted: dict[str, float], snapshot: object, **_: object) -> Verdict:
    return Verdict(
        VerdictOutcome.ACCEPTED,
        Setpoints(dict(wanted)),  # type: ignore[arg-type]
        {k: envelope.Change(18.0, v) for k, v in wanted.items()},  # type: ignore[misc]
    )


Patch = pytest.MonkeyPatch


def no_envelope(p: Patch) -> None:
    p.setattr("controller.cycle.review", _yes)
    p.setattr(recheck.envelope, "review", _yes)


def no_envelope_nor_guard(p: Patch) -> None:
    no_envelope(p)
    p.setattr(GuardedWriter, "_objection", lambda *_: "")


def no_slew(p: Patch) -> None:
    p.setattr(GuardedWriter, "_too_far", lambda *_: "")
    reach = envelope._room

    def without(lever: envelope.Lever, *a: object, **k: object) -> object:
        return reach(dataclasses.replace(lever, max_move=100.0), *a, **k)  # type: ignore[arg-type]

    p.setattr(envelope, "_room", without)


def unknown_is_open(p: Patch) -> None:
    p.setattr(envelope, "_position", lambda site, snapshot, point: 18.0)
    p.setattr(GuardedWriter, "_too_far", lambda *_: "")
    p.setattr(recheck, "_moved_since", lambda *_: [])
    p.setattr(
        actuation,
        "commands_for",
        lambda site, proposal, _: [
            guard.Command(x, c.after) for n, c in proposal.changes.items() for x in site.lever_by_id[n].points
        ],
    )


def union_for_intersection(p: Patch) -> None:
    p.setattr(Range, "meet", lambda a, b: Range(min(a.low, b.low), max(a.high, b.high)))


def no_rollback(p: Patch) -> None:
    async def nothing(*a: object, **_: object) -> object:
        proposal, receipts, _, _, _, at = a
        done = actuation.Outcome.FAILED
        return actuation.Execution(proposal.id, done, None, at, receipts=tuple(receipts))  # type: ignore[attr-defined, call-overload]

    p.setattr(actuation, "_undo", nothing)


def no_holds(p: Patch) -> None:
    p.setattr(HoldBook, "levers", lambda *_: frozenset())


def no_stop(p: Patch) -> None:
    p.setattr(ModeKeeper, "effective", lambda self, owner: Mode.SUPERVISED)
    p.setattr("controller.proposals.ApprovalDesk._bar", lambda *_: "")
    objection = GuardedWriter._objection

    def without(self: GuardedWriter, *a: object) -> str:
        self._stopped = lambda: False
        return objection(self, *a)  # type: ignore[arg-type]

    p.setattr(GuardedWriter, "_objection", without)


def no_shadow(p: Patch) -> None:
    p.setattr(ModeKeeper, "effective", lambda self, owner: Mode.SUPERVISED)


def no_takeover(p: Patch) -> None:
    p.setattr(Takeover, "points", property(lambda self: frozenset()))
    p.setattr("controller.parts.Authority.kept", lambda self, at: self.holds.levers(at))


def no_memory(p: Patch) -> None:
    p.setattr(guard, "stood_before", lambda *_: {})


def no_limits(p: Patch) -> None:
    p.setattr(LimitBook, "confirm", lambda *_, **__: None)


def no_lapse(p: Patch) -> None:
    p.setattr("controller.proposals.ApprovalDesk.lapsed", lambda *_: "")


def no_second_look_at_heat(p: Patch) -> None:
    p.setattr(envelope, "hot_zones", lambda *_: {})


MUTANTS: list[tuple[Callable[[Patch], None], str, str]] = [
    (no_envelope, "hot since", "warms a zone that is hot"),
    (no_envelope_nor_guard, "wild", "outside its range"),
    (no_slew, "leap", "too far"),
    (unknown_is_open, "unknown", "was not known"),
    (union_for_intersection, "hot", "warms a zone that is hot"),
    (no_rollback, "half", "half done"),
    (no_holds, "held", "it was held"),
    (no_stop, "stopped", "under a stop"),
    (no_shadow, "shadow", "in shadow"),
    (no_takeover, "taken", "people have it"),
    (no_memory, "restart", "too soon|too far"),
    (no_lapse, "lapsed", "nobody agreed"),
    (no_second_look_at_heat, "hot", "warms a zone that is hot"),
]


@pytest.mark.parametrize(("mutate", "story", "complaint"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS])
def test_with_a_protection_taken_away_the_rules_see_it(
    mutate: Callable[[Patch], None], story: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(STORY[story])
    mutate(monkeypatch)
    with pytest.raises(AssertionError, match=complaint):
        tell(STORY[story])


@pytest.mark.parametrize("mutate", [no_envelope_nor_guard, no_slew, union_for_intersection, no_rollback])
def test_the_property_itself_finds_a_missing_protection(
    mutate: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the story made for it: random stories find it too."""
    mutate(monkeypatch)

    @given(STORIES)
    @settings(max_examples=150, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    def unprotected(steps: list[Step]) -> None:
        tell(steps)

    with pytest.raises(AssertionError):
        unprotected()


def test_fallback_goes_on_when_its_policy_stumbles_over_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone is rescued, another's sensor says infinity, and the rule for it cannot count so far."""
    stop: list[Step] = [("think", {}), ("stop", None), ("lie", (INLETS[6], math.inf)), *ACT]
    assert tell(stop).plant.notes, "the site falls back, to its own safe values where nothing advises"
    monkeypatch.setattr("controller.fallback.asked", lambda policy, *a: policy.decide(*a))
    with pytest.raises((OverflowError, ValueError)):
        tell(stop)


def test_under_a_stop_the_slow_step_does_not_take_back_the_water_of_a_rescue() -> None:
    """Both want the plant's water: 4 moves of 0.5 K for the rescue, one for the ramp of the fallen site."""
    register = OURS.lever_by_id[WATER].points[0]
    hot: list[Step] = [("inlet", ("zone-c", 27.7)), *ACT, ("wait", 700.0), ("think", {}), *ACT]
    m = tell([("somebody else", (register, 14.0)), ("think", {}), ("stop", None), *hot])
    water = [n for n in m.plant.notes if n.lever.id == WATER]
    assert any(n.purpose is Purpose.RESCUE for n in water)
    assert all(n.command.value < n.before for n in water)


def test_a_lever_of_the_whole_plant_warms_no_zone_that_is_hot() -> None:
    m = tell([("inlet", ("zone-d", 28.0)), *asked({WATER: 7.4}), *ACT])
    assert [n for n in m.plant.notes if n.lever.id == WATER and n.purpose is Purpose.PROPOSAL] == []

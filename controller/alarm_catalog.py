"""Every alarm there is, with its cause, consequence and response written beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Priority(StrEnum):
    """How soon a person must act: high within minutes, medium within the hour, low this shift."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlarmKind(StrEnum):
    """Every alarm there is."""

    INLET_ALLOWABLE = "inlet_allowable"
    INLET_RECOMMENDED = "inlet_recommended"
    NO_SPARE = "no_spare"
    STALE_DATA = "stale_data"
    FALLBACK = "fallback"
    STOPPED = "stopped"
    HEARTBEAT_LOST = "heartbeat_lost"
    LOCAL_CONTROL = "local_control"
    TAKEN_OVER = "taken_over"
    WRITE_FAILED = "write_failed"
    ROLLBACK_FAILED = "rollback_failed"
    WRITES_FAIL = "writes_fail"
    SETPOINT_MOVED = "setpoint_moved"
    LEVER_SILENT = "lever_silent"
    LEVER_BACKWARDS = "lever_backwards"
    NO_PLAN = "no_plan"
    STORE_LOST = "store_lost"
    AUDIT_BROKEN = "audit_broken"
    DEVICE_SILENT = "device_silent"
    POLLING_LATE = "polling_late"
    HISTORY_WAITING = "history_waiting"
    HISTORY_LOST = "history_lost"
    METERS_DISAGREE = "meters_disagree"
    METER_BALANCE = "meter_balance"
    FEED_GAP = "feed_gap"
    MODEL_DRIFT = "model_drift"
    DEMOTED = "demoted"
    WEBHOOK_DEAD = "webhook_dead"


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What a kind of alarm means and what to do about it."""

    priority: Priority
    cause: str
    consequence: str
    response: str
    may_be_shelved: bool = True


_H, _M, _L = Priority.HIGH, Priority.MEDIUM, Priority.LOW
CATALOG: Mapping[AlarmKind, AlarmFacts] = {
    AlarmKind.INLET_ALLOWABLE: AlarmFacts(
        _H,
        "A rack inlet is above the allowable limit.",
        "Servers throttle or shut down; equipment life is at risk.",
        "Check the zone's CRAHs and chilled water; take local control and cool.",
        may_be_shelved=False,
    ),
    AlarmKind.INLET_RECOMMENDED: AlarmFacts(
        _M,
        "A rack inlet is above the recommended limit.",
        "Only moves that cool more are made until it is back.",
        "Look for a failed fan, a blocked tile or a load step in the zone.",
        may_be_shelved=False,
    ),
    AlarmKind.NO_SPARE: AlarmFacts(
        _M,
        "Load has grown, a unit stands still, or cooling has weakened: one more machine may not trip.",
        "Were the named machine to trip now, racks would pass the allowable limit before anybody could act. "
        "Nothing is warmed there meanwhile.",
        "Approve what cools the zone, start what stands still, or move load away; where no spare is wanted, "
        "say so in the site file (`n_minus_one`).",
    ),
    AlarmKind.STALE_DATA: AlarmFacts(
        _M,
        "A zone's constraint sensors have not been heard from.",
        "Setpoints are held, then ramped to fallback.",
        "Check the gateway, the network and the sensors of the zone.",
    ),
    AlarmKind.FALLBACK: AlarmFacts(
        _M,
        "The program has given up optimizing for a stated reason.",
        "Setpoints ramp to safe values; savings pause.",
        "Read the reason, mend it; the chosen mode returns by itself unless stopped.",
        may_be_shelved=False,
    ),
    AlarmKind.STOPPED: AlarmFacts(
        _M,
        "An operator latched the stop.",
        "Nothing but fallback is written until two people resume.",
        "When the reason is gone, ask for resume and have a second person confirm.",
        may_be_shelved=False,
    ),
    AlarmKind.HEARTBEAT_LOST: AlarmFacts(
        _H,
        "The plant does not echo our heartbeat.",
        "The plant's controllers go to their own local setpoints.",
        "Check the gateway connection and the controller's heartbeat register.",
        may_be_shelved=False,
    ),
    AlarmKind.LOCAL_CONTROL: AlarmFacts(
        _M,
        "The plant went to local control after our heartbeat was silent.",
        "Our setpoints are ignored until the plant has heard a beat and a setpoint.",
        "Find out why the heartbeat was silent; the next change or renewal hands the plant back.",
    ),
    AlarmKind.TAKEN_OVER: AlarmFacts(
        _M,
        "People took the plant, or a part of it, into local control while we were beating.",
        "Nothing is written to what they took, not by fallback or rescue either.",
        "When they are done, turn the selector to remote; the program goes on by itself.",
        may_be_shelved=False,
    ),
    AlarmKind.WRITE_FAILED: AlarmFacts(
        _M,
        "A setpoint write was refused or not answered; the change was undone.",
        "The approved change did not happen.",
        "Check the named register's device; the next proposal will try again.",
    ),
    AlarmKind.ROLLBACK_FAILED: AlarmFacts(
        _H,
        "A change was made in part and could not be undone.",
        "The named registers may not be where anyone wants them.",
        "Set the named registers by hand to their former values.",
    ),
    AlarmKind.WRITES_FAIL: AlarmFacts(
        _H,
        "What is written does not arrive, or cannot be undone, several times in a row.",
        "Nothing more is written and the heartbeat is withheld: the plant takes its local setpoints.",
        "See that the plant is in local control; mend gateway or network. The program goes on by itself.",
        may_be_shelved=False,
    ),
    AlarmKind.SETPOINT_MOVED: AlarmFacts(
        _L,
        "A setpoint we hold was moved by someone or something else.",
        "We no longer renew it.",
        "If it was not on purpose, find what else writes this register.",
    ),
    AlarmKind.LEVER_SILENT: AlarmFacts(
        _M,
        "A setpoint was changed and the plant did not follow.",
        "The lever is frozen; the plan goes on without it.",
        "Check valve, fan drive or local override of the unit.",
    ),
    AlarmKind.LEVER_BACKWARDS: AlarmFacts(
        _H,
        "The plant moved against a setpoint change.",
        "The lever is frozen; a sign, a sensor or a wire is wrong.",
        "Check sensor assignment and control action of the unit.",
    ),
    AlarmKind.NO_PLAN: AlarmFacts(
        _L,
        "No plan could be made for several cycles.",
        "Setpoints stay; savings pause.",
        "Read the reason in the cycle record; check feeds and model.",
    ),
    AlarmKind.STORE_LOST: AlarmFacts(
        _H,
        "The database cannot be reached.",
        "Nothing can be proposed or approved; only stop and fallback work.",
        "Check disk space and the database.",
        may_be_shelved=False,
    ),
    AlarmKind.AUDIT_BROKEN: AlarmFacts(
        _H,
        "The audit log is not what was written.",
        "The record of who did what cannot be trusted from there on.",
        "Keep the database file, tell the security officer, restore from a copy.",
        may_be_shelved=False,
    ),
    AlarmKind.DEVICE_SILENT: AlarmFacts(
        _M,
        "A device or a source of readings does not answer.",
        "Its points are missing; zones it measures are held, then ramped to fallback.",
        "Check power and network of the named device; it is asked again by itself.",
    ),
    AlarmKind.POLLING_LATE: AlarmFacts(
        _M,
        "Readings are asked for later than they are due.",
        "Data ages; zones may be taken for unseen.",
        "Check the load of the host and how long the gateways take to answer.",
    ),
    AlarmKind.HISTORY_WAITING: AlarmFacts(
        _M,
        "The history database is locked, full or away.",
        "Control goes on; readings wait in memory and are lost if the program ends.",
        "Free the disk or mend the database; what waits is then written by itself.",
    ),
    AlarmKind.HISTORY_LOST: AlarmFacts(
        _H,
        "The history database has been away longer than memory reaches.",
        "The oldest readings are let go; reports will show a gap there.",
        "Mend the database now; note the time, for the report's reader.",
    ),
    AlarmKind.METERS_DISAGREE: AlarmFacts(
        _L,
        "Meters contradict each other, or the heat balance does not close.",
        "Energy, savings and the learned model may be wrong; nobody can say which meter is.",
        "Compare the named meters with their displays; check scaling and current transformers.",
    ),
    AlarmKind.METER_BALANCE: AlarmFacts(
        _L,
        "Energy over the last day goes in at a meter and is not seen to come out of those below it.",
        "Reports publish the residual; a saving or a PUE built on these meters may be wrong.",
        "Look for a meter that stands still, a wrong transformer ratio, or a load without a meter.",
    ),
    AlarmKind.FEED_GAP: AlarmFacts(
        _L,
        "A feed of carbon intensity or of weather does not answer, or leaves hours out.",
        "Carbon is not counted for those hours; weather is the persistence of the site's own sensors.",
        "Check the account, the key and the network way to the provider.",
    ),
    AlarmKind.MODEL_DRIFT: AlarmFacts(
        _L,
        "The plant no longer answers as it was learned: fouling, a repair, or a meter that moved.",
        "Plans may miss their promise; moves toward less cooling are made smaller until it is learned anew.",
        "Look at the named part for what changed; the plant is learned again daily by itself.",
    ),
    AlarmKind.DEMOTED: AlarmFacts(
        _M,
        "A breach took authority away from a zone or the site.",
        "Changes wait for people again (advisory) or are not made at all (shadow).",
        "Find out what happened; the rollout says what must be shown before authority is asked for again.",
    ),
    AlarmKind.WEBHOOK_DEAD: AlarmFacts(
        _L,
        "An alarm could not be delivered to a webhook after many tries.",
        "People who rely on it were not told; the alarm itself stands here.",
        "Mend the receiver, then send the dead letters again.",
    ),
}

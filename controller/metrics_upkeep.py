"""What the program's own upkeep looks like as metrics: devices, polling, history, meters, feeds, alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.alarm_catalog import Priority
from controller.metrics_sample import Sample, Samples
from telemetry.crosschecks import CrossCheck
from telemetry.health import DeviceHealth
from telemetry.historian.writer import StoreState
from telemetry.poller import PollStats


@dataclass(frozen=True)
class Condition:
    """How the program's own senses and memory are at one moment.

    `feeds` has for each feed what its last answer lacked, empty where nothing did.
    """

    devices: tuple[DeviceHealth, ...]
    polling: PollStats
    history: StoreState
    checks: tuple[CrossCheck, ...]
    feeds: Mapping[str, tuple[str, ...]]


def condition_samples(condition: Condition) -> Samples:
    """The gauges of a condition. Devices not asked yet and laws that cannot be checked are absent."""
    for device in condition.devices:
        yield Sample("device_answering", (device.device,), float(device.answering))
        yield Sample("device_failures", (device.device,), float(device.failures))
    yield Sample("poll_lateness_p99_seconds", (), condition.polling.p99_lateness_s)
    yield Sample("history_writable", (), float(not condition.history.degraded))
    yield Sample("history_buffered_readings", (), float(condition.history.buffered))
    for check in condition.checks:
        yield Sample("cross_check_holds", (check.name,), float(check.holds))
    for feed, faults in condition.feeds.items():
        yield Sample("feed_complete", (feed,), float(not faults))


def condition_totals(condition: Condition) -> Mapping[str, int]:
    """What only grows, counted since the program's start."""
    return {
        "polls_total": condition.polling.polls,
        "polls_skipped_total": condition.polling.skipped,
        "history_dropped_readings_total": condition.history.dropped,
    }


def alarm_samples(priorities: Iterable[Priority]) -> Samples:
    """How many alarms stand, by priority; zero is said."""
    standing = Counter(priorities)
    for priority in Priority:
        yield Sample("alarms_standing", (priority.value,), float(standing[priority]))

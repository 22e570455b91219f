"""How each device is doing, so that a dead one costs nobody else time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from telemetry.backoff import Backoff


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """One device as last seen. `last_fault` is empty while it answers."""

    device: str
    answering: bool
    failures: int
    last_fault: str


class DevicePatience:
    """Whether to ask a device now. After a failure it is left alone for a while, ever longer.

    Waiting is in monotonic seconds: a network does not run faster in an accelerated demo.
    """

    def __init__(self, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._monotonic = monotonic
        self._backoff = Backoff(random.Random(name))  # the same waits each run, another for each device
        self._not_before = float("-inf")
        self._last_fault = ""

    def ready(self) -> bool:
        """Whether its time has come."""
        return self._monotonic() >= self._not_before

    def failed(self, fault: str) -> None:
        """It did not answer."""
        self._last_fault = fault
        self._not_before = self._monotonic() + self._backoff.failed()

    def succeeded(self) -> None:
        """It answered."""
        self._last_fault = ""
        self._not_before = float("-inf")
        self._backoff.succeeded()

    @property
    def suspect(self) -> bool:
        """It failed last time: one try is enough to find out whether it is back."""
        return self._backoff.failures > 0

    @property
    def health(self) -> DeviceHealth:
        """What to show of it."""
        return DeviceHealth(self._name, not self._last_fault, self._backoff.failures, self._last_fault)

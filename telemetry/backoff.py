"""Waiting longer after each failure: capped, and spread so that many do not return together."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays of ``first_s``, doubled each time up to ``most_s``, each between half and all of it."""

    rng: random.Random
    first_s: float = 0.5
    most_s: float = 30.0
    failures: int = 0

    def failed(self) -> float:
        """Count a failure; the seconds to wait before the next try."""
        delay = min(self.first_s * 2.0 ** min(self.failures, 30), self.most_s)
        self.failures += 1
        return delay * (0.5 + 0.5 * self.rng.random())

    def succeeded(self) -> None:
        """Begin anew."""
        self.failures = 0

"""Where policies think: in this process (replay), or in a worker that can be killed (production).

A plan that comes late is no plan. The cycle goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from controller.child import Child, ChildEnded
from plant.data_quality import data_quality
from plant.errors import BrokenPromise
from plant.forecast import Forecast
from plant.plan import NoPlan, NoPlanCause
from plant.ports import Advice, Policy, PolicyAnswer
from plant.snapshot import Snapshot

_log = logging.getLogger(__name__)

MISHAPS = (
    ArithmeticError,
    AttributeError,
    BrokenPromise,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    np.linalg.LinAlgError,
)
"""What goes wrong in numbers and solvers: a plan that fails so is no plan. The cycle goes on without it."""


def asked(policy: Policy, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
    """The policy's answer; where it failed, `NoPlan` with the reason."""
    try:
        return policy.decide(snapshot, forecast)
    except MISHAPS as error:
        _log.exception("the planner failed")
        reason = f"the planner failed ({type(error).__name__}: {error})"
        return NoPlan(snapshot.time, NoPlanCause.SOLVER_ERROR, reason)


def with_quality(answer: PolicyAnswer, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
    """The answer, its plan marked with how far the data behind it could be trusted."""
    if not isinstance(answer, Advice) or answer.plan is None:
        return answer
    return replace(answer, plan=replace(answer.plan, data_quality=data_quality(snapshot, forecast)))


class Planner(Protocol):
    """Asks a policy, and always comes back."""

    async def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """The policy's answer, or `NoPlan` saying why there is none."""
        ...

    async def close(self) -> None:
        """Let go of whatever thinks."""
        ...


@dataclass(frozen=True)
class InlinePlanner:
    """Thinks in this process: for replays, where nobody is waiting."""

    policy: Policy

    async def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """Ask the policy directly."""
        return with_quality(asked(self.policy, snapshot, forecast), snapshot, forecast)

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True)
class _Thinking:
    """What the worker process is: a policy, asked in turn."""

    policy: Policy

    def __call__(self, question: tuple[Snapshot, Forecast]) -> PolicyAnswer:
        return asked(self.policy, *question)


@dataclass
class WorkerPlanner:
    """Thinks in a worker process with a hard deadline; a late worker is killed and replaced."""

    policy: Policy
    deadline_s: float
    _child: Child | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def start(self) -> None:
        """Start the worker ahead of the first question: it has a solver to load."""
        self._worker()

    async def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """Ask the worker; after the deadline, or its death, the answer is `NoPlan`."""
        async with self._busy:
            try:
                answer: PolicyAnswer = await self._worker().ask((snapshot, forecast), self.deadline_s)
            except TimeoutError:
                self._kill()
                return NoPlan(snapshot.time, NoPlanCause.DEADLINE, f"no plan within {self.deadline_s:g} s")
            except ChildEnded as error:
                self._kill()
                return NoPlan(snapshot.time, NoPlanCause.SOLVER_ERROR, f"the planner process ended ({error})")
            except asyncio.CancelledError:
                self._kill()
                raise
            return with_quality(answer, snapshot, forecast)

    async def close(self) -> None:
        """End the worker, after the answer somebody waits for: it is replaced while plans are made."""
        async with self._busy:
            if self._child is not None:
                await self._child.end()
            self._child = None

    def _worker(self) -> Child:
        if self._child is None or not self._child.alive:
            self._kill()
            self._child = Child(_Thinking(self.policy))
        return self._child

    def _kill(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None

"""Routes of levers that were found to lie: which they are, and that one was mended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from controller.api.bodies import PLAIN, ReasonIn
from controller.api.problems import Code, Problem, documented
from controller.api.security import Deps, ModeSetter, Reader
from controller.lever_truth import LeverTruth
from plant.setpoints import LeverId

LeverName = Annotated[str, Path(pattern=PLAIN, max_length=120, examples=["zone-c.fan-speed"])]


class FrozenOut(BaseModel):
    """A lever that does not answer, or answers backwards."""

    lever: str
    backwards: bool


def lever_routes(truth: LeverTruth) -> APIRouter:
    """Routes over one controller's judge of levers."""
    router = APIRouter(prefix="/api/v1/levers", tags=["levers"])

    @router.get("/frozen", responses=documented())
    async def frozen(_deps: Deps, _who: Reader) -> list[FrozenOut]:
        """Levers that were found to lie and wait to be mended."""
        return _shown(truth)

    @router.post("/{lever}/mended", responses=documented(404))
    async def mended(lever: LeverName, body: ReasonIn, deps: Deps, who: ModeSetter) -> list[FrozenOut]:
        """Say that a lever does again what it is told; what is left to be mended."""
        if not truth.mended(LeverId(lever), by=who.name, at=deps.clock.now(), reason=body.reason):
            raise Problem(404, Code.NOT_FOUND, f"no lever called {lever} is frozen")
        deps.events.publish("lever", {"mended": lever})
        deps.nudge()
        deps.replan()
        return _shown(truth)

    return router


def _shown(truth: LeverTruth) -> list[FrozenOut]:
    return [FrozenOut(lever=name, backwards=name in truth.backwards) for name in sorted(truth.frozen)]

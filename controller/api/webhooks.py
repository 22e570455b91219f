"""Routes for webhook deliveries: what went out, what is dead, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from controller.api.bodies import PLAIN, DeliveryQuery
from controller.api.out import Out
from controller.api.problems import Code, Problem, documented
from controller.api.security import Deps, ModeSetter, Reader
from controller.webhooks import Delivery, DeliveryStatus

router = APIRouter(prefix="/webhooks", tags=["alarms"])
DeliveryId = Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["W-1a2b3c4d5e6f"])]


class DeliveryOut(Out):
    """One message to one address."""

    id: str
    url: str
    event: str
    status: DeliveryStatus
    attempts: int
    made_at: datetime
    next_at: datetime
    last_error: str

    @classmethod
    def of(cls, d: Delivery) -> DeliveryOut:
        """From the record, without what may be a secret in the address."""
        return cls(
            id=d.id,
            url=d.url.partition("?")[0],
            event=d.event,
            status=d.status,
            attempts=d.attempts,
            made_at=d.made_at,
            next_at=d.next_at,
            last_error=d.last_error,
        )


@router.get("/deliveries", responses=documented())
async def deliveries(deps: Deps, _who: Reader, query: Annotated[DeliveryQuery, Query()]) -> list[DeliveryOut]:
    """The last deliveries, newest first; `?status=dead` lists the dead letters."""
    return [DeliveryOut.of(d) for d in deps.webhooks.recent(query.limit, query.status)]


@router.post("/deliveries/{delivery_id}/retry", responses=documented(404))
async def retry(delivery_id: DeliveryId, deps: Deps, who: ModeSetter) -> DeliveryOut:
    """Send a dead letter again."""
    at = deps.clock.now()
    found = deps.webhooks.retry(delivery_id, at)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no dead letter {delivery_id}")
    deps.audit.record(
        "webhook.retried", who.name, {"delivery": delivery_id, "before": "dead", "after": "waiting"}, at
    )
    return DeliveryOut.of(found)

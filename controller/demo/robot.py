"""A robot operator: approves what is proposed, through the HTTP API and by its digest, as a person would."""

from __future__ import annotations

import asyncio

from controller.client import ApiClient, ApiRefused
from plant.errors import ConfigError

LOOK_EVERY_S = 0.3
_OVERTAKEN = frozenset({"already_decided", "expired", "plant_changed", "held", "digest_mismatch"})


async def approve_everything(api: ApiClient, stopping: asyncio.Event) -> None:
    """Look for a pending proposal and approve it, until told to stop."""
    while not stopping.is_set():
        try:
            await asyncio.to_thread(_approve_pending, api)
        except ConfigError:
            if not stopping.is_set():  # the server goes first, perhaps in the middle of a question
                raise
        try:
            await asyncio.wait_for(stopping.wait(), LOOK_EVERY_S)
        except TimeoutError:
            continue


def _approve_pending(api: ApiClient) -> None:
    for proposal in api.get("/proposals", {"status": "pending", "limit": 1}):
        body = {"decision": "approve", "digest": proposal["digest"], "reason": "demo"}
        try:
            api.post(f"/proposals/{proposal['id']}/decision", body)
        except ApiRefused as refusal:
            if refusal.code not in _OVERTAKEN:  # the plant went on while the robot read: not its fault
                raise

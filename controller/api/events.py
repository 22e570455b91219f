"""Events for whoever is watching: published by the cycle, streamed to consoles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

QUEUE = 100
"""Events a slow watcher may fall behind before the oldest are dropped."""


@dataclass(frozen=True)
class Event:
    """Something happened: a kind and a few facts."""

    number: int
    kind: str
    data: Mapping[str, object]


class EventBus:
    """Fan-out within one event loop. Publishing never waits."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Event]] = set()
        self._number = 0

    @property
    def watched(self) -> bool:
        """Whether anybody is watching."""
        return bool(self._watchers)

    @property
    def drained(self) -> bool:
        """Whether every watcher has taken everything."""
        return all(queue.empty() for queue in self._watchers)

    def publish(self, kind: str, data: Mapping[str, object] | None = None) -> None:
        """Tell every watcher."""
        self._number += 1
        event = Event(self._number, kind, data or {})
        for queue in self._watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    def watch(self) -> asyncio.Queue[Event]:
        """Begin to watch; hand the queue to `leave` when done."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE)
        self._watchers.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Event]) -> None:
        """Stop watching."""
        self._watchers.discard(queue)

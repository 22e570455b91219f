"""Events for whoever is watching: published by the cycle, streamed to consoles, remembered for a while."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

QUEUE = 100
"""Events a slow watcher may fall behind before the oldest are dropped."""
REMEMBERED = 1000
"""Events a watcher may have missed and still get with `Last-Event-ID`."""


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
        self._past: deque[Event] = deque(maxlen=REMEMBERED)
        self._run = secrets.token_hex(4)

    @property
    def watched(self) -> bool:
        """Whether anybody is watching."""
        return bool(self._watchers)

    @property
    def drained(self) -> bool:
        """Whether every watcher has taken everything."""
        return all(queue.empty() for queue in self._watchers)

    def id_of(self, event: Event) -> str:
        """The event's id on the wire: numbers of another run of the program mean nothing in this one."""
        return f"{self._run}-{event.number}"

    def since(self, last_id: str | None) -> list[Event] | None:
        """What came after that id; None where it is not known any more (or never was)."""
        run, _, number = (last_id or "").partition("-")
        if run != self._run or not number.isdecimal() or len(number) > 15:
            return None
        seen = int(number)
        first = self._past[0].number if self._past else self._number + 1
        if not first - 1 <= seen <= self._number:
            return None
        return [event for event in self._past if event.number > seen]

    def publish(self, kind: str, data: Mapping[str, object] | None = None) -> None:
        """Tell every watcher."""
        self._number += 1
        event = Event(self._number, kind, data or {})
        self._past.append(event)
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

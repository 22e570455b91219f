"""Asking a provider: paced, retried a few times, remembered on disk, every failure a value."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2

from plant.ports import Clock
from telemetry.backoff import Backoff
from telemetry.http import HttpFault, get

_TRIES = 3
_LONGEST_WAIT_S = 30.0
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider's JSON, and when it was asked for."""

    data: Any
    asked_at: datetime


@dataclass
class Fetcher:
    """GET of JSON from one provider.

    Attributes
    ----------
    min_interval_s : float
        Requests are at least this far apart (rate limit).
    fresh_s, usable_s : float
        An answer on disk younger than `fresh_s` spares the request; one younger than `usable_s`
        stands in where the provider does not answer.
    """

    client: httpx2.AsyncClient
    clock: Clock
    cache_dir: Path | None = None
    min_interval_s: float = 1.0
    fresh_s: float = 300.0
    usable_s: float = 3 * 3600.0
    sleep: Callable[[float], Any] = asyncio.sleep
    _rng: random.Random = field(default_factory=lambda: random.Random(0))
    _last: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def json(
        self, url: str, params: Mapping[str, str] = _NONE, headers: Mapping[str, str] = _NONE
    ) -> Fetched | HttpFault:
        """The answer, from the provider or from disk. Headers are not part of the question."""
        key = _key(url, params)
        kept = self._kept(key)
        if kept is not None and self._age_s(kept) < self.fresh_s:
            return kept
        answer = await self._ask(url, params, headers)
        if isinstance(answer, Fetched):
            self._keep(key, answer)
            return answer
        if (
            kept is not None
            and self._age_s(kept) < self.usable_s
            and answer.status not in (400, 401, 403, 404)
        ):
            return kept
        return answer

    async def _ask(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> Fetched | HttpFault:
        backoff = Backoff(self._rng, first_s=1.0, most_s=_LONGEST_WAIT_S)
        fault = HttpFault("not asked")
        for attempt in range(_TRIES):
            await self._pace()
            answer = await get(self.client, url, params, headers)
            if not isinstance(answer, HttpFault):
                try:
                    return Fetched(json.loads(answer.text), self.clock.now())
                except ValueError:
                    return HttpFault("the answer is not JSON")
            fault = answer
            again = fault.status is None or fault.status == 429 or fault.status >= 500
            if not again or attempt == _TRIES - 1:
                break
            wait = backoff.failed()
            if fault.retry_after_s is not None:
                wait = fault.retry_after_s
            if wait > _LONGEST_WAIT_S:
                break  # the caller has other things to do; the next cycle asks again
            await self.sleep(wait)
        return fault

    async def _pace(self) -> None:
        async with self._lock:
            now = asyncio.get_running_loop().time()
            wait = self._last + self.min_interval_s - now
            if wait > 0:
                await self.sleep(wait)
            self._last = max(now, self._last + self.min_interval_s)

    def _age_s(self, kept: Fetched) -> float:
        age = (self.clock.now() - kept.asked_at).total_seconds()
        return age if age >= 0 else float("inf")

    def _kept(self, key: str) -> Fetched | None:
        if self.cache_dir is None:
            return None
        try:
            held = json.loads((self.cache_dir / key).read_text(encoding="utf-8"))
            return Fetched(held["data"], datetime.fromisoformat(held["asked_at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None  # none, or half written: ask again

    def _keep(self, key: str, answer: Fetched) -> None:
        if self.cache_dir is None:
            return
        try:
            self.cache_dir.mkdir(parents=True, exist_ok=True)
            partial = self.cache_dir / f"{key}.partial"
            partial.write_text(
                json.dumps({"asked_at": answer.asked_at.isoformat(), "data": answer.data}), encoding="utf-8"
            )
            partial.replace(self.cache_dir / key)
        except OSError:
            return  # a full disk must not cost the answer itself


def _key(url: str, params: Mapping[str, str]) -> str:
    question = json.dumps([url, sorted(params.items())])
    return hashlib.sha256(question.encode()).hexdigest()[:32] + ".json"

"""One way to write a record down, so that equal records have equal bytes and equal digests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from plant.errors import BrokenPromise

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def plain(value: object) -> Json:
    """The JSON form of a value. NaN and infinities become null: missing is never a number."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return str(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case datetime():
            return stamp(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return [*sorted(str(item) for item in value)]
        case _:
            raise BrokenPromise(f"{type(value).__name__} has no JSON form")


def canonical(value: object) -> str:
    """Compact JSON with sorted keys: the same record always gives the same text."""
    return json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )


def digest(value: object) -> str:
    """SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def stamp(instant: datetime) -> str:
    """An aware instant as fixed-width UTC text, so that text order is time order."""
    if instant.tzinfo is None:
        raise BrokenPromise("an instant without a time zone is not stored")
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant(text: str) -> datetime:
    """The instant `stamp` wrote."""
    return datetime.fromisoformat(text)

"""An hour of one point as a few hundred bytes.

Narrow rows cost about 24 bytes a reading in SQLite. Here times are kept as differences, values as
indices into the distinct ones where they are few (a register has a resolution), the bytes of each
array are grouped by significance, and all is deflated. Values come back exactly.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from plant.readings import Quality

CHUNK_S = 3600
_HEADER = struct.Struct("<BIqB")  # version, n, first time [ms], width of a value index
_VERSION = 1

QUALITIES: tuple[Quality, ...] = (
    Quality.GOOD,
    Quality.SUBSTITUTED,
    Quality.STALE,
    Quality.OUT_OF_RANGE,
    Quality.RATE,
    Quality.FLATLINE,
    Quality.OUTVOTED,
    Quality.NOT_AVAILABLE,
    Quality.MISSING,
)
"""A quality's code is its place here. The order is the stored format: append, never change."""
CODE_OF = {quality: code for code, quality in enumerate(QUALITIES)}
GOOD, SUBSTITUTED = CODE_OF[Quality.GOOD], CODE_OF[Quality.SUBSTITUTED]


@dataclass(frozen=True, slots=True)
class Samples:
    """Readings of one point in time order. Arrays of shape (n,).

    `ms` is Unix time [ms], `value` in the inside unit with NaN where there is none, `quality` codes.
    """

    ms: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ms)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which may be used in a calculation."""
        return (self.quality <= SUBSTITUTED) & ~np.isnan(self.value)


EMPTY = Samples(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8))


def pack(samples: Samples) -> bytes:
    """Bytes of at least one sample, in time order, spanning less than 24 days."""
    n = len(samples)
    steps = np.diff(samples.ms, prepend=samples.ms[:1]).astype(np.int32)
    distinct, index = np.unique(samples.value, return_inverse=True)
    if len(distinct) <= 256 and len(distinct) * 2 <= n:
        width, values = 1, distinct.astype("<f8").tobytes() + index.astype(np.uint8).tobytes()
    else:
        width, values = 8, _shuffled(samples.value.astype("<f8"))
    body = _shuffled(steps.astype("<i4")) + samples.quality.tobytes() + values
    return _HEADER.pack(_VERSION, n, int(samples.ms[0]), width) + zlib.compress(body, 1)


def unpack(data: bytes) -> Samples:
    """The samples of `pack`.

    Raises
    ------
    ValueError
        If the bytes are of a later format.
    """
    version, n, first, width = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"history chunk of format {version}; this program reads {_VERSION}")
    body = zlib.decompress(data[_HEADER.size :])
    steps = _unshuffled(body[: 4 * n], "<i4", n)
    quality = np.frombuffer(body, np.uint8, n, 4 * n)
    rest = body[5 * n :]
    if width == 1:
        distinct = np.frombuffer(rest, "<f8", (len(rest) - n) // 8)
        value = distinct[np.frombuffer(rest, np.uint8, n, len(rest) - n)]
    else:
        value = _unshuffled(rest, "<f8", n)
    return Samples(first + np.cumsum(steps, dtype=np.int64), value.astype(float), quality)


def merge(first: Samples, second: Samples) -> Samples:
    """Both in time order; at the same time the second wins."""
    ms = np.concatenate([second.ms, first.ms])
    keep, at = np.unique(ms, return_index=True)
    value = np.concatenate([second.value, first.value])[at]
    return Samples(keep, value, np.concatenate([second.quality, first.quality])[at])


def hours(samples: Samples) -> list[tuple[int, Samples]]:
    """Samples cut at the full hours: (hour's start [s], its samples)."""
    return cut(samples, CHUNK_S)


def cut(samples: Samples, width_s: int) -> list[tuple[int, Samples]]:
    """Samples cut at multiples of ``width_s``."""
    if not len(samples):
        return []
    slot = samples.ms // (1000 * width_s)
    edges = np.flatnonzero(np.diff(slot)) + 1
    bounds = [0, *edges.tolist(), len(samples)]
    return [
        (int(slot[a]) * width_s, Samples(samples.ms[a:b], samples.value[a:b], samples.quality[a:b]))
        for a, b in pairwise(bounds)
    ]


def _shuffled(values: NDArray[np.int32] | NDArray[np.float64]) -> bytes:
    raw = values.view(np.uint8).reshape(len(values), -1)
    return np.ascontiguousarray(raw.T).tobytes()


def _unshuffled(data: bytes, kind: str, n: int) -> NDArray[np.float64]:
    size = np.dtype(kind).itemsize
    raw = np.frombuffer(data, np.uint8, size * n).reshape(size, n)
    return np.ascontiguousarray(raw.T).view(kind).reshape(n)

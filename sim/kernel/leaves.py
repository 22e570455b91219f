"""Nested records of arrays as one flat vector, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def leaves(tree: Any) -> Iterator[Any]:
    """The arrays of a (nested) named tuple, in order."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def rebuild(tree: T, make: Callable[[Any], Any]) -> T:
    """The same record with every array replaced by what `make` gives for it, in order."""
    if isinstance(tree, tuple):
        parts = [rebuild(part, make) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return make(tree)  # type: ignore[no-any-return]


def rebuild_parameters(tree: T, make: Callable[[Any], Any]) -> T:
    """The same for frozen dataclasses: only arrays are replaced; numbers and functions stay."""
    if is_dataclass(tree) and not isinstance(tree, type):
        changed = {f.name: rebuild_parameters(getattr(tree, f.name), make) for f in fields(tree)}
        return replace(tree, **changed)
    if isinstance(tree, tuple) and any(isinstance(part, np.ndarray) for part in tree):
        return tuple(rebuild_parameters(part, make) for part in tree)  # type: ignore[return-value]
    return make(tree) if isinstance(tree, np.ndarray) else tree


def flat(tree: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """All values of a record in one vector."""
    found = [np.ravel(np.asarray(leaf, float)) for leaf in leaves(tree)]
    return np.concatenate(found) if found else np.zeros(0)


def unflat(tree: T, values: np.ndarray[Any, np.dtype[np.float64]]) -> T:
    """A record in the shape of `tree` from a vector (slots,) or (slots, plants): plants come first."""
    at = 0

    def take(leaf: Any) -> Any:
        nonlocal at
        shape = np.shape(leaf)
        size = int(np.prod(shape))
        part = values[at : at + size]
        at += size
        if values.ndim == 1:
            return part.reshape(shape).copy()
        return np.moveaxis(part.reshape(*shape, values.shape[1]), -1, 0).copy()

    return rebuild(tree, take)

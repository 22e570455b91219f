"""One function in a process of its own, which ends with whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from controller.child import Child, ChildEnded
from controller.planner import MISHAPS
from controller.store import StoreUnavailable
from plant.errors import CoolwrightError

_T = TypeVar("_T")
GOES_HOME_S = 20.0
"""How long a process that has answered may clear away what its libraries opened. Nobody is in a hurry."""


class WorkFailed(CoolwrightError):
    """The function raised, or its process ended before it answered."""


async def in_child(work: Callable[..., _T], *arguments: object) -> _T:
    """The function's answer. Cancelled, its process is killed; nobody waits for what nobody wants.

    Raises
    ------
    WorkFailed
        If the function raised anything, or its process died.
    """
    child = Child(_do)
    try:
        error, answer = await child.ask((work, arguments))
        await child.end(GOES_HOME_S)
    except ChildEnded:
        raise WorkFailed(f"the process of {work.__name__} ended before it answered") from None
    finally:
        child.kill()
    if error:
        raise WorkFailed(error)
    done: _T = answer
    return done


def _do(asked: tuple[Callable[..., Any], tuple[object, ...]]) -> tuple[str, object]:
    work, arguments = asked
    try:
        return "", work(*arguments)
    except (*MISHAPS, CoolwrightError, StoreUnavailable) as error:
        return f"{type(error).__name__}: {error}", None

"""One function in a process of its own, which ends with whoever waits for it."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from controller.planner import MISHAPS
from controller.store import StoreUnavailable
from plant.errors import CoolwrightError

_T = TypeVar("_T")
_LOOK_S = 0.5


class WorkFailed(CoolwrightError):
    """The function raised, or its process ended before it answered."""


async def in_child(work: Callable[..., _T], *arguments: object) -> _T:
    """The function's answer. Cancelled, its process is killed; nobody waits for what nobody wants.

    Raises
    ------
    WorkFailed
        If the function raised anything, or its process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        while not await asyncio.to_thread(ours.poll, _LOOK_S):
            pass
        error, answer = await asyncio.to_thread(ours.recv)
    except (EOFError, OSError):
        raise WorkFailed(f"the process of {work.__name__} ended before it answered") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if error:
        raise WorkFailed(error)
    done: _T = answer
    return done


def _do(pipe: Connection, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    try:
        told: tuple[str, object] = ("", work(*arguments))
    except (*MISHAPS, CoolwrightError, StoreUnavailable) as error:
        told = (f"{type(error).__name__}: {error}", None)
    pipe.send(told)

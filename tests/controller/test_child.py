"""A process that hangs, wherever it does, holds nobody up: heartbeat and stop live on the same loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from controller.child import Child, ChildEnded

LARGE = bytes(8 * 2**20)
"""More than any pipe holds: whoever writes it waits until somebody reads."""


def echo(question: object) -> object:
    return question


class Beats:
    """How often the loop got its turn."""

    def __init__(self) -> None:
        self.count = 0

    async def run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0.01)


@contextmanager
def freed_at_last(child: Child) -> Iterator[None]:
    """So that a loop that does wait for a hung process fails the test and does not hang it as well."""
    assert child.pid is not None
    rescue = threading.Timer(5.0, os.kill, (child.pid, signal.SIGKILL))
    rescue.start()
    try:
        yield
    finally:
        rescue.cancel()


async def test_it_answers_each_question_in_turn() -> None:
    child = Child(echo)
    assert [await child.ask(n) for n in (1, 2)] == [1, 2]
    child.kill()
    assert not child.alive


@pytest.mark.parametrize("born", [False, True], ids=["at birth", "before it reads"])
async def test_the_loop_goes_on_while_a_stopped_process_takes_no_question(born: bool) -> None:
    child = Child(echo)
    assert child.pid is not None
    if born:
        await child.ask("are you there")
    os.kill(child.pid, signal.SIGSTOP)
    beats = Beats()
    beating = asyncio.ensure_future(beats.run())
    with freed_at_last(child):
        with pytest.raises(TimeoutError):
            await child.ask(LARGE, within_s=0.3)
        child.kill()
    beating.cancel()
    assert beats.count >= 10
    assert not child.alive, "SIGTERM would have to wait for SIGCONT"


async def test_what_dies_is_told_at_once() -> None:
    child = Child(os._exit)
    began = time.monotonic()
    with pytest.raises(ChildEnded):
        await child.ask(3, within_s=600.0)
    child.kill()
    assert time.monotonic() - began < 600.0


@pytest.mark.parametrize(("hung", "code"), [(False, 0), (True, -signal.SIGKILL)])
async def test_what_is_let_go_goes_by_itself_and_what_hangs_is_killed(hung: bool, code: int) -> None:
    child = Child(echo)
    assert await child.ask("there?") == "there?"
    assert child.pid is not None
    if hung:
        os.kill(child.pid, signal.SIGSTOP)
    await child.end(within_s=0.5 if hung else 20.0)
    # A process that was killed leaves behind what its libraries opened; one that went home does not.
    assert child._process.exitcode == code

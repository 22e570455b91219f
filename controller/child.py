"""A process of its own at the end of a pipe, which nobody but a thread of its own ever waits for.

A process that hangs may hang anywhere: before it has heard what it is for, with half a question taken, with
half an answer given. So the event loop, on which the heartbeat and the stop live, neither writes to it nor
reads from it. The thread that does is freed by the process's death, and a hung one is killed, not asked.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from plant.errors import CoolwrightError


class ChildEnded(CoolwrightError):
    """The process ended before it answered."""


@dataclass(frozen=True, slots=True)
class _Gone:
    """What the thread found in place of an answer."""

    why: str


class Child:
    """One process that answers questions, one after the other, with ``answers``."""

    def __init__(self, answers: Callable[[Any], object]) -> None:
        """Start it. It has modules to load; nobody waits for that before the first question."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # Only the pipe goes along: what a process is started with is written to it by its starter, who
        # would wait for ever for one that hangs at birth.
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._lane = ThreadPoolExecutor(1, thread_name_prefix="child")
        self._told = self._lane.submit(self._pipe.send, answers)
        self._over = False

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """The process's number."""
        return self._process.pid

    async def ask(self, question: object, within_s: float | None = None) -> Any:
        """Its answer. After a failure or a cancellation `kill` it: its answer would be taken for the next.

        Raises
        ------
        TimeoutError
            If it did not answer in time.
        ChildEnded
            If it died first.
        """
        asking = asyncio.get_running_loop().run_in_executor(self._lane, self._exchange, question)
        done, _ = await asyncio.wait({asking}, timeout=within_s)
        if not done:
            raise TimeoutError
        answer = asking.result()
        if isinstance(answer, _Gone):
            raise ChildEnded(answer.why)
        return answer

    async def end(self, within_s: float = 5.0) -> None:
        """Let it go home, which clears away what its libraries opened; who does not in time is killed."""
        self._lane.submit(self._pipe.close)
        await asyncio.to_thread(self._process.join, within_s)
        self.kill()

    def kill(self) -> None:
        """End it, whatever it is at; a stopped process dies of this too. Safe to repeat."""
        self._process.kill()
        self._process.join()
        if self._over:
            return
        self._over = True
        # Its death has freed the thread, which closes the pipe when it is done with it.
        self._lane.submit(self._pipe.close)
        self._lane.shutdown(wait=False)

    def _exchange(self, question: object) -> object:
        try:
            self._told.result()
            self._pipe.send(question)
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            return _Gone(repr(error))


def _serve(pipe: Connection) -> None:
    """The process: answer until the other end closes. A death closes the pipe, which is an answer too."""
    try:
        answers = pipe.recv()
        while True:
            pipe.send(answers(pipe.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return

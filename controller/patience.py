"""Nobody waits twice for a database that does not answer.

The one who waits for it is the event loop, on which the heartbeat, the stop and every answer to a person
live. So the first wait in vain is the last: from then on a thread of its own waits, everybody else is told
no at once, and when the thread has had its answer all goes on as before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

_log = logging.getLogger(__name__)

PAUSE_S = 0.2
"""Between two questions of the thread, where a refusal comes at once."""


class Patience:
    """Watches what is asked of the database in one way, and says no while it is known not to answer."""

    def __init__(self, way: str, asks: Callable[[], None], wait_s: float) -> None:
        """``way`` says what is done; ``asks`` does it once; ``wait_s`` is how long it may wait."""
        self._way = way
        self._asks = asks
        self._wait_s = wait_s
        self._in_vain = threading.Event()
        self._over = threading.Event()
        self.answered = True
        """Whether the last one who asked was answered."""

    @contextmanager
    def once(self, told: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Ask in the ``with`` block; ``told`` says at its end whether that tells anything of the database.

        Raises
        ------
        SQLAlchemyError
            At once, where somebody has waited in vain and no answer has come since.
        """
        if self._in_vain.is_set():
            raise SQLAlchemyError(f"{self._way} the database was waited for in vain a moment ago")
        began = time.monotonic()
        try:
            yield
        except DBAPIError as error:
            self.answered = False
            # A quick refusal costs nothing to try again; a wait stalls everything else.
            if isinstance(error, OperationalError) and time.monotonic() - began > self._wait_s / 2:
                self._give_up()
            raise
        self.answered = self.answered or told()

    def end(self) -> None:
        """Nobody asks any more; the thread, if there is one, goes home."""
        self._over.set()

    def _give_up(self) -> None:
        self._in_vain.set()
        _log.warning("%s the database was waited for in vain; nobody waits until it answers", self._way)
        threading.Thread(target=self._wait, name=f"database, {self._way}", daemon=True).start()

    def _wait(self) -> None:
        try:
            while not self._over.wait(PAUSE_S):
                if self._asked():
                    self.answered = True
                    _log.warning("%s the database is possible again", self._way)
                    return
        finally:
            self._in_vain.clear()

    def _asked(self) -> bool:
        try:
            self._asks()
        except SQLAlchemyError:
            return False
        return True

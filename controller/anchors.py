"""Anchors: the audit log's head, written down where the database cannot reach it.

Who can rewrite the whole database can forge a whole chain. So the head goes, every hour and at the
start and end, onto the end of a file of its own and into the program's log; a chain that was written
anew does not contain those hashes. Unless told, the file lies in another folder than the database, but
still with the same user: point it at a mounted share, or ship it (or the log) to another machine;
`coolwright audit verify --anchor FILE` wants nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from controller.alarms import AlarmBook, AlarmKind
from controller.audit import AuditHead, AuditLog
from controller.canonical import stamp
from controller.store import StoreUnavailable
from plant.errors import ConfigError
from plant.ports import Clock

_log = logging.getLogger("controller.audit.anchor")

EVERY = timedelta(hours=1)


class AnchorFile:
    """An append-only text file: a line of time, number and hash for each head noted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, head: AuditHead, at: str) -> None:
        """Add a line, and wait until it is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            file.write(f"{at} {head.seq} {head.hash}\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Mapping[int, str]:
        """Every head noted, by its number.

        Raises
        ------
        ConfigError
            If the file cannot be read, or a line of it is not an anchor.
        """
        try:
            return dict(self._lines())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"anchor file {self.path}", f"cannot be read ({error})", "give the right file"
            ) from None

    def _lines(self) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(self.path.read_text(encoding="ascii").splitlines(), 1):
            words = line.split()
            if len(words) != 3 or not words[1].isdigit() or len(words[2]) != 64:
                raise ConfigError(
                    f"anchor file {self.path}", f"line {number} is not an anchor", "restore it from its copy"
                )
            yield int(words[1]), words[2]


def beside_database(anchor: Path, database: Path | None) -> str:
    """What is to be said of an anchor in the database's own folder; nothing of one elsewhere."""
    if database is None or anchor.resolve().parent != database.resolve().parent:
        return ""
    return f"the audit anchor {anchor} lies beside its database: set COOLWRIGHT_AUDIT_ANCHOR to another place"


class Anchoring:
    """Notes the head now and then, and looks whether the log still contains what was noted."""

    def __init__(
        self,
        audit: AuditLog,
        alarms: AlarmBook,
        file: AnchorFile,
        clock: Clock,
        database: Path | None = None,
    ) -> None:
        self._audit = audit
        self._alarms = alarms
        self._file = file
        self._clock = clock
        self._noted: AuditHead | None = None
        self._beside = beside_database(file.path, database)
        self._failed = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should mend, if anything: an anchor in the database's own folder proves little."""
        return tuple(said for said in (self._beside, self._failed) if said)

    async def run(self) -> None:
        """Check and note every hour of the site's clock, and once more at the end."""
        try:
            while True:
                await self.note()
                await self._clock.sleep_until(self._clock.now() + EVERY)
        finally:
            self._note_head()

    async def note(self) -> None:
        """Check the log against the anchors and, if it is whole, add its head."""
        try:
            finding = await asyncio.to_thread(self._check)
        except StoreUnavailable:
            return  # the lost store is an alarm of its own
        at = self._clock.now()
        self._alarms.hold_to(AlarmKind.AUDIT_BROKEN, "site", bool(finding), finding, at)
        if not finding:
            self._note_head()

    def _check(self) -> str:
        """What is wrong with the log or the anchors, or nothing."""
        try:
            anchors = self._file.read() if self._file.path.exists() else {}
        except ConfigError as error:
            return str(error)
        finding = self._audit.verify(anchors)
        return "" if finding is None else f"record {finding.seq}: {finding.problem}"

    def _note_head(self) -> None:
        try:
            head = self._audit.head()
            if head == self._noted or head.seq == 0:
                return
            if head.seq > 1 and not self._file.path.exists():
                _log.warning("%s begins at record %d: there was no such file", self._file.path, head.seq)
            self._file.append(head, stamp(self._clock.now()))
        except StoreUnavailable as error:
            _log.warning("the audit log's head could not be noted: %s", error)
            return
        except OSError as error:
            self._failed = (
                f"the audit log is not anchored: {self._file.path} cannot be written ({error.strerror})"
            )
            _log.warning("%s", self._failed)
            return
        self._failed, self._noted = "", head
        _log.info("audit anchor %d %s", head.seq, head.hash)

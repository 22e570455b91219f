"""The baseline that savings are told against: fitted once on the site as found, kept, and changed on record.

A baseline fitted anew every month would drift with our own running of the site, and raw data leave the
historian after a while. So the model itself is kept, with its window and hash; whoever replaces it says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.modes import SYSTEM
from controller.store import Store
from controller.tables import BASELINES
from plant.errors import ConfigError
from reports.baseline_model import BaselineModel


@dataclass(frozen=True)
class KeptBaseline:
    """A baseline as it was adopted."""

    number: int
    model: BaselineModel
    sha256: str
    by: str
    adopted_at: datetime
    reason: str


class BaselineBook:
    """Every baseline that was ever adopted; the last one is in force."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    @property
    def in_force(self) -> KeptBaseline | None:
        """The one savings are told against; None before the first.

        Raises
        ------
        ConfigError
            If what is kept is not what was adopted.
        """
        kept = self._rows(limit=1)
        return kept[0] if kept else None

    def all(self) -> list[KeptBaseline]:
        """Every one, newest first."""
        return self._rows(limit=None)

    def adopt(self, model: BaselineModel, *, by: str, at: datetime, reason: str) -> KeptBaseline:
        """Put a baseline in force from now on.

        Raises
        ------
        ConfigError
            If one is in force and no reason is given, or the new one does not qualify.
        """
        before = self.in_force
        if not model.qualified:
            why = "; ".join(model.reasons) or "it was not fitted"
            raise ConfigError(f"baseline {model.id}", f"does not qualify ({why})", "choose another window")
        if before is not None and not reason:
            raise ConfigError(
                f"baseline {before.model.id}", "is in force", "say with --reason why it is replaced"
            )
        text = model.to_json()
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        window = model.fitted_range
        with self._store.transaction() as tx:
            number = 1 if before is None else before.number + 1
            tx.execute(
                insert(BASELINES).values(
                    number=number,
                    model=text,
                    sha256=sha256,
                    by=by,
                    adopted_at=stamp(at),
                    reason=reason,
                )
            )
            what = {
                "number": number,
                "model": model.id,
                "sha256": sha256,
                "from": None if window is None else window.start,
                "to": None if window is None else window.end,
                "replaces": None if before is None else before.model.id,
                "reason": reason,
            }
            self._audit.record("baseline.adopted", by, what, at)
        return KeptBaseline(number, model, sha256, by, at, reason)

    def settle(self, fitted: BaselineModel | None, at: datetime) -> BaselineModel | None:
        """What to tell savings against: what is in force; else the first that qualifies, which is kept."""
        kept = self.in_force
        if kept is not None:
            return kept.model
        if fitted is not None and fitted.qualified:
            self.adopt(fitted, by=SYSTEM, at=at, reason="the first that qualifies")
        return fitted

    def _rows(self, limit: int | None) -> list[KeptBaseline]:
        query = select(BASELINES).order_by(BASELINES.c.number.desc()).limit(limit)
        return [_kept(row) for row in self._store.rows(query)]


def _kept(row: Mapping[str, Any]) -> KeptBaseline:
    if hashlib.sha256(row["model"].encode()).hexdigest() != row["sha256"]:
        raise ConfigError(
            f"baseline number {row['number']}",
            "was changed after it was adopted",
            "restore the database from a backup, or adopt another with a reason",
        )
    return KeptBaseline(
        row["number"],
        BaselineModel.from_json(row["model"]),
        row["sha256"],
        row["by"],
        instant(row["adopted_at"]),
        row["reason"],
    )

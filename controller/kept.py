"""What a report needs of a controller's own database: the baseline in force, and the switchbacks run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from controller.audit import AuditLog
from controller.baselines import BaselineBook
from controller.store import Store
from controller.switchback_kept import recorded_runs
from reports.baseline_model import BaselineModel
from reports.switchback_record import RunRecord


@dataclass(frozen=True)
class Kept:
    """What a controller wrote down about one site."""

    baseline: BaselineModel | None = None
    runs: tuple[RunRecord, ...] = ()


def kept_for_reports(url: str, site_id: str) -> Kept:
    """What is kept in a database; nothing where there is none yet, and no baseline of another site."""
    file = make_url(url).database
    if url.startswith("sqlite") and (not file or not Path(file).is_file()):
        return Kept()
    store = Store(url)
    try:
        kept = BaselineBook(store, AuditLog(store)).in_force
        if kept is not None and kept.model.site_id != site_id:
            return Kept()
        return Kept(None if kept is None else kept.model, tuple(recorded_runs(store)))
    finally:
        store.close()

"""The store: accounts, snapshots and plans; an older one is widened. Crashes: test_crash_at_every_step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from supervision_kit import A_AIR, room

from controller.rollout import Rollout
from controller.scorecard import Seen
from controller.store import Store, sqlite_url
from plant.errors import ConfigError


def test_accounts_snapshots_and_plans_are_kept_and_pruned(tmp_path: Path) -> None:
    r = room(sqlite_url(tmp_path / "c.db"))
    r.store.append_ledger({"facility_kwh": 10.0, "baseline_kwh": 12.0, "note": "x"}, r.now)
    r.store.append_ledger({"facility_kwh": 11.0, "baseline_kwh": float("nan")}, r.now)
    r.store.save_snapshot(r.now, {"zone-a": 22.0})
    r.store.save_plan("plan-1", r.now, {"status": "optimal"})
    again = Store(sqlite_url(tmp_path / "c.db"))
    assert again.ledger_totals() == {"facility_kwh": 21.0, "baseline_kwh": 12.0}
    assert again.ledger()[1][1]["baseline_kwh"] is None
    assert again.plan("plan-1") == {"status": "optimal"}
    again.prune(r.now + timedelta(days=1))
    assert again.plan("plan-1") is None
    assert len(again.ledger()) == 2


@pytest.mark.parametrize("url", ["not a url", "sqlite:////nowhere/at/all/c.db"])
def test_a_store_that_cannot_be_opened_is_one_clear_line(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(url)
    assert "\n" not in str(caught.value)


def test_a_database_of_an_earlier_release_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "old.db")
    r = room(url)
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    with r.store.transaction() as tx:
        tx.execute(text("ALTER TABLE proposals DROP COLUMN decision_code"))
        tx.execute(text("ALTER TABLE scores DROP COLUMN forecast_judged"))
    r.store.close()
    again = room(url)
    found = again.desk.get(p.id)
    assert found is not None
    assert found.decision_code is None
    assert found.seal() == p.digest
    Rollout(again.store, again.audit, again.site).scores.observe(again.site.zones[0].id, again.now, Seen(0.1))

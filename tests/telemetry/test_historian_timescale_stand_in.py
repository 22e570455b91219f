"""The TimescaleDB branch in a real PostgreSQL, with stand-ins for the extension's functions.

No TimescaleDB could be had where this was written (not in Debian, not on the package registries). So
PostgreSQL itself parses and runs every statement, with the documented signatures behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from end_to_end.postgres import postgres_server
from sqlalchemy import create_engine, text
from telemetry_kit import NOON, point, small_site

from plant.points import PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from telemetry.historian import Historian
from telemetry.historian.timescale import COMPRESSION

pytestmark = pytest.mark.peer

SITE = small_site([point("power", Quantity.IT_POWER)])
POWER = PointId("power")
STAND_IN = Path(__file__).parent / "peers" / "timescale_stand_in.sql"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_server() as found:
        run(found, STAND_IN.read_text(encoding="utf-8"))
        yield found


def run(url: str, statement: str, *parameters: object) -> list[Any]:
    import psycopg

    plain = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        done = connection.execute(statement.encode(), parameters or None)
        return done.fetchall() if done.description else []


def filled(url: str) -> Historian:
    """Thirty days of a reading every ten minutes."""
    historian = Historian(url)
    steps = [NOON + timedelta(minutes=10 * i) for i in range(30 * 144)]
    historian.append([Reading(POWER, at, 100.0 + i % 7, Quality.GOOD) for i, at in enumerate(steps)])
    return historian


def test_tables_become_hypertables_and_history_reads_as_from_sqlite(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        historian = filled(url)
    assert historian._writer.timescale is not None
    assert run(url, "SELECT relation::text, by_column, width FROM partitioned ORDER BY 1") == [
        ("history_chunks", "start_s", 7 * 86_400),
        ("history_rollups", "start_s", 90 * 86_400),
    ]
    # PostgreSQL does not know the option: as with a build without compression, that is said.
    assert "history stays uncompressed by TimescaleDB" in caplog.text
    plain = filled("sqlite://")
    span = (NOON, NOON + timedelta(days=30))
    ours, theirs = (h.history(SITE, *span, 3600).values for h in (historian, plain))
    assert ours.equals(theirs)
    historian.close()


def test_opening_it_again_with_rows_in_it_changes_nothing(url: str) -> None:
    before = run(url, "SELECT count(*) FROM history_chunks")
    again = Historian(url)
    assert again._writer.timescale is not None
    assert run(url, "SELECT count(*) FROM history_chunks") == before
    again.close()


def test_the_statements_of_compression_but_the_option_itself_are_taken(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in COMPRESSION:
            if not statement.startswith("ALTER TABLE"):
                connection.execute(text(statement))
    engine.dispose()
    (told,) = run(url, "SELECT relation, argument FROM told WHERE call = 'add_compression_policy'")
    assert told == ("history_rollups", f"{180 * 86_400} bigint")
    ((seconds,),) = run(url, "SELECT history_now_s() - extract(epoch FROM now())::bigint")
    assert abs(seconds) <= 1


def test_retention_drops_whole_partitions_and_deletes_the_rest_singly(url: str) -> None:
    historian = Historian(url)
    cut = NOON + timedelta(days=10)
    historian.forget(cut + timedelta(days=400))  # minutes are kept for 400 days
    ((argument,),) = run(url, "SELECT argument FROM told WHERE call = 'drop_chunks'")
    assert argument == f"{int(cut.timestamp())} bigint"
    ((oldest,),) = run(url, "SELECT min(start_s) FROM history_chunks")
    assert oldest >= int(cut.timestamp()) - 3600
    kept = historian.samples([POWER], cut, NOON + timedelta(days=30))[POWER]
    assert len(kept) == 20 * 144
    historian.close()

"""TimescaleDB's branch, against a recorded server: what is sent, and that plain databases get none of it.

A real PostgreSQL with stand-ins for the extension's functions is in `test_historian_timescale_stand_in`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from telemetry.historian import Historian
from telemetry.historian.tables import chunks, rollups
from telemetry.historian.timescale import COMPRESSION, PARTITIONS, Timescale, timescale_of


@dataclass
class Recorded:
    """A connection that keeps what it is told and answers with an extension's version."""

    version: str | None = None
    backend: str = "postgresql"
    refuses: str = ""
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def dialect(self) -> SimpleNamespace:
        return SimpleNamespace(name=self.backend)

    def begin_nested(self) -> AbstractContextManager[None]:
        return nullcontext()

    def execute(self, statement: object, parameters: dict[str, Any] | None = None) -> SimpleNamespace:
        if self.refuses and self.refuses in str(statement):
            raise ProgrammingError(str(statement), {}, Exception("functionality not supported"))
        self.said.append((str(statement), parameters or {}))
        return SimpleNamespace(scalar=lambda: self.version)


@pytest.mark.parametrize(
    ("version", "found"),
    [("2.17.2", (2, 17)), ("2.13.0-dev", (2, 13)), ("3.0", (3, 0)), ("2.12.4", None), (None, None)],
)
def test_the_extension_is_used_where_it_is_and_new_enough(
    version: str | None, found: tuple[int, int] | None
) -> None:
    known = timescale_of(Recorded(version))  # type: ignore[arg-type]
    assert (None if known is None else known.version) == found


def test_sqlite_is_not_even_asked() -> None:
    connection = Recorded("2.17.2", backend="sqlite")
    assert timescale_of(connection) is None  # type: ignore[arg-type]
    assert connection.said == []


def test_tables_that_grow_are_partitioned_by_a_column_of_their_key() -> None:
    said = " ".join((*PARTITIONS, *COMPRESSION))
    for table in (chunks, rollups):
        assert f"create_hypertable('{table.name}', by_range('start_s'" in said
        # TimescaleDB: every unique key of a hypertable must contain the partitioning column
        assert "start_s" in [column.name for column in table.primary_key]
    assert said.count("if_not_exists => TRUE") == 3


def test_old_rollups_are_compressed_by_width_and_point() -> None:
    said = [s for s in COMPRESSION if "compress" in s]
    assert "compress_segmentby = 'width_s, point'" in said[0]
    assert f"add_compression_policy('{rollups.name}'" in said[1]
    order = [i for i, s in enumerate(COMPRESSION) if "set_integer_now_func" in s or s in said]
    assert order == sorted(order), "a policy over integers needs to know what now is"


def test_set_up_says_every_statement_once() -> None:
    connection = Recorded()
    Timescale((2, 17)).set_up(connection)  # type: ignore[arg-type]
    assert [said for said, _ in connection.said] == [*PARTITIONS, *COMPRESSION]


def test_a_build_without_compression_is_used_without_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    connection = Recorded(refuses="timescaledb.compress")
    Timescale((2, 17)).set_up(connection)  # type: ignore[arg-type]
    assert [said for said, _ in connection.said][: len(PARTITIONS)] == list(PARTITIONS)
    assert "functionality not supported" in caplog.text


def test_where_the_extension_refuses_the_tables_stay_plain_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = Recorded(refuses="create_hypertable")
    assert not Timescale((2, 17)).set_up(connection)  # type: ignore[arg-type]
    assert connection.said == []
    assert "kept in plain tables" in caplog.text


def test_retention_drops_whole_partitions_by_the_integer_time() -> None:
    connection = Recorded()
    Timescale((2, 17)).drop_before(connection, 1_700_000_000)  # type: ignore[arg-type]
    ((said, parameters),) = connection.said
    assert "drop_chunks" in said
    assert parameters == {"relation": "history_chunks", "before_s": 1_700_000_000}


def test_a_plain_database_has_none_of_it() -> None:
    assert Historian("sqlite://")._writer.timescale is None

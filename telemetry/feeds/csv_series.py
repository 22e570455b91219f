"""A CSV of one quantity over time, checked as it is read."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from plant.errors import ConfigError
from plant.forecast import Nature


def read_series(path: Path, columns: Sequence[str]) -> tuple[str, list[tuple[datetime, float]]]:
    """Which of ``columns`` the file has, and its values in time order; empty cells are NaN.

    The column ``time`` is ISO 8601 with its zone.

    Raises
    ------
    ConfigError
        Naming the file, the line and the mend.
    """
    where = f"file {path}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise ConfigError(where, reason, "give a readable UTF-8 CSV file") from None
    reader = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    header = reader.fieldnames or []
    column = next((name for name in columns if name in header), None)
    if "time" not in header or column is None:
        raise ConfigError(where, "lacks a column", f"give time and one of {', '.join(columns)}")
    found: list[tuple[datetime, float]] = []
    for n, row in enumerate(reader, 2):
        try:
            at = datetime.fromisoformat(row["time"])
            cell = (row[column] or "").strip()
            value = float(cell) if cell else math.nan
        except (ValueError, TypeError):
            raise ConfigError(f"{where}, line {n}", "is not a time and a number", "correct it") from None
        if at.tzinfo is None:
            raise ConfigError(
                f"{where}, line {n}", "has a time without a zone", "write UTC times, ending in Z"
            )
        found.append((at.astimezone(UTC), value))
    return column, sorted(found)


def stated_nature(path: Path) -> Nature:
    """What a comment line (``# measured``) says the numbers of a file are; `UNSTATED` without one."""
    stated = {str(nature): nature for nature in Nature}
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if line.startswith("#") and line.removeprefix("#").strip().lower() in stated:
            return stated[line.removeprefix("#").strip().lower()]
    return Nature.UNSTATED

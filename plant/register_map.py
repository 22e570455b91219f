"""Register maps as CSV, the form integrators exchange: one line a point, beside the site file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from plant.errors import ConfigError
from plant.points import GatewayId, ModbusAddress, PointId
from plant.site_schema import ModbusIn

COLUMNS = ("point", "table", "address", "type", "scale", "offset", "word_order", "bit", "device_id", "values")
_NEEDED = ("point", "table", "address")


def load_register_map(path: Path, gateway: GatewayId) -> Mapping[PointId, ModbusAddress]:
    """Read a register map; each address belongs to ``gateway``.

    Columns: point, table, address (0-based), and optionally type, scale, offset, word_order, bit,
    device_id, values (``0=0 3=1``); empty cells take the defaults. Lines that begin with ``#`` are skipped.

    Raises
    ------
    ConfigError
        Naming the file, the line and the mend.
    """
    found: dict[PointId, ModbusAddress] = {}
    for line, row in _rows(path):
        where = f"register map {path}, line {line}"
        cells = {k: v.strip() for k, v in row.items() if k and k != "point" and v and v.strip()}
        point = PointId((row.get("point") or "").strip())
        if not point:
            raise ConfigError(where, "names no point", "give the id of a point of the site file")
        if point in found:
            raise ConfigError(where, f"point {point} is in the map twice", "keep one line")
        try:
            address = ModbusIn.model_validate({**cells, "gateway": gateway or "map"})
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(
                f"{where}, column {first['loc'][0]}", first["msg"], f"correct {first.get('input')!r}"
            ) from None
        found[point] = ModbusAddress(**{**address.model_dump(), "gateway": gateway})
    return found


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise ConfigError(f"register map {path}", reason, "give a readable UTF-8 CSV file") from None
    numbered = [(n, s) for n, s in enumerate(text.splitlines(), 1) if s.strip() and not s.startswith("#")]
    if not numbered:
        raise ConfigError(f"register map {path}", "is empty", f"begin with the columns {','.join(COLUMNS)}")
    header = [name.strip() for name in next(csv.reader([numbered[0][1]], delimiter=_delimiter(numbered)))]
    for name in header:
        if name not in COLUMNS:
            raise ConfigError(
                f"register map {path}", f"has an unknown column {name!r}", f"use {', '.join(COLUMNS)}"
            )
    for name in _NEEDED:
        if name not in header:
            raise ConfigError(f"register map {path}", f"has no column {name!r}", "add it")
    lines = [s for _, s in numbered[1:]]
    reader = csv.DictReader(lines, fieldnames=header, delimiter=_delimiter(numbered))
    return [(n, dict(row)) for (n, _), row in zip(numbered[1:], reader, strict=True)]


def _delimiter(numbered: list[tuple[int, str]]) -> str:
    # A spreadsheet in much of Europe writes semicolons.
    return ";" if ";" in numbered[0][1] else ","

"""Reading what the operator supplied: YAML in, a frozen `Supplied` out, or one line about what is wrong."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from plant.errors import ConfigError
from plant.yaml_file import YamlFile
from reports.supplied import (
    Contract,
    ContractKind,
    Fact,
    Factor,
    Fuel,
    HourlyVolume,
    Supplied,
    local_midnight,
    sha256_of,
)

Positive = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1, max_length=400)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FactorIn(_Part):
    """An emission factor with its source."""

    g_per_kwh: float = Field(ge=0)
    source: Text
    year: int = Field(ge=1990, le=2100)


class SpanIn(_Part):
    """Local days, both included."""

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _in_order(self) -> SpanIn:
        if self.last_day < self.first_day:
            raise ValueError("last_day is before first_day")
        return self


class ContractIn(SpanIn):
    """Electricity with a factor of its own."""

    id: Text
    kind: ContractKind
    kwh: Positive | None = None
    share: float = Field(1.0, gt=0, le=1)
    renewable: bool = False
    factor: FactorIn
    evidence: Text
    hourly: Path | None = None
    """CSV with `time` (UTC start of an hour) and `kwh`: for matching hour by hour, beside the volume."""

    @model_validator(mode="after")
    def _certificates_have_a_volume(self) -> ContractIn:
        if self.kwh is None and self.kind is not ContractKind.SUPPLIER:
            raise ValueError("only a supplier's rate may go without kwh")
        return self


class FuelIn(SpanIn):
    """Fuel burned on site."""

    id: Text
    fuel: Text
    amount: float = Field(ge=0)
    unit: Text
    kwh_per_unit: Positive
    kg_co2e_per_unit: float = Field(ge=0)
    source: Text
    year: int = Field(ge=1990, le=2100)
    evidence: Text


class FactIn(_Part):
    """A field's value; without days it holds for every period."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
    value: float | Text | date
    first_day: date | None = None
    last_day: date | None = None
    source: Text
    evidence: Text

    @model_validator(mode="after")
    def _both_days_or_none(self) -> FactIn:
        if (self.first_day is None) is not (self.last_day is None):
            raise ValueError("give both first_day and last_day, or neither")
        return self


class MarginalIn(_Part):
    """A feed of marginal intensity."""

    provider: Text
    region: Text
    path: Path | None = None


class SuppliedFile(_Part):
    """The whole file."""

    schema_version: Literal[1]
    contracts: list[ContractIn] = []
    fuels: list[FuelIn] = []
    facts: list[FactIn] = []
    residual_mix: FactorIn | None = None
    grid_average: FactorIn | None = None
    marginal: MarginalIn | None = None

    @model_validator(mode="after")
    def _ids_once(self) -> SuppliedFile:
        ids = [*(c.id for c in self.contracts), *(f.id for f in self.fuels)]
        if len(set(ids)) != len(ids):
            raise ValueError("two contracts or fuels have the same id")
        return self


def load_supplied(path: Path | None, timezone: str) -> Supplied:
    """Read a file; without a path nothing is supplied.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the mend.
    """
    if path is None:
        return Supplied()
    file = YamlFile(path, "reporting file", "name the one there is", "begin it with `schema_version: 1`")
    return _supplied(file.described(SuppliedFile), path, timezone, file.text())


def _supplied(d: SuppliedFile, path: Path, timezone: str, text: str) -> Supplied:
    def span(part: SpanIn) -> tuple[datetime, datetime]:
        return _start(part.first_day, timezone), _start(part.last_day + timedelta(days=1), timezone)

    def factor(part: FactorIn | None, kind: str) -> Factor | None:
        return Factor(part.g_per_kwh, part.source, part.year, kind) if part else None

    marginal = d.marginal
    order = list(ContractKind)
    ordered = sorted(d.contracts, key=lambda c: (order.index(c.kind), c.first_day, c.id))
    hourly = tuple(v for c in ordered if (v := _hourly(c, path.parent)) is not None)
    return Supplied(
        contracts=tuple(
            Contract(
                c.id,
                c.kind,
                *span(c),
                c.kwh,
                c.share,
                c.renewable,
                Factor(c.factor.g_per_kwh, c.factor.source, c.factor.year, f"contractual ({c.kind})"),
                c.evidence,
            )
            for c in d.contracts
        ),
        fuels=tuple(
            Fuel(
                f.id,
                f.fuel,
                *span(f),
                f.amount,
                f.unit,
                f.kwh_per_unit,
                f.kg_co2e_per_unit,
                f.source,
                f.year,
                f.evidence,
            )
            for f in d.fuels
        ),
        facts=tuple(_fact(f, timezone) for f in d.facts),
        residual_mix=factor(d.residual_mix, "residual mix"),
        grid_average=factor(d.grid_average, "grid average"),
        marginal_provider={
            "provider": marginal.provider,
            "region": marginal.region,
            "path": str(path.parent / marginal.path) if marginal.path else "",
        }
        if marginal
        else {},
        hourly=hourly,
        file=path,
        # The hash of everything supplied: the file, then the series it names.
        sha256=sha256_of(
            text + "".join((path.parent / c.hourly).read_text("utf-8") for c in ordered if c.hourly)
        ),
    )


def _hourly(contract: ContractIn, folder: Path) -> HourlyVolume | None:
    """The hourly series of a contract.

    Raises
    ------
    ConfigError
        If it cannot be read, or is not of whole hours once each.
    """
    if contract.hourly is None:
        return None
    path, kwh = folder / contract.hourly, {}
    where = f"hourly series {path}"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                hour = datetime.fromisoformat(row["time"])
                hour = (hour if hour.tzinfo else hour.replace(tzinfo=UTC)).astimezone(UTC)
                if hour in kwh or hour.minute or hour.second or not float(row["kwh"]) >= 0:
                    raise ValueError(f"hour {row['time']} is not a whole one, comes twice or is negative")
                kwh[hour] = float(row["kwh"])
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        mend = "give a CSV with the columns time (UTC start of an hour) and kwh"
        raise ConfigError(where, f"cannot be read ({error})", mend) from None
    factor = Factor(
        contract.factor.g_per_kwh, contract.factor.source, contract.factor.year, f"hourly ({contract.kind})"
    )
    return HourlyVolume(contract.id, kwh, factor, contract.evidence)


def _fact(f: FactIn, timezone: str) -> Fact:
    value = f.value.isoformat() if isinstance(f.value, date) else f.value
    if f.first_day is None or f.last_day is None:
        return Fact(f.key, value, None, None, f.source, f.evidence)
    start, end = _start(f.first_day, timezone), _start(f.last_day + timedelta(days=1), timezone)
    return Fact(f.key, value, start, end, f.source, f.evidence)


def _start(day: date, timezone: str) -> datetime:
    return local_midnight(day, timezone).astimezone(UTC)

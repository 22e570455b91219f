"""Regulation profiles: which fields an authority or a standard wants, read from data, filled from a report.

A profile is a YAML file in `reports/profiles/`. Each field says where its value comes from: a metered
figure, a KPI, a row of the carbon statement, contracts, the site file, or the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from plant.errors import ConfigError
from reports.carbon import Basis
from reports.figures import Figure
from reports.kpis import KpiKey

_FOLDER = Path(__file__).parent / "profiles"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Renewable(StrEnum):
    """Which renewable electricity a field counts."""

    ALL = "all"
    PURCHASED = "purchased"
    CERTIFICATE = "certificate"
    PPA = "ppa"
    ON_SITE = "on_site"


class SiteFact(StrEnum):
    """What the site file itself can tell."""

    IT_DESIGN_KW = "it_design_kw"


class Limit(_Part):
    """A bound on a field's value, in force from a day on, for sites that started in a span of time."""

    max: float | None = None
    min: float | None = None
    in_force: Annotated[date, Field(alias="from")]
    started_before: date | None = None
    started_from: date | None = None
    note: str = ""


class ProfileField(_Part):
    """One field: what it is called and where its value comes from (exactly one source)."""

    key: str
    label: str
    unit: str
    code: str = ""
    codes: dict[str, str] = {}
    scale: float = 1.0
    verified: bool
    figure: Figure | None = None
    kpi: KpiKey | None = None
    carbon: Basis | None = None
    renewable: Renewable | None = None
    site: SiteFact | None = None
    supplied: str | None = None
    sum: tuple[str, ...] | None = None
    limits: tuple[Limit, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> ProfileField:
        sources = (self.figure, self.kpi, self.carbon, self.renewable, self.site, self.supplied, self.sum)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(f"field {self.key} needs exactly one source")
        return self


class Profile(_Part):
    """A whole profile."""

    id: str
    version: str
    title: str
    source: str
    period: str
    fields: tuple[ProfileField, ...]


def known_profiles() -> tuple[str, ...]:
    """Ids of the profiles that are shipped."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def load_profile(name: str) -> Profile:
    """A profile by its id.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in known_profiles():
        raise ConfigError(f"profile {name!r}", "is not known", f"use one of {', '.join(known_profiles())}")
    return Profile.model_validate(yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


class Filled(StrEnum):
    """Where a filled field's value came from."""

    METERED = "metered"
    SUPPLIED = "supplied by the operator"
    CONTRACTS = "contracts"
    SITE_FILE = "site file"
    WITHHELD = "withheld"
    OPERATOR = "operator must supply"


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of one period. `value` is None where `filled` says why."""

    field: ProfileField
    value: float | str | None
    filled: Filled
    source: str
    evidence: str = ""
    measured_share: float | None = None
    note: str = ""


@dataclass(frozen=True)
class FilledProfile:
    """A profile with the values of one period."""

    profile: Profile
    values: tuple[FieldValue, ...]
    period_note: str | None = None

    @property
    def open_fields(self) -> tuple[FieldValue, ...]:
        """Fields without a value: what stands between a draft and a filing."""
        return tuple(v for v in self.values if v.value is None)

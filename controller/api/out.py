"""What every answer shares: frozen, NaN goes out as null, and a record is shown by its own field names."""

from __future__ import annotations

import math
from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict


def number(value: float | None) -> float | None:
    """A finite number, or null."""
    return float(value) if value is not None and math.isfinite(value) else None


Known: TypeAlias = Annotated[float | None, BeforeValidator(number)]
"""A number that may not be known."""


class Out(BaseModel):
    """A record of the API."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Mirror(Out):
    """A record of the API that has the same fields as a record inside, or some of them."""

    @classmethod
    def of(cls, record: object) -> Self:
        """What this shows of a record.

        Raises
        ------
        pydantic.ValidationError
            If the record lacks a field this shows: a mistake of ours, found by the first request.
        """
        return cls.model_validate(record)

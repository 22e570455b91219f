"""A YAML file that a person wrote: read and checked, and its first mistake told in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from plant.errors import ConfigError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where PyYAML has it: seven times as fast on the demo site."""
_Described = TypeVar("_Described", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One file, what it is to a person (`site file`), and what to do where there is none to start from."""

    path: Path
    what: str
    if_absent: str
    start_from: str

    @property
    def where(self) -> str:
        """How mistakes name it."""
        return f"{self.what} {self.path}"

    def text(self) -> str:
        """What it says.

        Raises
        ------
        ConfigError
            If it does not exist or cannot be read.
        """
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(self.where, "does not exist", self.if_absent) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                self.where, f"cannot be read ({error})", "make it a readable UTF-8 file"
            ) from None

    def mapping(self) -> dict[str, Any]:
        """Its keys and values.

        Raises
        ------
        ConfigError
            Also if it is not YAML, or not a mapping.
        """
        try:
            data = yaml.load(self.text(), Loader=_LOADER)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f" line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or "not YAML"
            raise ConfigError(
                f"{self.where}{line}", f"is not valid YAML ({problem})", "mend the syntax there"
            ) from None
        except ValueError as error:  # a date that is none, as 2026-13-01
            raise ConfigError(self.where, f"holds a date that is none ({error})", "correct it") from None
        if not isinstance(data, dict):
            raise ConfigError(self.where, "is not a mapping of keys", self.start_from)
        return data

    def described(self, model: type[_Described], data: dict[str, Any] | None = None) -> _Described:
        """Its content as a model's record; ``data`` where the keys were changed after reading.

        Raises
        ------
        ConfigError
            Also for the first key that is wrong, named with the id of the list item it is in.
        """
        found = self.mapping() if data is None else data
        try:
            return model.model_validate(found)
        except ValidationError as error:
            raise self._first(found, error) from None

    def _first(self, data: object, error: ValidationError) -> ConfigError:
        first = error.errors()[0]
        steps = [str(part) for part in first["loc"] if part not in _KINDS]
        key = ".".join(steps) + _named(data, first["loc"]) if steps else "(whole file)"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        match first["type"]:
            case "extra_forbidden":
                mend = "remove it or correct its spelling"
            case "missing":
                mend = "add it"
            case _:
                mend = f"correct the value {first.get('input')!r}"[:120]
        problem = first["msg"].removeprefix("Value error, ")
        return ConfigError(f"{self.where}, key {key}", problem[0].lower() + problem[1:] + more, mend)


_KINDS = ("timedelta", "datetime")
"""What a union adds to the place of an error: kinds of values, and no keys a person wrote."""


def _named(data: object, loc: tuple[int | str, ...]) -> str:
    """The id of the list item an error is in, so that a person need not count."""
    found = ""
    for part in loc:
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            found = f" ({data['id']})"
    return found

"""Words of a command line that need reading: ``for 3h``, ``key=value``, ``a,b``."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from plant.errors import ConfigError

_UNITS_MIN = {"m": 1.0, "min": 1.0, "h": 60.0, "d": 1440.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(min|m|h|d)")


@dataclass(frozen=True, slots=True)
class HoldWords:
    """How long, and why."""

    minutes: float
    reason: str


def minutes_of(text: str) -> float:
    """``90m``, ``3h``, ``2d`` or ``1h30m`` in minutes.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    text = text.strip().lower()
    if not text or _LENGTH.sub("", text).strip():
        raise ConfigError(f"length {text!r}", "cannot be read", "write 90m, 3h, 2d or 1h30m")
    return sum(float(number) * _UNITS_MIN[unit] for number, unit in _LENGTH.findall(text))


def hold_words(words: Sequence[str], default: str = "3h") -> HoldWords:
    """``[for LENGTH] REASON…`` as people type it.

    Raises
    ------
    ConfigError
        If there is no reason, or the length cannot be read.
    """
    rest, length = list(words), default
    if rest and rest[0] == "for":
        if len(rest) < 2:
            raise ConfigError("hold", "says 'for' and not how long", 'write hold crah-3 for 3h "belt"')
        length, rest = rest[1], rest[2:]
    reason = " ".join(rest).strip()
    if not reason:
        raise ConfigError("hold", "gives no reason", 'write hold crah-3 for 3h "belt"')
    return HoldWords(minutes_of(length), reason)


def by_comma(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def settings_of(texts: list[str]) -> dict[str, object]:
    """``key=value`` pairs, values as YAML has them.

    Raises
    ------
    ConfigError
        If a text is not of this form.
    """
    import yaml

    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ConfigError(f"option {text}", "is not KEY=VALUE", "write for example limits.margin_k=0.3")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"option {text}", "has a value that is not YAML", "quote it") from None
    return found


def typed() -> str:
    """The command as it was typed, for the record of a run."""
    return " ".join(["coolwright", *sys.argv[1:]])


def named(text: str) -> str:
    """What a person typed as a name, fit to stand as one step of an address.

    Raises
    ------
    ConfigError
        If it can be no name.
    """
    if text.strip(". ") == "":
        raise ConfigError(f"name {text!r}", "is none", "list what there is, and copy its name")
    return quote(text, safe="")


def number(text: str, what: str) -> float:
    """A number as a person types it.

    Raises
    ------
    ConfigError
        If it is none, or not finite.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(what, f"{text!r} is not a number", "write it as 25.5")
    return value


def write_out(file: Path, content: bytes) -> None:
    """Write a document where a person wants it.

    Raises
    ------
    ConfigError
        If it cannot be written there.
    """
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigError(
            f"file {file}", f"cannot be written ({error.strerror})", "name another with -o"
        ) from None

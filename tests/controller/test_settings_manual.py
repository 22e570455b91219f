"""docs/settings.md lists every setting with its default, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from controller.settings import PREFIX, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


def said(default: object) -> str:
    if default is None:
        return "none"
    return f"{default:g}" if isinstance(default, float) else str(default) or "empty"


def test_every_setting_is_told_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
    fields = Settings.model_fields.items()
    assert told == {PREFIX + name.upper(): said(field.default) for name, field in fields}

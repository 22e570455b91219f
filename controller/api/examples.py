"""Examples of answers for the OpenAPI document: recorded ones, so that they cannot promise what is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("examples.json")
EXAMPLES: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
"""By "METHOD /path"."""


def add_examples(document: Mapping[str, Any]) -> None:
    """Put each example beside the schema of the answer it is one of."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            example = EXAMPLES.get(f"{method.upper()} {path}")
            for status, answer in operation["responses"].items():
                media = answer.get("content", {}).get("application/json")
                if media is not None and example is not None and str(status).startswith("2"):
                    media.setdefault("example", example)

"""Write the metric reference into the documents: ``python -m controller.metrics_reference``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from controller.metrics_catalog import GROUPS, Spec, reference

BEGIN, END = "<!-- metrics: begin -->\n", "<!-- metrics: end -->"


def grouped(groups: Mapping[str, tuple[Spec, ...]]) -> str:
    """One table a group, under its title."""
    return "\n".join(f"### {title}\n\n{reference({title: specs})}" for title, specs in groups.items())


def between_marks(text: str, written: str) -> str:
    """The document with what stands between its marks replaced."""
    head, rest = text.split(BEGIN, maxsplit=1)
    return f"{head}{BEGIN}{written}{END}{rest.split(END, maxsplit=1)[1]}"


def main(root: Path = Path()) -> int:
    """Rewrite both documents below ``root``."""
    for name, written in (("dashboards/README.md", reference()), ("docs/metrics.md", grouped(GROUPS))):
        path = root / name
        path.write_text(between_marks(path.read_text(encoding="utf-8"), written), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

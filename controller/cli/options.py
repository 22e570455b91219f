"""Options that several commands share, described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

SiteArgument: TypeAlias = Annotated[Path, typer.Argument(metavar="SITE", help="The site file (YAML).")]
DatabaseOption: TypeAlias = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="Proposals, commands and audit.")
]
HistorianOption: TypeAlias = Annotated[
    str | None, typer.Option("--historian", metavar="URL", help="Readings and their history.")
]


def make_folders(*urls: str) -> None:
    """Create the folder of each SQLite file, so that a first start needs no preparation."""
    for url in urls:
        if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)


ScenarioArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A name of `scenario list`, or the path of a .yaml file.")
]

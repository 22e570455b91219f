"""A campaign of hours, kept run by run: asked again, it goes on where it was stopped.

Each run of a policy is pickled as soon as it is done, beside the revision of the code that made it. The
files are a benchmark's own scratch, read only by the program that wrote them.
"""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.savings_record import Recorded
from plant.errors import ConfigError

_ASKED = "asked.txt"


@dataclass(frozen=True)
class Kept:
    """Where one cell's runs are kept; without a folder each is made anew."""

    folder: Path | None
    cell: str

    def run(self, key: tuple[str, str], make: Callable[[], Recorded]) -> Recorded:
        """The run of (signal, policy), made unless it is there."""
        if self.folder is None:
            return make()
        file = self.folder / f"{self.cell}-{slug('-'.join(key))}.pickle"
        if file.exists():
            done = pickle.loads(file.read_bytes())
            assert isinstance(done, Recorded)
            return done
        done = make()
        part = file.with_suffix(".part")
        part.write_bytes(pickle.dumps(done))
        part.rename(file)
        with (self.folder / "revisions.txt").open("a") as book:
            book.write(f"{revision()} {file.stem}\n")
        return done


def claim(folder: Path, asked: str) -> None:
    """Make the folder a campaign's own.

    Raises
    ------
    ConfigError
        If it holds the runs of a campaign that was asked for something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / _ASKED
    if note.exists() and note.read_text() != asked:
        raise ConfigError(f"folder {folder}", "holds the runs of another campaign", "give an empty one")
    note.write_text(asked)


def revision() -> str:
    """The code's revision, with a mark where files differ from it; ``unknown`` outside a checkout."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"


def slug(text: str) -> str:
    """A name that is part of a file's."""
    return "".join(c if c.isalnum() else "-" for c in text)

"""Write the dashboards: ``python -m dashboards.build`` (``--check`` only says whether they are fresh)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards.board import Board, classic_json
from dashboards.boards import carbon, controller, data, overview, plant, thermal

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    carbon.BOARD,
    thermal.BOARD,
    plant.BOARD,
    controller.BOARD,
    data.BOARD,
)


def path_of(board: Board, folder: Path = FOLDER) -> Path:
    """Where a dashboard's JSON lies."""
    return folder / f"{board.uid}.json"


def stale(folder: Path = FOLDER) -> list[Path]:
    """Files that are missing, differ from what the code says, or belong to no dashboard."""
    wanted = {path_of(board, folder): classic_json(board) for board in BOARDS}
    differ = [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    return differ + [p for p in sorted(folder.glob("*.json")) if p not in wanted]


def write(folder: Path = FOLDER) -> None:
    """Write every dashboard and remove what belongs to none."""
    folder.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        path_of(board, folder).write_text(classic_json(board), encoding="utf-8")
    for left_over in stale(folder):
        left_over.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 1 if ``--check`` finds a stale file."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is stale")
    if not parser.parse_args(arguments).check:
        write()
        return 0
    found = stale()
    for path in found:
        sys.stderr.write(f"{path.name} is stale: run python -m dashboards.build\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

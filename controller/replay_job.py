"""A replay as a program of its own: the plant's loop must not share its processor.

The order is the one argument, as JSON; what it tells stands on stdout, one JSON object on each line:
`{"share": 0.4, "words": "…"}` while it runs, at the end `{"result": …}` or `{"mistake": "…"}`. It ends
when the program that started it does, however that ended: nobody would fetch what it makes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controller.canonical import canonical
from plant.errors import ConfigError

NICE = 10
"""Below everything that runs the plant."""
ORPHANED = 3


def main(order: str) -> int:
    """Run the scenario of an order, and tell."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    try:
        told: dict[str, Any] = {"result": _replayed(json.loads(order))}
    except ConfigError as error:
        told = {"mistake": str(error)}
    _tell(told)
    return 0


def _replayed(order: Mapping[str, Any]) -> Mapping[str, object]:
    from controller.scenario.run import RunOrder, run_scenario
    from sim.scenario import load_scenario

    outcome = run_scenario(
        RunOrder(
            load_scenario(order["scenario"]),
            order["policy"],
            Path(order["out"]),
            order["days"],
            command=f"job {order['job']}",
            say=lambda words: _tell({"share": None, "words": words}),
            progress=lambda share: _tell({"share": round(share, 3), "words": "playing"}),
        )
    )
    return {
        "passed": outcome.passed,
        "folder": str(outcome.folder),
        "findings": [asdict(finding) for finding in outcome.findings],
        "kpis": json.loads((outcome.folder / "kpis.json").read_text(encoding="utf-8")),
    }


def _tell(what: Mapping[str, object]) -> None:
    sys.stdout.write(canonical(what) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    """Whoever started us holds the other end of stdin; when it is gone so are we."""
    # Not by `sys.stdin`: its lock would still be held when the program ends, which ends it by an abort.
    while os.read(0, 4096):
        pass
    os._exit(ORPHANED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""What a demo run amounts to: the site's own account, and the simulator's truth beside it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from controller.canonical import Json, plain
from controller.service import Service
from plant.quantities import Quantity
from reports.account_record import Account


@dataclass(frozen=True)
class DemoSpan:
    """What part of plant time the demo covered."""

    start: datetime
    end: datetime
    step_s: int


def write_result(path: Path, service: Service, span: DemoSpan, truth: dict[str, Json]) -> None:
    """Write the result whole or not at all."""
    text = json.dumps(demo_result(service, span, truth), indent=2, allow_nan=False)
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def demo_result(service: Service, span: DemoSpan, truth: dict[str, Json]) -> dict[str, Json]:
    """Totals, baseline and saving by the site's own meters; inlets; proposals; planning; the truth."""
    controller = service.controller
    counts = controller.parts.authority.desk.counts()
    return {
        "site": controller.parts.site.id,
        "simulated": True,
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        **_accounted(controller.ledger.total),
        "inlet": _inlets(service, span),
        "proposals": {str(status): n for status, n in counts.items()},
        "plan": _plans(service),
        "truth": plain(truth),
    }


def _accounted(total: Account | None) -> dict[str, Json]:
    if total is None:
        return {"totals": None, "baseline": None, "saving": None}
    low, high = total.interval.low.as_dict(), total.interval.high.as_dict()
    return {
        "currency": total.currency,
        "carbon": plain(
            {
                "provider": total.carbon.provider,
                "kind": str(total.carbon.kind),
                "synthetic": total.carbon.synthetic,
            }
        ),
        "totals": plain(total.totals.as_dict()),
        "baseline": plain(total.baseline.as_dict()),
        "saving": plain(total.saving.as_dict()),
        "saving_interval": plain({"confidence": total.interval.confidence, "low": low, "high": high}),
        "baseline_method": "the site as found, by regression on load and weather of its own history",
        "notes": list(total.notes),
    }


def _inlets(service: Service, span: DemoSpan) -> dict[str, Json]:
    """The warmest reading of any rack-inlet sensor, and minutes in which a zone was above its limit."""
    site = service.controller.parts.site
    history = service.controller.historian.history(site, span.start, span.end, span.step_s)
    warmest, minutes = -math.inf, 0.0
    for zone in site.zones:
        sensors = [p.id for p in site.points_of(zone.id, Quantity.INLET_TEMPERATURE)]
        worst = np.nanmax(np.column_stack([history.column(p) for p in sensors]), axis=1, initial=-np.inf)
        warmest = max(warmest, float(worst.max(initial=-np.inf)))
        minutes += float((worst > zone.limits.recommended_max_c).sum()) * span.step_s / 60
    limit = min(zone.limits.recommended_max_c for zone in site.zones)
    return {"max_c": plain(warmest), "limit_c": limit, "violation_minutes": minutes}


def _plans(service: Service) -> dict[str, Json]:
    stages = {
        stage: {"mean": float(np.mean(s)), "max": float(np.max(s)), "count": len(s)}
        for stage, s in service.stage_s.items()
    }
    return {"cycles": service.cycles, "statuses": plain(service.statuses), "stage_s": plain(stages)}

"""The live OpenAPI document against the running application: no 5xx, nothing undocumented."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import schemathesis
from api_kit import api_room
from hypothesis import HealthCheck, Phase, settings
from supervision_kit import A_AIR, WATER
from test_api_examples import FROZEN, closed_report

from controller.alarms import AlarmKind

_REPORTS = tempfile.TemporaryDirectory()
_D = api_room(
    requests_per_minute=1_000_000,
    failures_per_minute=1_000_000,
    reports=Path(_REPORTS.name),
    frozen=FROZEN,
)
_R = _D.room
asyncio.run(closed_report(_D, Path(_REPORTS.name)))
_R.desk.offer(_R.draft({A_AIR: 18.4, WATER: 7.3}), _R.now)
_D.deps.alarms.raise_(AlarmKind.STALE_DATA, "zone-d", "no reading for 4 min", _R.now)

# What the schema cannot say: a tag that is no longer true, a plant that moved, a site that is stopped.
_REFUSED = ["2xx", "401", "403", "404", "409", "410", "412", "423", "429", "5xx"]
_UNSAID = {
    "POST /api/v1/jobs": "a period nobody can name, a scenario that does not ship",
    "GET /api/v1/reports/energy": "a period is named in one of two ways, and begins before it ends",
    "POST /api/v1/switchback": "blocks, washout and days that do not go together, a first day that is over",
    "POST /api/v1/standing-approvals": "low above high",
}
_CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {"positive_data_acceptance": {"expected-statuses": _REFUSED}},
        "operations": [
            {
                "include-name": name,
                "checks": {"positive_data_acceptance": {"expected-statuses": [*_REFUSED, "422"]}},
            }
            for name in _UNSAID
        ],
    }
)
# An event stream does not end, and a caller in the same process waits for the end: its own tests ask.
schema = schemathesis.openapi.from_asgi("/openapi.json", _D.app, config=_CONFIG).exclude(
    path="/api/v1/events"
)


@schema.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_a_documented_one(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {_D.tokens['admin']}"})

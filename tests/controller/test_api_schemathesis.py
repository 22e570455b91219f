"""The live OpenAPI document against the running application: no 5xx, nothing undocumented."""

from __future__ import annotations

import schemathesis
from api_kit import api_room
from hypothesis import HealthCheck, Phase, settings
from supervision_kit import A_AIR, WATER

from controller.alarms import AlarmKind

_D = api_room(requests_per_minute=1_000_000, failures_per_minute=1_000_000)
_R = _D.room
_R.desk.offer(_R.draft({A_AIR: 18.4, WATER: 7.3}), _R.now)
_D.deps.alarms.raise_(AlarmKind.STALE_DATA, "zone-d", "no reading for 4 min", _R.now)

# What the schema cannot say: a tag that is no longer true, a plant that moved, a period nobody can name.
_REFUSED = ["2xx", "401", "403", "404", "409", "410", "412", "423", "429", "5xx"]
_CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {"positive_data_acceptance": {"expected-statuses": _REFUSED}},
        "operations": [
            {
                "include-name": "POST /api/v1/jobs",
                "checks": {"positive_data_acceptance": {"expected-statuses": [*_REFUSED, "422"]}},
            }
        ],
    }
)
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

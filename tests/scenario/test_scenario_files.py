"""Scenario files: what ships can be played, and a mistake is told by file, key and mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from controller.alarms import AlarmKind
from plant.errors import ConfigError
from sim.faults import KINDS
from sim.scenario import NAMES, build_plant, build_site, load_scenario
from sim.scenario.drivers import TrainingWorkload, read_trace
from sim.workload import ConstantWorkload


def test_the_library_has_what_engineers_ask_for_first() -> None:
    asked = (
        "heat-wave chiller-trip-at-peak crah-failure-hot-zone sensor-drift stale-telemetry "
        "training-load-steps solar-grid-day demand-response commissioning-week dead-lever"
    )
    assert set(asked.split()) <= set(NAMES)
    assert sum(name.startswith("typical-week-") for name in NAMES) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_names_only_what_there_is(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    build_site(scenario)
    kinds = {str(k) for k in AlarmKind}
    assert {a.kind for a in scenario.criteria.alarms} | set(scenario.criteria.quiet) <= kinds
    assert all(f.kind in KINDS and f.start < scenario.end for f in scenario.faults)
    c = scenario.criteria
    assert c.alarms or c.worst_inlet_c or c.max_violation_minutes is not None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"wether": 1}, "key wether: extra inputs are not permitted; remove it or correct its spelling"),
        (
            {"faults": [{"kind": "sensr_dead"}]},
            "faults.0.kind: fault 'sensr_dead' is not known; did you mean",
        ),
        ({"faults.0.target": "zone-x.*"}, "no lever of the site is 'zone-x"),
        ({"faults": [{"kind": "sensor_dead", "at": "3q"}]}, "not a length of time like 90m, 24h or 7d"),
        (
            {"weather": {"name": "tampa", "dry_bulb_c": 3}},
            "key weather: does not say one source; give one of",
        ),
        ({"load": {"kind": "trace"}}, "key load.trace: does not fit the kind"),
        ({"days": 0}, "key days: input should be greater than 0"),
        ({"start": "2026-07-20T00:00:00"}, "key start: input should have timezone info"),
        ({"faults.7.kind": "x"}, "key faults.7.kind: cannot be set there"),
        ({"limits.margin_k": float("nan")}, "key limits.margin_k"),
    ],
)
def test_a_mistake_is_one_line_with_key_and_mend(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_site(load_scenario("dead-lever", changes))
    assert told in str(caught.value)
    assert "dead-lever" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_told_with_the_nearest_known() -> None:
    with pytest.raises(ConfigError, match="did you mean heat-wave"):
        load_scenario("heatwave")


def test_faults_begin_at_offsets_from_the_start_or_at_instants() -> None:
    changes = {"faults": [{"kind": "sensor_dead", "at": "90m", "for": "2h"},
                          {"kind": "sensor_dead", "at": "2026-07-20T05:00:00Z"}]}  # fmt: skip
    first, second = load_scenario("dead-lever", changes).faults
    assert first.start == datetime(2026, 7, 20, 1, 30, tzinfo=UTC)
    assert first.end - first.start == timedelta(hours=2)
    assert second.start == datetime(2026, 7, 20, 5, tzinfo=UTC)


def test_limits_and_prices_of_the_scenario_replace_the_sites() -> None:
    site = build_site(load_scenario("solar-grid-day", {"limits.inlet_max_c": 26.5, "price.per_kwh": 0.2}))
    assert {z.limits.recommended_max_c for z in site.zones} == {26.5}
    assert (site.tariff.price_per_kwh, site.tariff.periods) == (0.2, ())
    assert site.tariff.carbon_price_per_tonne == 200


def test_a_trace_is_what_the_file_says_and_repeats_by_whole_days(tmp_path: Path) -> None:
    file = tmp_path / "w.csv"
    file.write_text("time,a\n2026-07-20T00:00:00Z,10\n2026-07-20T12:00:00Z,22\n")
    trace = read_trace(file, ["a"])
    noon = datetime(2026, 7, 20, 12, tzinfo=UTC).timestamp()
    assert trace.at(np.array([noon - 6 * 3600]))[0, 0] == pytest.approx(16.0)
    assert trace.at(np.array([noon + 3 * 86_400]))[0, 0] == pytest.approx(22.0)
    file.write_text("time,a\n2026-07-20T00:00:00Z,10\n2026-07-20T12:00:00Z,\n")
    with pytest.raises(ConfigError, match="gaps or times out of order"):
        read_trace(file, ["a"])


def test_training_steps_between_low_and_high_where_it_is_told_to() -> None:
    site = build_site(load_scenario("training-load-steps"))
    work = TrainingWorkload(ConstantWorkload((0.5,) * 4), site, "zone-[cd]", 0.2, 1.0, 10_800, 3600, 1)
    load = work.at(np.arange(0, 86_400 * 3, 300.0))
    assert set(np.unique(load[:, 2])) == {0.2, 1.0}
    assert set(np.unique(load[:, 0])) == {0.5}
    # Jobs are two thirds to all of three hours, in every four: 50 to 75 % of the time, on average 62 %.
    assert (load[:, 2] == 1.0).mean() == pytest.approx(0.62, abs=0.06)
    assert (load[:, 2] != load[:, 3]).any()


def test_the_plant_of_a_constant_scenario_stands_in_constant_air() -> None:
    scenario = load_scenario(
        "dead-lever", {"weather": {"dry_bulb_c": 31.0, "wet_bulb_c": 20.0}, "load.kind": "constant"}
    )
    plant = build_plant(scenario, build_site(scenario))
    assert [float(v[0]) for v in plant.weather.at(np.array([0.0]))] == [31.0, 20.0]
    assert plant.workload.at(np.array([0.0])).tolist() == [[0.6] * 4]


def test_the_manual_names_every_key_of_a_scenario_and_every_file_of_a_run() -> None:
    from sim.scenario.schema import ScenarioFile

    manual = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    keys = {field.alias or name for name, field in ScenarioFile.model_fields.items()} - {"schema_version"}
    assert not [key for key in keys if f"`{key}`" not in manual]

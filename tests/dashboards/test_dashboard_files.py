"""The committed dashboards, rules and documents say what the code says, and only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from expressions import (
    PROMETHEUS,
    ROOT,
    dashboards,
    metrics_in,
    panel_expressions,
    panels,
    recorded_in,
    rules,
)
from grafana_foundation_sdk.models.dashboard import Dashboard

from controller.metrics_catalog import CATALOG, GROUPS, reference
from dashboards.board import AGE, DECISIONS
from dashboards.build import BOARDS, main, path_of, stale, write

CATALOG_NAMES = {spec.name for spec in CATALOG.values()}


def test_the_committed_json_is_what_the_code_writes() -> None:
    assert stale() == []


def test_a_changed_file_and_a_left_over_file_are_stale(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    path_of(BOARDS[0], tmp_path).write_text("{}", encoding="utf-8")
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    assert [p.name for p in stale(tmp_path)] == [f"{BOARDS[0].uid}.json", "old.json"]


def test_the_check_on_the_command_line_agrees() -> None:
    assert main(["--check"]) == 0


@pytest.mark.parametrize("name", sorted(dashboards()))
def test_grafanas_own_schema_reads_the_dashboard(name: str) -> None:
    plain = dashboards()[name]
    read = Dashboard.from_json(plain)
    assert read.uid == plain["uid"]
    assert read.panels is not None
    assert len(read.panels) == len(plain["panels"])


def test_uids_and_titles_are_unique_and_ids_too() -> None:
    boards = list(dashboards().values())
    assert len({b["uid"] for b in boards}) == len({b["title"] for b in boards}) == len(boards) == 6
    for board in boards:
        ids = [p["id"] for p in board["panels"]]
        assert len(set(ids)) == len(ids)


def test_every_dashboard_has_the_shared_variables_and_shows_decisions() -> None:
    for board in dashboards().values():
        names = [v["name"] for v in board["templating"]["list"]]
        assert names == ["datasource", "site", "zone", "carbon_method", "data_age", "coolwright_url"]
        assert [a["expr"] for a in board["annotations"]["list"]] == [DECISIONS]
        assert board["schemaVersion"] in range(39, 42)
        assert board["graphTooltip"] == 1


@pytest.mark.parametrize(("where", "panel"), list(panels()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_panel_explains_itself(where: str, panel: dict) -> None:  # type: ignore[type-arg]
    said, age = panel["description"].split("\n\n")
    assert len(said) > 20
    assert "${data_age}" in age
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["links"][0]["url"].startswith(("${coolwright_url}/console/#", "${coolwright_url}/docs#"))


def test_every_dashboard_shows_how_old_it_is() -> None:
    for name, board in dashboards().items():
        assert any("coolwright_cycle_timestamp" in str(p.get("targets")) for p in board["panels"]), name


def test_the_age_variable_takes_the_value_out_of_grafanas_text() -> None:
    """Grafana: `query_result` gives one text a series, with labels, value, time in milliseconds."""
    for board in dashboards().values():
        (age,) = (v for v in board["templating"]["list"] if v["name"] == "data_age")
        assert age["query"]["query"] == f"query_result({AGE})"
        assert age["hide"] == 2
        found = re.search(age["regex"].strip("/"), "{} 42 1700000000000")
        assert found is not None
        assert found[1] == "42"


def test_times_are_shown_in_the_viewers_own_zone() -> None:
    assert {board["timezone"] for board in dashboards().values()} == {"browser"}


def test_panels_do_not_overlap() -> None:
    for name, board in dashboards().items():
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            g = panel["gridPos"]
            cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
            assert not cells & taken, f"{name}: {panel['title']}"
            assert g["x"] + g["w"] <= 24
            taken |= cells


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = {a.where: metrics_in(a.expr) for a in panel_expressions()}
    asked |= {str(r.get("record", r.get("alert"))): metrics_in(r["expr"]) for n in RULES for r in rules(n)}
    unknown = {where: names - CATALOG_NAMES for where, names in asked.items() if names - CATALOG_NAMES}
    assert unknown == {}


def test_every_recorded_series_that_is_asked_for_is_recorded() -> None:
    recorded = {r["record"] for r in rules("rules.yml")}
    asked = {n for f in RULES for r in rules(f) for n in recorded_in(r["expr"])}
    assert asked <= recorded


def test_every_metric_is_shown_somewhere_or_known_not_to_be() -> None:
    shown = {n for a in panel_expressions() for n in metrics_in(a.expr)} | metrics_in(DECISIONS)
    kept_for_queries = {"coolwright_site_info", "coolwright_cost_debit_total", "coolwright_cost_credit_total"}
    kept_for_queries |= {
        "coolwright_energy_price_per_joule",
        "coolwright_water_cubic_meters_total",
        "coolwright_baseline_fitted_seconds",
        "coolwright_plan_timestamp_seconds",
        "coolwright_switchback_applied",
        "coolwright_meter_residual_ratio",
    }
    assert CATALOG_NAMES - shown == kept_for_queries


RULES = ("rules.yml", "alerts.yml")
UNIT_OF_SUFFIX = (
    (r"_celsius$", {"celsius"}),
    (r"_kelvin$", {"kelvin"}),
    (r"_watts$", {"watt"}),
    (r"_ratio$", {"percentunit"}),
    (r"_joules(_total)?$", {"watth", "watt", "none"}),  # energy over seconds is power, over energy a number
    (r"_per_second$", {"flowcms"}),
    (r"_seconds(_total)?$", {"s", "percentunit", "watt"}),  # over a time, a share
    (r"_grams_per_joule$", {"suffix: gCO₂/kWh"}),
    (r"_grams_total$", {"massg", "none"}),
    (r"_cubic_meters_total$", {"litre"}),
)


def test_the_unit_of_a_panel_is_the_unit_of_its_metric() -> None:
    wrong = []
    for asked in panel_expressions():
        for metric in metrics_in(asked.expr):
            allowed = next((units for suffix, units in UNIT_OF_SUFFIX if re.search(suffix, metric)), {"none"})
            counted = re.match(r"(count|quantile)? ?by", asked.expr) or asked.expr.startswith("count")
            if asked.unit not in allowed and not counted:
                wrong.append(f"{asked.where}: {metric} in {asked.unit}")
    assert wrong == []


def test_joules_shown_in_watt_hours_are_divided_by_3600() -> None:
    for asked in panel_expressions():
        if asked.unit == "watth":
            assert asked.expr.endswith("/ 3600"), asked.where


def test_no_panel_mixes_kinds_of_carbon() -> None:
    for asked in panel_expressions():
        if "carbon_grams" in asked.expr:
            assert "carbon_kind" in asked.expr, asked.where


def test_recording_rules_are_named_level_metric_operations() -> None:
    for rule in rules("rules.yml"):
        assert re.fullmatch(r"[a-z_]+:coolwright_[a-z_]+:[a-z0-9_]+", rule["record"])


def test_every_alert_has_severity_runbook_and_dashboard() -> None:
    runbooks = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    headings = {h.strip().lower() for h in re.findall(r"^## (.+)$", runbooks, re.MULTILINE)}
    uids = {b["uid"] for b in dashboards().values()}
    for rule in rules("alerts.yml"):
        name = rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, name
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
        assert name.lower() in headings, f"{name} has no part in docs/runbooks.md"
        assert rule["annotations"]["dashboard"].removeprefix("/d/") in uids


def test_every_alert_has_a_test() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    tested = {case["alertname"] for t in tests for case in t["alert_rule_test"] if case["exp_alerts"]}
    quiet = {case["alertname"] for t in tests for case in t["alert_rule_test"] if not case["exp_alerts"]}
    alerts = {rule["alert"] for rule in rules("alerts.yml")}
    assert tested == quiet == alerts


@pytest.mark.parametrize("document", ["dashboards/README.md", "docs/metrics.md"])
def test_the_metric_reference_is_what_the_catalog_says(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    start, end = "<!-- metrics: begin -->\n", "<!-- metrics: end -->"
    written = text[text.index(start) + len(start) : text.index(end)]
    expected = reference() if document.startswith("dashboards") else by_group()
    assert written.strip() == expected.strip(), "run python -m controller.metrics_reference"


def by_group() -> str:
    from controller.metrics_reference import grouped

    return grouped(GROUPS)


def test_provisioning_names_folders_and_the_datasource_that_exist() -> None:
    base = ROOT / "dashboards" / "grafana" / "provisioning"
    source = yaml.safe_load((base / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert source["datasources"][0]["type"] == "prometheus"
    provider = yaml.safe_load((base / "dashboards" / "coolwright.yaml").read_text(encoding="utf-8"))
    target = provider["providers"][0]["options"]["path"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    mounted = [v.split(":") for v in compose["services"]["grafana"]["volumes"]]
    assert [target] == [v[1] for v in mounted if v[0] == "./dashboards/grafana/dashboards"]

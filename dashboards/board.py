"""A dashboard as data, and what all of ours share: variables, annotations, links, UTC."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.panels import DATASOURCE, Panel, build_panel

TAG = "coolwright"
DECISIONS = (
    'sum by (site, decision) (changes(coolwright_decisions_total{site="$site"}[$__rate_interval])) > 0'
)
AGE = 'round(max(time() - coolwright_cycle_timestamp_seconds{site="$site"}))'
DEFAULT_URL = "http://127.0.0.1:8080"
_BROWSER_TIME = "browser"
"""Stored in UTC, shown in the viewer's own time."""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled row of panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. `uid` never changes: people keep links to it."""

    uid: str
    title: str
    description: str
    sections: tuple[Section, ...]
    since: str = "now-24h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in order."""
        return tuple(panel for section in self.sections for panel in section.panels)


def classic_json(board: Board) -> str:
    """The dashboard in Grafana's classic schema, as text that is the same every time."""
    encoded = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(_built(board))
    plain: dict[str, Any] = json.loads(encoded)
    _number_panels(plain)
    _mend_variables(plain)
    _complete_annotations(plain)
    return json.dumps(plain, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def _built(board: Board) -> models.Dashboard:
    built = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .timezone(_BROWSER_TIME)
        .time(board.since, "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .version(1)
        .annotation(_decisions())
        .links(_links())
    )
    for variable in _variables():
        built.with_variable(variable)
    for section in board.sections:
        built.with_row(builders.Row(section.title))
        for panel in section.panels:
            built.with_panel(build_panel(panel))
    return built.build()


def _variables() -> list[Any]:
    url = models.VariableOption(text=DEFAULT_URL, value=DEFAULT_URL)
    return [
        builders.DatasourceVariable("datasource").type("prometheus").label("Data source"),
        _values("site", "Site", "label_values(coolwright_site_info, site)"),
        _values(
            "zone", "Zone", 'label_values(coolwright_inlet_limit_celsius{site="$site"}, hall_zone)', many=True
        ),
        _values(
            "carbon_method",
            "Carbon method",
            'label_values(coolwright_carbon_grams_total{site="$site"}, carbon_kind)',
        ),
        _age(),
        builders.TextBoxVariable("coolwright_url")
        .label("Coolwright")
        .default_value(DEFAULT_URL)
        .current(url),
    ]


def _values(name: str, label: str, query: str, *, many: bool = False) -> builders.QueryVariable:
    variable = builders.QueryVariable(name).label(label).datasource(DATASOURCE)
    variable.query({"query": query, "refId": f"variable-{name}"})
    variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable.sort(models.VariableSort.ALPHABETICAL_ASC)
    if many:
        variable.multi(True).include_all(True).all_value(".+")
        variable.current(models.VariableOption(text="All", value="$__all"))
    return variable


def _age() -> builders.QueryVariable:
    """How old the data is, for every panel's description; asked anew whenever the dashboard refreshes."""
    variable = _values("data_age", "Data age", f"query_result({AGE})")
    # Grafana writes a result as labels, value, time: the value is what is wanted.
    return variable.regex(r"/ ([0-9.]+) [0-9]+$/").hide(models.VariableHide.HIDE_VARIABLE)


def _decisions() -> builders.AnnotationQuery:
    annotation = builders.AnnotationQuery().name("Decisions").datasource(DATASOURCE)
    return annotation.enable(True).icon_color("purple").expr(DECISIONS)


def _links() -> list[Builder[models.DashboardLink]]:
    others = builders.DashboardLink("Coolwright dashboards").type(models.DashboardLinkType.DASHBOARDS)
    others.tags([TAG]).as_dropdown(True).keep_time(True).include_vars(True)
    api = builders.DashboardLink("Coolwright").type(models.DashboardLinkType.LINK).url("${coolwright_url}")
    return [others, api.target_blank(True)]


def _number_panels(plain: dict[str, Any]) -> None:
    """Panel ids, which the SDK leaves to Grafana; with them, links to a panel stay valid."""
    for number, panel in enumerate(plain["panels"], start=1):
        panel["id"] = number


def _mend_variables(plain: dict[str, Any]) -> None:
    """Leave out what the SDK writes into every variable and Grafana's schema knows for intervals only."""
    for variable in plain["templating"]["list"]:
        for key in ("auto", "auto_min", "auto_count"):
            variable.pop(key, None)


def _complete_annotations(plain: dict[str, Any]) -> None:
    """Fields of a Prometheus annotation that the SDK's schema does not have."""
    for annotation in plain["annotations"]["list"]:
        annotation |= {"step": "60s", "titleFormat": "{{decision}}", "tagKeys": "decision"}

"""Panels as data: one record a panel, and the one place that turns it into Grafana's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
DATA_AGE = "Data age at the last refresh: ${data_age} s."
"""Below every description; a hidden variable of the dashboard fills it in."""
_REF_IDS = "ABCDEFGHIJKLMNOP"


class Shape(StrEnum):
    """How a panel shows its queries."""

    LINES = "timeseries"
    NUMBER = "stat"
    BARS = "bargauge"
    STATES = "state-timeline"
    TABLE = "table"


class Behind(StrEnum):
    """What a panel links to: the place in Coolwright where its numbers come from."""

    PROPOSALS = "/console/#decision-title"
    PLAN = "/console/#plan"
    STATE = "/console/#zones-title"
    REPORT = "/docs#/reports"
    """The energy report, which needs a token: the API's own page can send one."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression; `legend` is Grafana's template over the series' labels."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Limit:
    """From this value on, a panel is drawn in this color."""

    value: float | None
    color: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `width` is in Grafana's 24 columns; `states` names numbers."""

    title: str
    shape: Shape
    unit: str
    description: str
    queries: tuple[Query, ...]
    behind: Behind
    width: int = 12
    height: int = 8
    limits: tuple[Limit, ...] = ()
    states: Mapping[int, tuple[str, str]] | None = None
    decimals: int | None = None
    stacked: bool = False
    low: float | None = None
    min_interval: str | None = None
    """The least step: set where the numbers behind a panel change only every few minutes."""


def build_panel(panel: Panel) -> Any:
    """The SDK's builder for a panel."""
    built = _shaped(panel)
    built.title(panel.title).description(f"{panel.description}\n\n{DATA_AGE}").unit(panel.unit)
    built.datasource(DATASOURCE).span(panel.width).height(panel.height).links([_link(panel.behind)])
    for ref, query in zip(_REF_IDS, panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref)
        target.datasource(DATASOURCE)
        built.with_target(_timed(target, panel.shape))
    if panel.decimals is not None:
        built.decimals(panel.decimals)
    if panel.low is not None:
        built.min(panel.low)
    if panel.min_interval is not None:
        built.interval(panel.min_interval)
    if panel.limits:
        built.thresholds(_thresholds(panel.limits))
    if panel.states is not None:
        built.mappings([_states(panel.states)])
    return built


def _timed(target: prometheus.Dataquery, shape: Shape) -> prometheus.Dataquery:
    """Tables and bars show now; the rest shows the range."""
    if shape is Shape.TABLE:
        return target.instant().format(PromQueryFormat.TABLE)
    return target.instant() if shape is Shape.BARS else target.range()


def _shaped(panel: Panel) -> Any:
    """The builder of the panel's shape with the settings only that shape has."""
    match panel.shape:
        case Shape.LINES:
            lines = timeseries.Panel().line_width(1).fill_opacity(30 if panel.stacked else 0)
            lines.legend(_legend()).tooltip(_tooltip()).show_points(shapes.VisibilityMode.NEVER)
            if panel.stacked:
                lines.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
            if panel.limits:
                mode = shapes.GraphThresholdsStyleMode.DASHED
                lines.thresholds_style(common.GraphThresholdsStyleConfig().mode(mode))
            return lines
        case Shape.NUMBER:
            number = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            return number.graph_mode(shapes.BigValueGraphMode.NONE)
        case Shape.BARS:
            return bargauge.Panel().orientation(shapes.VizOrientation.HORIZONTAL)
        case Shape.STATES:
            return statetimeline.Panel().merge_values(True).show_value(shapes.VisibilityMode.AUTO)
        case Shape.TABLE:
            return table.Panel().filterable(True)


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).placement(shapes.LegendPlacement.BOTTOM)
    return legend.display_mode(shapes.LegendDisplayMode.LIST).calcs(["lastNotNull"])


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING)


def _link(behind: Behind) -> builders.DashboardLink:
    link = builders.DashboardLink(f"Behind this: {behind.name.lower()}")
    return link.url("${coolwright_url}" + behind.value).target_blank(True)


def _thresholds(limits: tuple[Limit, ...]) -> builders.ThresholdsConfig:
    steps = [models.Threshold(value=limit.value, color=limit.color) for limit in limits]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _states(states: Mapping[int, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap(
        options={
            str(number): models.ValueMappingResult(text=text, color=color, index=i)
            for i, (number, (text, color)) in enumerate(states.items())
        }
    )

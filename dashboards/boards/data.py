"""Data quality: what was measured, what is old, what is missing."""

from __future__ import annotations

from dashboards.board import Board, Section
from dashboards.boards.common import DATA_AGE, GREEN, RED, SITE, YELLOW, increase
from dashboards.panels import Behind, Limit, Panel, Query, Shape

_AGE = (
    f"coolwright_snapshot_timestamp_seconds{{{SITE}}}"
    f" - on (site) group_right () coolwright_reading_timestamp_seconds{{{SITE}}}"
)
_VALID = f"coolwright_sensor_valid{{{SITE}}}"
_MISSING = increase("coolwright_unaccounted_seconds_total", SITE, "site, figure")
_COVERED = increase("coolwright_accounted_seconds_total", SITE, "site, figure")

BOARD = Board(
    uid="coolwright-data",
    title="Coolwright / Data quality",
    description="Which readings may be used, how old they are, and how much of each figure is covered.",
    sections=(
        Section(
            "Now",
            (
                DATA_AGE,
                Panel(
                    "Unusable points",
                    Shape.NUMBER,
                    "none",
                    "Points whose last reading may not be used in a calculation.",
                    (Query(f"count by (site) ({_VALID}) - sum by (site) ({_VALID})", "unusable"),),
                    Behind.STATE,
                    4,
                    4,
                    (Limit(None, GREEN), Limit(1, YELLOW), Limit(10, RED)),
                ),
                Panel(
                    "Oldest reading",
                    Shape.NUMBER,
                    "s",
                    "Age of the oldest reading at the last snapshot, in site time.",
                    (Query(f"max by (site) ({_AGE})", "oldest"),),
                    Behind.STATE,
                    4,
                    4,
                    (Limit(None, GREEN), Limit(60, YELLOW), Limit(180, RED)),
                ),
                Panel(
                    "Points by quality",
                    Shape.BARS,
                    "none",
                    "Only good and substituted readings are used; substituted counts as estimated.",
                    (Query(f"coolwright_sensors{{{SITE}}}", "{{quality}}"),),
                    Behind.STATE,
                    12,
                    8,
                ),
            ),
        ),
        Section(
            "Course",
            (
                Panel(
                    "Points by quality over time",
                    Shape.LINES,
                    "none",
                    "Everything that is not good.",
                    (Query(f'coolwright_sensors{{{SITE}, quality!="good"}}', "{{quality}}"),),
                    Behind.STATE,
                    stacked=True,
                ),
                Panel(
                    "Age of readings",
                    Shape.LINES,
                    "s",
                    "Median and oldest, at each snapshot.",
                    (
                        Query(f"quantile by (site) (0.5, {_AGE})", "median"),
                        Query(f"max by (site) ({_AGE})", "oldest"),
                    ),
                    Behind.STATE,
                ),
                Panel(
                    "Each point: usable",
                    Shape.TABLE,
                    "none",
                    "1 where the last reading may be used, 0 where not.",
                    (Query(f"sort(sum by (site, sensor) ({_VALID}))", ""),),
                    Behind.STATE,
                ),
                Panel(
                    "Share of time not covered, by figure",
                    Shape.BARS,
                    "percentunit",
                    "Over the range shown. Nothing is integrated across a gap.",
                    (Query(f"{_MISSING} / ({_MISSING} + {_COVERED})", "{{figure}}"),),
                    Behind.REPORT,
                ),
                Panel(
                    "Amounts left out",
                    Shape.BARS,
                    "none",
                    "Intervals below zero that a counter cannot hold (a negative price, for example).",
                    (Query(increase("coolwright_unexportable_total", SITE, "site, figure"), "{{figure}}"),),
                    Behind.REPORT,
                ),
            ),
        ),
    ),
)

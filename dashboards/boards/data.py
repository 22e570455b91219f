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
ANSWERS = {0: ("silent", RED), 1: ("answers", GREEN)}
HOLDS = {0: ("no", RED), 1: ("yes", GREEN)}

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
                    "Oldest reading in the last plan",
                    Shape.NUMBER,
                    "s",
                    "Age of the oldest reading the last plan used, when it was made, in site time.",
                    (Query(f"coolwright_plan_oldest_input_seconds{{{SITE}}}", "oldest"),),
                    Behind.PLAN,
                    4,
                    4,
                    (Limit(None, GREEN), Limit(60, YELLOW), Limit(180, RED)),
                ),
                Panel(
                    "Feeds of the last plan",
                    Shape.TABLE,
                    "none",
                    "Whose carbon and weather the last plan was made with, and what they are: measured,"
                    " estimated, forecast, mixed, or typical (a mean day or year, not this one).",
                    (
                        Query(
                            f"max by (feed, provider, nature, unit) (coolwright_feed_info{{{SITE}}})",
                            "",
                        ),
                    ),
                    Behind.PLAN,
                    8,
                    4,
                ),
                Panel(
                    "Readings behind the last plan",
                    Shape.BARS,
                    "none",
                    "Measured and substituted readings were used; suspect and missing ones were not.",
                    (Query(f"coolwright_plan_inputs{{{SITE}}}", "{{standing}}"),),
                    Behind.PLAN,
                    12,
                    8,
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
            "Sources",
            (
                Panel(
                    "Devices",
                    Shape.STATES,
                    "none",
                    "Whether each device and source answers. One that does not is left alone ever longer.",
                    (Query(f"coolwright_device_answering{{{SITE}}}", "{{device}}"),),
                    Behind.STATE,
                    8,
                    states=ANSWERS,
                ),
                Panel(
                    "Failures in a row",
                    Shape.BARS,
                    "none",
                    "How often each device has not answered since it last did.",
                    (Query(f"coolwright_device_failures{{{SITE}}}", "{{device}}"),),
                    Behind.STATE,
                    8,
                ),
                Panel(
                    "Meters agree",
                    Shape.STATES,
                    "none",
                    "Meters against each other and the heat balance. Where they disagree, nobody can say"
                    " from here which one is wrong; a check without all its readings is not shown.",
                    (Query(f"coolwright_cross_check_holds{{{SITE}}}", "{{check}}"),),
                    Behind.STATE,
                    8,
                    states=HOLDS,
                ),
                Panel(
                    "Polls",
                    Shape.BARS,
                    "none",
                    "Polls made, and polls skipped because the one before still ran, in the range shown.",
                    (
                        Query(increase("coolwright_polls_total", SITE), "made"),
                        Query(increase("coolwright_polls_skipped_total", SITE), "skipped"),
                    ),
                    Behind.STATE,
                    8,
                ),
                Panel(
                    "Polls begin late by",
                    Shape.LINES,
                    "s",
                    "99th percentile of the last few thousand polls, in site time.",
                    (Query(f"coolwright_poll_lateness_p99_seconds{{{SITE}}}", "99 %"),),
                    Behind.STATE,
                    8,
                ),
                Panel(
                    "Feeds whole",
                    Shape.STATES,
                    "none",
                    "Whether each feed's last answer was whole. Hours without a carbon factor are not"
                    " counted; weather that was left out is the persistence of the site's own sensors.",
                    (Query(f"coolwright_feed_complete{{{SITE}}}", "{{feed}}"),),
                    Behind.STATE,
                    8,
                    states=HOLDS,
                ),
            ),
        ),
        Section(
            "History database",
            (
                Panel(
                    "History can be written",
                    Shape.STATES,
                    "none",
                    "Where it cannot, control goes on and readings wait in memory.",
                    (Query(f"coolwright_history_writable{{{SITE}}}", "database"),),
                    Behind.STATE,
                    8,
                    states=HOLDS,
                ),
                Panel(
                    "Readings waiting in memory",
                    Shape.LINES,
                    "none",
                    "Lost if the program ends before the database can be written again.",
                    (Query(f"coolwright_history_buffered_readings{{{SITE}}}", "waiting"),),
                    Behind.STATE,
                    8,
                ),
                Panel(
                    "Readings let go",
                    Shape.NUMBER,
                    "none",
                    "In the range shown. Anything but zero is a gap in reports.",
                    (Query(increase("coolwright_history_dropped_readings_total", SITE), "let go"),),
                    Behind.REPORT,
                    8,
                    limits=(Limit(None, GREEN), Limit(1, RED)),
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

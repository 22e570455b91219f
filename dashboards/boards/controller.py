"""Controller health: cycles, solver, decisions, writes, modes, leases."""

from __future__ import annotations

from dashboards.board import Board, Section
from dashboards.boards.common import DATA_AGE, GREEN, MODES, RED, SITE, YELLOW, increase, mode_number
from dashboards.panels import Behind, Limit, Panel, Query, Shape

_RATE = "[$__rate_interval]"


def _quantile(q: float, metric: str, by: str) -> str:
    """A quantile of what ended in the interval; of all since the start where nothing did."""
    buckets = f"{metric}_bucket{{{SITE}}}"
    recent = f"histogram_quantile({q}, sum by ({by}, le) (rate({buckets}{_RATE})))"
    return f"({recent} >= 0) or histogram_quantile({q}, sum by ({by}, le) ({buckets}))"


_NO_LEASE = f'label_replace(0 * coolwright_snapshot_timestamp_seconds{{{SITE}}}, "lever", "none", "", "")'

BOARD = Board(
    uid="coolwright-controller",
    title="Coolwright / Controller health",
    description="Whether the program does its rounds, in what mode, and what came of its writes.",
    sections=(
        Section(
            "Now",
            (
                DATA_AGE,
                Panel(
                    "Heartbeat",
                    Shape.NUMBER,
                    "s",
                    "Wall-clock time since the controller's last sign of life.",
                    (Query(f"time() - coolwright_heartbeat_timestamp_seconds{{{SITE}}}", "ago"),),
                    Behind.STATE,
                    4,
                    4,
                    (Limit(None, GREEN), Limit(60, YELLOW), Limit(120, RED)),
                ),
                Panel(
                    "Local control",
                    Shape.NUMBER,
                    "none",
                    "Whether the plant's own controllers have taken over and ignore our setpoints.",
                    (Query(f"coolwright_local_control_active{{{SITE}}}", "local"),),
                    Behind.STATE,
                    4,
                    4,
                    states={0: ("ours", GREEN), 1: ("local", RED)},
                ),
                Panel(
                    "Proposals waiting",
                    Shape.NUMBER,
                    "none",
                    "Proposals that wait for a person.",
                    (Query(f"coolwright_proposals_pending{{{SITE}}}", "waiting"),),
                    Behind.PROPOSALS,
                    4,
                    4,
                ),
                Panel(
                    "Program",
                    Shape.TABLE,
                    "none",
                    "Which version runs for which site.",
                    (Query(f"coolwright_build_info{{{SITE}}}", ""),),
                    Behind.STATE,
                    8,
                    4,
                ),
            ),
        ),
        Section(
            "Rounds",
            (
                Panel(
                    "Cycles",
                    Shape.BARS,
                    "none",
                    "Cycles begun and cycles that did not complete, in the range shown.",
                    (
                        Query(increase("coolwright_cycles_total", SITE), "begun"),
                        Query(
                            increase("coolwright_cycle_failures_total", SITE, "site, reason"), "{{reason}}"
                        ),
                    ),
                    Behind.STATE,
                ),
                Panel(
                    "Cycle duration",
                    Shape.LINES,
                    "s",
                    "Median and 95th percentile; since the start where no cycle ended in the interval.",
                    (
                        Query(_quantile(0.5, "coolwright_cycle_duration_seconds", "site"), "median"),
                        Query(_quantile(0.95, "coolwright_cycle_duration_seconds", "site"), "95 %"),
                    ),
                    Behind.STATE,
                    min_interval="5m",
                ),
                Panel(
                    "Plans",
                    Shape.BARS,
                    "none",
                    "Plans by status, and attempts without a plan by cause. A failed plan is no command.",
                    (
                        Query(increase("coolwright_plans_total", SITE, "site, status"), "{{status}}"),
                        Query(
                            increase("coolwright_plan_failures_total", SITE, "site, cause"),
                            "no plan: {{cause}}",
                        ),
                    ),
                    Behind.PLAN,
                ),
                Panel(
                    "Planning time by stage",
                    Shape.LINES,
                    "s",
                    "95th percentile; since the start where nothing was planned in the interval.",
                    (
                        Query(
                            _quantile(0.95, "coolwright_solve_duration_seconds", "site, stage"), "{{stage}}"
                        ),
                    ),
                    Behind.PLAN,
                    min_interval="5m",
                ),
                Panel(
                    "Optimality gap of the last plan",
                    Shape.LINES,
                    "percentunit",
                    "How far the plan may be from the best one.",
                    (Query(f"coolwright_plan_gap_ratio{{{SITE}}}", "gap"),),
                    Behind.PLAN,
                ),
                Panel(
                    "Energy over the last plan's horizon",
                    Shape.LINES,
                    "watth",
                    "Predicted for the chosen trajectory, and for holding every lever still.",
                    (Query(f"coolwright_plan_energy_joules{{{SITE}}} / 3600", "{{trajectory}}"),),
                    Behind.PLAN,
                ),
            ),
        ),
        Section(
            "Decisions and writes",
            (
                Panel(
                    "Mode",
                    Shape.STATES,
                    "none",
                    "Who may act in each zone.",
                    (Query(mode_number(SITE), "{{hall_zone}}"),),
                    Behind.STATE,
                    states=MODES,
                ),
                Panel(
                    "Decisions",
                    Shape.BARS,
                    "none",
                    "What people and the watchdog decided in the range shown.",
                    (Query(increase("coolwright_decisions_total", SITE, "site, decision"), "{{decision}}"),),
                    Behind.PROPOSALS,
                ),
                Panel(
                    "Setpoint writes by receipt",
                    Shape.BARS,
                    "none",
                    "Confirmed: read back equal. Anything else wants a look.",
                    (Query(increase("coolwright_commands_total", SITE, "site, receipt"), "{{receipt}}"),),
                    Behind.PROPOSALS,
                ),
                Panel(
                    "Alarms standing",
                    Shape.LINES,
                    "none",
                    "Alarms that want a person, by priority; the console says cause, consequence, response.",
                    (Query(f"coolwright_alarms_standing{{{SITE}}}", "{{priority}}"),),
                    Behind.STATE,
                ),
                Panel(
                    "Leases left",
                    Shape.LINES,
                    "s",
                    "How long each written setpoint stays ours without being renewed (site time)."
                    " none: nothing of ours stands in the plant.",
                    (
                        Query(
                            f"(coolwright_lease_expiry_timestamp_seconds{{{SITE}}}"
                            f" - on (site) group_left () coolwright_snapshot_timestamp_seconds{{{SITE}}})"
                            f" or on (site) {_NO_LEASE}",
                            "{{lever}}",
                        ),
                    ),
                    Behind.PROPOSALS,
                ),
            ),
        ),
    ),
)

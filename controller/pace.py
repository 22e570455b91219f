"""A site's times made fit for an accelerated clock.

With 240 plant seconds in a wall second, a host that hesitates for a second looks like four minutes
without data. What watches a program's health is therefore given a floor in wall time; every limit
that protects a rack stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

from plant.site import Site

POLL_WALL_S = 0.3
HEARTBEAT_WALL_S = 1.0
DATA_AGE_WALL_S = 6.0
HOLD_WALL_S = 6.0
LEASE_WALL_S = 30.0
EXPIRY_WALL_S = 120.0
"""A person watching a demo needs two minutes of their own time to decide."""


def paced(site: Site, speed: float) -> Site:
    """The site with poll, heartbeat, staleness and expiry times of at least these wall seconds.

    At the plant's own pace nothing is changed.
    """
    if speed <= 1:
        return site
    safety = site.safety
    return replace(
        site,
        gateways=tuple(replace(g, poll_s=max(g.poll_s, POLL_WALL_S * speed)) for g in site.gateways),
        safety=replace(
            safety,
            max_data_age_s=max(safety.max_data_age_s, DATA_AGE_WALL_S * speed),
            hold_s=max(safety.hold_s, HOLD_WALL_S * speed),
            lease_s=max(safety.lease_s, LEASE_WALL_S * speed),
            heartbeat_s=max(safety.heartbeat_s, HEARTBEAT_WALL_S * speed),
            proposal_expiry_s=max(safety.proposal_expiry_s, EXPIRY_WALL_S * speed),
        ),
    )

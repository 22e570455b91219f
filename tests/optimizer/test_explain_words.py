"""The places in a plan's sentence: read in a glance on a hall of two zones and of twenty."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.explain import in_zones
from plant.site_file import load_site

DEMO = load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")


@pytest.mark.parametrize(
    ("owners", "said"),
    [
        (["plant"], ""),
        (["zone-b"], " in zone-b"),
        (["zone-a", "zone-c", "zone-d"], " in zone-a, zone-c, zone-d"),
        (["zone-a", "zone-b", "zone-c", "zone-d"], " in all 4 zones"),
        (["crah-1"], " in crah-1"),
    ],
)
def test_few_zones_are_named_and_many_are_counted(owners: list[str], said: str) -> None:
    assert in_zones(owners, DEMO) == said

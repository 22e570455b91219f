"""How fast the simulator runs, and by how much it beats the peers that have published a figure.

``python -m benchmarks.simulator_speed [--json]``

One dynamic plant (the demo site: 24 rack groups in 4 zones, 8 CRAHs, 2 chillers, towers, economizer,
its own controllers, meters that count) and 256 of them at once, both in steps per second of CPU time; and a
year at one-minute physics as the site was found. Weather and work are made inside the timed part.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from plant.site_file import load_site
from sim.batch import PlantBatch
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

SITE = Path(__file__).parents[1] / "examples" / "demo.yaml"
START = datetime(2026, 4, 1, tzinfo=UTC)
BATCH, BATCH_STEPS = 256, 960
SINGLE_STEPS, NUMPY_STEPS = 400_000, 2_000
YEAR_STEPS = 365 * 1440
PEERS = {
    "SustainDC, 20 racks, algebraic": 1_880.0,
    "DCcluster-Opt, one rack scaled up": 12_400.0,
    "sbsim, one building": 70.0,
}
"""Best of the published or measured steps per CPU second, on this kind of machine."""
ASKED = {"single": 20_000.0, "batch": 200_000.0}


def main() -> None:
    """Measure, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    found = measure()
    args = parser.parse_args()
    if args.json:
        print(json.dumps(found, indent=2))
        return
    rows = (
        ("one plant", "single_steps_per_cpu_s", f"steps/CPU s (asked {ASKED['single']:,.0f})"),
        ("  the same in plain NumPy", "numpy_steps_per_cpu_s", "steps/CPU s"),
        (f"{BATCH} plants", "batch_steps_per_cpu_s", f"plant-steps/CPU s (asked {ASKED['batch']:,.0f})"),
        ("a year by minutes", "year_cpu_s", "CPU s"),
        ("start: code made, settled", "start_cpu_s", "CPU s"),
    )
    for name, key, unit in rows:
        print(f"{name:<28}{found[key]:>12,.1f} {unit}")
    for name, peer in PEERS.items():
        print(f"{found[f'times {name}']:>12,.0f} x {name} ({peer:,.0f})")


def measure() -> dict[str, float]:
    """All figures."""
    began = time.process_time()
    single = demo_plant(compiled=True)
    start_s = time.process_time() - began
    plain = demo_plant()
    year = demo_plant(compiled=True, step_s=60.0)
    year.step(60.0)
    single_s = cpu_s(lambda: single.step(single.physics_step_s * SINGLE_STEPS))
    plain_s = cpu_s(lambda: plain.step(plain.physics_step_s * NUMPY_STEPS))
    year_s = cpu_s(lambda: year.step(60.0 * YEAR_STEPS))
    batch = demo_batch()
    batch.step(4)
    batch_s = cpu_s(lambda: batch.step(BATCH_STEPS))
    found = {
        "single_steps_per_cpu_s": SINGLE_STEPS / single_s,
        "batch_steps_per_cpu_s": BATCH * BATCH_STEPS / batch_s,
        "numpy_steps_per_cpu_s": NUMPY_STEPS / plain_s,
        "year_cpu_s": year_s,
        "start_cpu_s": start_s,
    }
    ratios = {f"times {name}": found["single_steps_per_cpu_s"] / peer for name, peer in PEERS.items()}
    return found | ratios


def demo_plant(*, compiled: bool = False, step_s: float = 30.0) -> SimulatedPlant:
    """The demo site as it was found, in spring."""
    site = load_site(SITE)
    work = DiurnalWorkload(len(site.zones), 1, -5)
    plant = SimulatedPlant(site, None, load_weather("greensboro"), work, 1, step_s, compiled=compiled)
    plant.reset(START)
    return plant


def demo_batch() -> PlantBatch:
    """The demo site in 256 different works and chilled-water setpoints."""
    first = demo_plant(compiled=True)
    plants = []
    for k in range(BATCH):
        plant = first.copy()
        plant.workload = DiurnalWorkload(len(plant.site.zones), k % 8, -5)
        for lever in plant.site.levers:
            share = (k % 32) / 31
            plant.write(lever.points[0], lever.as_found + share * 0.3 * (lever.high - lever.as_found))
        plants.append(plant)
    return PlantBatch(plants)


def cpu_s(work: Callable[[], None]) -> float:
    """CPU seconds of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == "__main__":
    main()

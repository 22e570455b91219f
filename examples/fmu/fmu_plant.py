"""An FMU as a plant, with FMPy: one instance of a room for each zone of the site.

    pip install 'coolwright[fmu]'
    python examples/fmu/fmu_plant.py            # builds examples/fmu/room.fmu from room.c with gcc
    coolwright scenario run training-load-steps --plant examples.fmu.fmu_plant:make \\
        --policy trim-and-respond --days 0.1

With an FMU of yours only `_put` and `_readings` change: which of its inputs a setpoint point is, and which
point each of its outputs. What it does not tell is missing to the controller, never zero.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import fmpy
from fmpy.fmi2 import FMU2Slave

from plant.commands import Command
from plant.points import SITE, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site, Zone

HERE = Path(__file__).parent
FMU = HERE / "room.fmu"
KJ_K_PER_RACK = 500.0
LOAD = 0.6
PLANT_KW_PER_KW = 0.16
"""Electricity of the plant room, which this FMU does not model, for each kilowatt of heat."""


def build(target: Path = FMU) -> Path:
    """Compile room.c into an FMU for this machine. Needs gcc; FMPy brings FMI's headers."""
    place = {"Linux": "linux64", "Darwin": "darwin64"}[platform.system()]
    suffix = "so" if place == "linux64" else "dylib"
    headers = Path(fmpy.__file__).parent / "c-code"
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / f"room.{suffix}"
        compiler = ["gcc", "-shared", "-fPIC", "-O2", f"-I{headers}", "-o", str(library)]
        subprocess.run([*compiler, str(HERE / "room.c"), "-lm"], check=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            file.write(HERE / "modelDescription.xml", "modelDescription.xml")
            file.write(library, f"binaries/{place}/{library.name}")
    return target


class FmuPlant:
    """Satisfies `plant.ports.Plant`."""

    def __init__(self, site: Site, fmu: Path) -> None:
        self._site = site
        described = fmpy.read_model_description(fmu)
        self._number = {v.name: v.valueReference for v in described.modelVariables}
        self._folder = fmpy.extract(fmu)
        identity = described.coSimulation.modelIdentifier
        self._rooms = {
            z.id: FMU2Slave(
                guid=described.guid,
                unzipDirectory=self._folder,
                modelIdentifier=identity,
                instanceName=str(z.id),
            )
            for z in site.zones
        }
        for room in self._rooms.values():
            room.instantiate()

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Begin as the site was found."""
        self._start = self._now = start
        self._set = {p: lever.as_found for lever in self._site.levers for p in lever.points}
        for zone in self._site.zones:
            room = self._rooms[zone.id]
            room.reset()
            room.setupExperiment(startTime=0.0)
            self._write(room, "design_kw", zone.it_design_kw)
            self._write(room, "capacity_kj_k", KJ_K_PER_RACK * zone.racks)
            self._put(zone)
            room.enterInitializationMode()
            room.exitInitializationMode()
        return self._readings()

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Take the setpoints, let each room go on."""
        self._set.update({c.point: c.value for c in commands})
        since = (self._now - self._start).total_seconds()
        for zone in self._site.zones:
            self._put(zone)
            self._rooms[zone.id].doStep(currentCommunicationPoint=since, communicationStepSize=seconds)
        self._now += timedelta(seconds=seconds)
        return self._readings()

    def _put(self, zone: Zone) -> None:
        """The site's setpoints and load as the room's inputs."""
        room = self._rooms[zone.id]
        self._write(room, "supply_c", self._mean(zone, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT))
        self._write(room, "fan_speed", self._mean(zone, Quantity.FAN_SPEED_SETPOINT))
        self._write(room, "it_kw", LOAD * zone.it_design_kw)

    def _mean(self, zone: Zone, quantity: Quantity) -> float:
        values = [self._set[p.id] for p in self._site.points_in(zone.id, quantity) if p.id in self._set]
        return sum(values) / len(values)

    def _write(self, room: FMU2Slave, name: str, value: float) -> None:
        room.setReal([self._number[name]], [value])

    def _read(self, zone: Zone, name: str) -> float:
        return float(self._rooms[zone.id].getReal([self._number[name]])[0])

    def _readings(self) -> list[Reading]:
        """The rooms' outputs as the site's points."""
        told: dict[PointId, float] = dict(self._set)
        it_kw = LOAD * sum(z.it_design_kw for z in self._site.zones)
        fan_kw = sum(self._read(z, "fan_kw") for z in self._site.zones)
        cooling_kw = fan_kw + PLANT_KW_PER_KW * it_kw
        for zone in self._site.zones:
            for points, value in (
                (self._site.points_of(zone.id, Quantity.INLET_TEMPERATURE), self._read(zone, "inlet_c")),
                (self._site.points_of(zone.id, Quantity.IT_POWER), LOAD * zone.it_design_kw),
                (self._site.points_of(zone.id, Quantity.UTILIZATION), LOAD),
            ):
                told.update({p.id: value for p in points})
            for quantity, sets in (
                (Quantity.SUPPLY_AIR_TEMPERATURE, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT),
                (Quantity.FAN_SPEED, Quantity.FAN_SPEED_SETPOINT),
            ):
                value = self._mean(zone, sets)
                told.update({p.id: value for p in self._site.points_in(zone.id, quantity)})
        for quantity, value in (
            (Quantity.IT_POWER, it_kw),
            (Quantity.COOLING_POWER, cooling_kw),
            (Quantity.FACILITY_POWER, 1.08 * it_kw + cooling_kw),
        ):
            told.update({p.id: value for p in self._site.points_of(SITE, quantity)})
        return [Reading(point, self._now, value, Quality.GOOD) for point, value in told.items()]


def make(site: Site, seed: int) -> FmuPlant:
    """The factory that ``--plant examples.fmu.fmu_plant:make`` names. The FMU knows no chance."""
    return FmuPlant(site, FMU if FMU.exists() else build())


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")

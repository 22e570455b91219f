"""Probing a site: every point once, read only, each with what was found and how to mend it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from plant.points import ModbusAddress, Point, PointId
from plant.readings import Quality, Reading
from plant.site import Site
from plant.units import unit
from telemetry.gateways import Field, FieldGateway
from telemetry.modbus import ModbusGateway
from telemetry.probe.guesses import Guess, guesses, plausible, units
from telemetry.probe.ranges import usual_range


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one point. `problem`, `evidence` and `mend` are empty where all is well.

    `low` and `high` are what would not surprise, in the inside unit, as is the reading.
    """

    point: Point
    reading: Reading
    low: float
    high: float
    problem: str = ""
    evidence: str = ""
    mend: str = ""

    @property
    def reachable(self) -> bool:
        """Whether anything answered for it."""
        return self.reading.quality is not Quality.MISSING

    @property
    def ok(self) -> bool:
        """Whether nothing is to be mended."""
        return not self.problem


async def probe(site: Site, field: Field) -> list[Finding]:
    """Read every point of the site once, and look into what is doubtful. Nothing is ever written."""
    readings = {r.point: r for r in await field.read(site.points)}
    shared = _shared_addresses(site)
    return [await _examine(site, field, point, readings[point.id], shared) for point in site.points]


async def _examine(
    site: Site, field: Field, point: Point, reading: Reading, shared: dict[PointId, list[PointId]]
) -> Finding:
    low, high = usual_range(site, point)
    found = Finding(point, reading, low, high)
    if point.address is None:
        return _with(found, "has no source address", "", "add modbus or prometheus, or a register map")
    if point.id in shared:
        others = ", ".join(shared[point.id])
        return _with(
            found, f"shares its address with {others}", "one source, two points", "correct one address"
        )
    gateway = field.gateway_of(point)
    if isinstance(gateway, ModbusGateway):
        return await _examine_registers(gateway, found)
    if reading.quality is Quality.MISSING:
        return _not_found(gateway, found)
    if plausible(reading.value, low, high):
        return found
    return _guessed(found, units(point, unit(point.unit).from_inside(reading.value)), _shown(found))


def _not_found(gateway: FieldGateway | None, found: Finding) -> Finding:
    """Nobody answers, or somebody answers and does not know the series: two different mends."""
    devices = () if gateway is None else gateway.health
    silent = next((d.last_fault for d in devices if not d.answering), "")
    if silent:
        return _with(found, "does not answer", silent, "check the gateway's target, TLS and login")
    # A server that refused one question still answers the others; which it was, its words say.
    refused = "".join(f"; it refused a question: {d.last_fault}" for d in devices if d.last_fault)
    evidence = f"no series, or more than one, has these labels{refused}"
    return _with(found, "not found", evidence, "correct the metric or labels")


async def _examine_registers(gateway: ModbusGateway, found: Finding) -> Finding:
    point, reading = found.point, found.reading
    address = point.address
    assert isinstance(address, ModbusAddress)
    words = await gateway.look(point)
    if isinstance(words, str):
        near = await _neighbor(gateway, found)
        return near or _with(
            found, "does not answer", words, "check the address, the table and the device id"
        )
    if reading.usable and plausible(reading.value, found.low, found.high):
        return found
    raw = " ".join(f"{word:04X}" for word in words)
    named = _guessed(found, guesses(point, address, words), f"registers {raw} read as {_shown(found)}")
    if named.mend:
        return named
    return await _neighbor(gateway, found) or named


async def _neighbor(gateway: ModbusGateway, found: Finding) -> Finding | None:
    """A vendor's list may count from 1: does the register before, or after, make sense?"""
    for step in (-1, 1):
        value = await gateway.look_aside(found.point, step)
        if value is not None and value != 0 and plausible(value, found.low, found.high):
            side = "before" if step < 0 else "after"
            return _with(
                found,
                "the address may be one off",
                f"the register {side} it reads {value:.4g} {_inside_unit(found)}",
                f"set address: {_address(found) + step}",
            )
    return None


def _guessed(found: Finding, candidates: Iterable[Guess], evidence: str) -> Finding:
    """The first guess under which the point reads as usual."""
    for guess in candidates:
        if plausible(guess.value, found.low, found.high) and guess.value != 0:
            told = f"{evidence}; it would then read {guess.value:.4g} {_inside_unit(found)}"
            return _with(found, guess.problem, told, guess.mend)
    if found.reading.quality is Quality.NOT_AVAILABLE:
        return _with(found, "has no value", evidence, "")
    return _with(found, "is implausible", evidence, "")


def _shared_addresses(site: Site) -> dict[PointId, list[PointId]]:
    """Points that read the very same place, also through two gateways that are one host."""
    targets = {g.id: g.target for g in site.gateways}
    places: dict[str, list[PointId]] = defaultdict(list)
    for point in site.points:
        a = point.address
        if isinstance(a, ModbusAddress):
            places[f"{targets[a.gateway]} {a.device_id} {a.table} {a.address} {a.bit}"].append(point.id)
        elif a is not None:
            labels = sorted(a.labels.items())
            places[f"{targets[a.gateway]} {a.metric} {labels} {a.rate_s}"].append(point.id)
    return {p: [q for q in ps if q != p] for ps in places.values() if len(ps) > 1 for p in ps}


def _with(found: Finding, problem: str, evidence: str, mend: str) -> Finding:
    return Finding(found.point, found.reading, found.low, found.high, problem, evidence, mend)


def _shown(found: Finding) -> str:
    if found.reading.quality is Quality.NOT_AVAILABLE:
        return "no value"
    return f"{found.reading.value:.6g} {_inside_unit(found)}, usual is {found.low:g} to {found.high:g}"


def _inside_unit(found: Finding) -> str:
    return found.point.facts.inside_unit


def _address(found: Finding) -> int:
    address = found.point.address
    assert isinstance(address, ModbusAddress)
    return address.address

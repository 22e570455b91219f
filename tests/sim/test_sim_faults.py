"""Faults: each does to a plant what its row says, when it says, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from plant.commands import Command
from plant.errors import ConfigError
from plant.points import PointId
from plant.readings import Quality, Reading
from plant.site import Site
from sim.faults import KINDS, Fault, FaultyPlant, check_target, make_fault
from sim.faults.drivers import warmed_wet_bulb_c
from sim.faults.kinds import Place
from sim.plant import SimulatedPlant
from sim.weather import ConstantWeather
from sim.workload import ConstantWorkload

START = datetime(2026, 7, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
Heard = dict[PointId, Reading]


def fault(kind: str, target: str = "*", magnitude: float | None = None, **more: str) -> Fault:
    """A fault from ten minutes on, for an hour."""
    begin = START + timedelta(minutes=10)
    return make_fault(kind, begin, begin + HOUR, target, magnitude, more.get("other"))


@pytest.fixture(scope="session")
def settled(demo: Site) -> SimulatedPlant:
    """A demo plant on a warm day."""
    return _settled(demo, 30.0, 22.0)


def _settled(site: Site, dry_c: float, wet_c: float) -> SimulatedPlant:
    plant = SimulatedPlant(site, None, ConstantWeather(dry_c, wet_c), ConstantWorkload((0.6,) * 4), 1)
    plant.reset(START)
    return plant


class Standing:
    """A plant that has settled already: resetting each anew is most of a test's time."""

    def __init__(self, body: SimulatedPlant) -> None:
        self.body = body

    def reset(self, start: datetime) -> Sequence[Reading]:
        return self.body.readings()

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        return self.body.advance(commands, seconds)


class Pair:
    """The same plant twice: with faults and without."""

    def __init__(self, settled: SimulatedPlant, site: Site, *faults: Fault) -> None:
        self.body, self.twin = settled.copy(), settled.copy()
        self.plant = FaultyPlant(Standing(self.body), site, faults, seed=1, body=self.body)
        self.heard: Heard = _by_point(self.plant.reset(START))
        self.true: Heard = _by_point(self.twin.readings())
        self.beats = 0

    def go(self, minutes: float, **commands: float) -> None:
        """Both get the same commands and time, and a heartbeat every ten minutes."""
        told = [Command(PointId(p.replace("__", "-").replace("_", ".")), v) for p, v in commands.items()]
        while minutes > 0:
            self.beats += 1
            told.append(Command(PointId("heartbeat"), float(self.beats)))
            passed = min(minutes, 10.0)
            self.heard = _by_point(self.plant.advance(told, passed * 60))
            self.true = _by_point(self.twin.advance(told, passed * 60))
            minutes, told = minutes - passed, []


def _by_point(readings: object) -> Heard:
    return {r.point: r for r in readings}  # type: ignore[attr-defined]


INLET, POWER, METER = PointId("zone-a.inlet-1"), PointId("chiller-1.power"), PointId("utility-meter.power")
SETPOINT = PointId("crah-3.supply-air.setpoint")


def test_there_are_at_least_thirty_kinds_and_each_says_what_it_does() -> None:
    assert len(KINDS) >= 30
    assert all(kind.does and kind.name == name for name, kind in KINDS.items())


@pytest.mark.parametrize(
    ("kind", "target", "said"),
    [
        ("sensor_bias", INLET, lambda true, before: true.value + 2.0),
        ("sensor_gain", INLET, lambda true, before: true.value * 1.1),
        ("sensor_stuck", INLET, lambda true, before: before.value),
        ("sensor_zero", INLET, lambda true, before: 0.0),
        ("sensor_sentinel", INLET, lambda true, before: 3276.7),
        ("sensor_fahrenheit", INLET, lambda true, before: 32 + true.value * 9 / 5),
        ("sensor_coarse", INLET, lambda true, before: 2.0 * round(true.value / 2.0)),
        # Half an hour after its begin a drift of 0.5 K/h is a quarter of a kelvin.
        ("sensor_drift", INLET, lambda true, before: true.value + 0.25),
    ],
)
def test_a_sensor_fault_tells_this_while_it_holds_and_the_truth_before_and_after(
    settled: SimulatedPlant, demo: Site, kind: str, target: str, said: Callable[[Reading, Reading], float]
) -> None:
    pair = Pair(settled, demo, fault(kind, target))
    pair.go(5)
    assert pair.heard[INLET] == pair.true[INLET]
    pair.go(5)
    first = pair.true[INLET]
    pair.go(30)
    # Cutting time at a fault's edge draws the sensors' noise once more: compare within it.
    assert pair.heard[INLET].value == pytest.approx(said(pair.true[INLET], first), abs=0.5)
    pair.go(60)
    assert pair.heard[INLET].value == pytest.approx(pair.true[INLET].value, abs=0.5)


@pytest.mark.parametrize(
    ("kind", "target", "quality"),
    [
        ("sensor_dead", INLET, Quality.MISSING),
        ("exception_code", INLET, Quality.NOT_AVAILABLE),
        ("gateway_timeout", "servers", Quality.MISSING),
        ("gateway_flapping", "servers", Quality.MISSING),
    ],
)
def test_a_point_that_is_not_answered_is_missing_and_not_a_number(
    settled: SimulatedPlant, demo: Site, kind: str, target: str, quality: Quality
) -> None:
    magnitude = 1.0 if kind == "gateway_flapping" else None
    pair = Pair(settled, demo, fault(kind, target, magnitude))
    pair.go(15)
    assert pair.heard[INLET].quality is quality
    assert math.isnan(pair.heard[INLET].value)
    assert pair.heard[METER].usable  # on another gateway


def test_not_a_number_is_never_usable(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("sensor_nan", INLET))
    pair.go(15)
    assert not pair.heard[INLET].usable


def test_swapped_sensors_tell_each_others_value(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("sensor_swap", INLET, other="outdoor.wet-bulb"))
    pair.go(15)
    assert pair.heard[INLET].value == pair.heard[PointId("outdoor.wet-bulb")].value


def test_a_stale_series_keeps_value_and_time(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("stale_series", "zone-a.*"))
    pair.go(10)
    before = pair.heard[INLET]
    pair.go(30)
    assert pair.heard[INLET] == before
    assert pair.heard[METER].time == pair.true[METER].time


def test_a_jumped_clock_moves_every_time_of_its_gateway(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("clock_jump", "bms"))
    pair.go(15)
    assert pair.heard[METER].time - pair.true[METER].time == HOUR
    assert pair.heard[INLET].time == pair.true[INLET].time


def test_swapped_words_are_what_another_program_would_make_of_them(
    settled: SimulatedPlant, demo: Site
) -> None:
    # NumPy does the exchange here: big-endian words 1, 2 read as 2, 1.
    pair = Pair(settled, demo, fault("word_order_flip", "bms"))
    pair.go(9)
    value = np.array([pair.heard[METER].value], ">f4")
    pair.go(1)
    said = np.array([pair.heard[METER].value], ">f4").view(">u2")[::-1].copy().view(">f4")[0]
    assert float(said) == pytest.approx(float(value[0]), rel=0.05)


def test_shifted_registers_tell_the_neighbors_value(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("register_shift", "bms"))
    pair.go(15)
    # 30003 is chilled-water supply, 30004 its return: warmer.
    true = pair.true[PointId("plant.chw-return")].value
    assert pair.heard[PointId("plant.chw-supply")].value == pytest.approx(true, abs=0.5)


@pytest.mark.parametrize(
    ("kind", "magnitude", "shown", "done"),
    [
        ("setpoint_ignored", None, 21.0, 18.0),
        ("setpoint_reversed", None, 21.0, 15.0),
        ("setpoint_offset", 1.0, 21.0, 22.0),
        ("setpoint_clamped", 0.5, 18.5, 18.5),
        ("setpoint_reverted", None, 18.0, 18.0),
        ("write_lost", None, 18.0, 18.0),
    ],
)
def test_a_lying_lever_shows_one_value_and_does_another(
    settled: SimulatedPlant, demo: Site, kind: str, magnitude: float | None, shown: float, done: float
) -> None:
    target = "bms" if kind == "write_lost" else "zone-b.supply-air"
    pair = Pair(settled, demo, fault(kind, target, magnitude))
    pair.go(10)
    pair.go(40, **{"crah__3_supply__air_setpoint": 21.0})
    assert pair.heard[SETPOINT].value == pytest.approx(shown)
    unit = 2  # the third CRAH
    assert pair.body.image.plc.active.supply_air_c[unit] == pytest.approx(done, abs=0.01)
    other = PointId("crah-1.supply-air.setpoint")
    assert pair.heard[other].value == pair.true[other].value


def test_a_mended_lever_does_what_its_register_says(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("setpoint_ignored", SETPOINT))
    pair.go(10)
    pair.go(30, **{"crah__3_supply__air_setpoint": 20.0})
    pair.go(45)
    assert pair.body.image.plc.active.supply_air_c[2] == pytest.approx(20.0, abs=0.01)


def test_somebody_else_may_move_a_setpoint(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("setpoint_overridden", "zone-b.supply-air", 23.0))
    pair.go(30)
    assert pair.heard[SETPOINT].value == pytest.approx(23.0)


def test_lost_heartbeats_put_the_plant_under_local_control(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("heartbeat_lost", "bms"))
    for _ in range(10):
        pair.go(5)
    assert pair.body.local_control
    assert not pair.twin.local_control


def facility_kwh(pair: Pair) -> tuple[float, float]:
    return pair.body.totals().facility_kwh, pair.twin.totals().facility_kwh


@pytest.mark.parametrize(
    ("kind", "target"),
    [("fouled_condenser", "*"), ("fouled_tower", "*"), ("heat_wave", "*"), ("humid_spell", "*")],
)
def test_a_worse_plant_room_costs_energy(settled: SimulatedPlant, demo: Site, kind: str, target: str) -> None:
    pair = Pair(settled, demo, fault(kind, target))
    pair.go(75)
    faulty, healthy = facility_kwh(pair)
    assert faulty > healthy + 0.3


@pytest.mark.parametrize(
    ("kind", "target", "magnitude"),
    [
        ("fouled_coil", "crah-1", 0.9),
        ("stuck_valve", "crah-1", 0.05),
        ("failed_fan", "crah-1", None),
        ("belt_slip", "crah-*", 0.4),
        ("blocked_tiles", "zone-a", 0.2),
        ("load_step", "zone-a", 0.35),
        ("chiller_trip", "chiller-*", None),
        ("chilled_pump_trip", "*", 0.9),
    ],
)
def test_a_worse_hall_is_warmer_in_the_zone_that_is_hit(
    settled: SimulatedPlant, demo: Site, kind: str, target: str, magnitude: float | None
) -> None:
    pair = Pair(settled, demo, fault(kind, target, magnitude))
    pair.go(65)
    warmer = pair.body.true_inlets_c().max(axis=-1) - pair.twin.true_inlets_c().max(axis=-1)
    assert warmer[0] > 0.1
    if target not in ("*", "crah-*", "chiller-*"):
        assert warmer[0] > 2 * abs(warmer[1:]).max()


def test_a_locked_economizer_stays_off_in_the_cold(demo: Site) -> None:
    cold = _settled(demo, 2.0, 0.0)
    pair = Pair(cold, demo, fault("economizer_lockout", "economizer-1"))
    pair.go(60)
    point = PointId("economizer-1.heat")
    assert pair.heard[point].value == 0.0
    assert pair.true[point].value > 50


def test_condenser_flow_that_is_lost_is_no_longer_pumped(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("condenser_pump_trip", "cw-pumps", 0.5))
    pair.go(60)
    point = PointId("cw-pumps.power")
    assert pair.heard[point].value == pytest.approx(pair.true[point].value / 2, rel=0.1)


def test_a_tower_with_a_dead_fan_makes_warmer_water_and_its_feedback_is_zero(
    settled: SimulatedPlant, demo: Site
) -> None:
    pair = Pair(settled, demo, fault("failed_tower_fan", "tower-1"))
    pair.go(60)
    assert pair.body.image.state.condenser_c > pair.twin.image.state.condenser_c + 0.5
    assert pair.heard[PointId("tower-1.fan-speed")].value == 0.0
    assert pair.heard[PointId("tower-2.fan-speed")].value > 0.0


def test_after_the_fault_the_plant_is_the_one_it_was(settled: SimulatedPlant, demo: Site) -> None:
    pair = Pair(settled, demo, fault("fouled_coil", "crah-1", 0.5), fault("chiller_trip", "chiller-1"))
    pair.go(60)
    assert pair.body.upset is not None
    pair.go(15)
    assert pair.body.parameters == pair.twin.parameters or pair.body.parameters.crahs.ua_kw_k.tolist() == (
        pair.twin.parameters.crahs.ua_kw_k.tolist()
    )
    assert pair.body.upset is None


def test_warmed_air_has_the_wet_bulb_psychrolib_gives() -> None:
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    ratio = psychrolib.GetHumRatioFromTWetBulb(30.0, 22.0, 101_325)
    expected = psychrolib.GetTWetBulbFromHumRatio(38.0, ratio, 101_325)
    got = warmed_wet_bulb_c(np.array(30.0), np.array(22.0), np.array(38.0), 101.325)
    assert float(got) == pytest.approx(expected, abs=0.02)


def test_the_same_seed_gives_the_same_readings(settled: SimulatedPlant, demo: Site) -> None:
    faults = (
        fault("sensor_noise", "zone-*"),
        fault("sensor_spikes", "crah-*"),
        fault("gateway_flapping", "bms"),
    )
    one, two = Pair(settled, demo, *faults), Pair(settled, demo, *faults)
    for _ in range(4):
        one.go(5)
        two.go(5)
    # Missing is NaN, which equals nothing: compare as text.
    assert repr(one.heard) == repr(two.heard)
    assert repr(one.heard) != repr(one.true)


def test_every_reading_fault_can_be_injected_into_any_plant(demo: Site) -> None:
    """A plant that is not ours at all: three lines, one reading a point."""

    class Dumb:
        def reset(self, start: datetime) -> list[Reading]:
            self.now = start
            return [Reading(p.id, start, 20.0, Quality.GOOD) for p in demo.points]

        def advance(self, commands: object, seconds: float) -> list[Reading]:
            self.now += timedelta(seconds=seconds)
            return [Reading(p.id, self.now, 20.0, Quality.GOOD) for p in demo.points]

    outside = [
        k for k in KINDS.values() if k.place in (Place.SENSOR, Place.GATEWAY, Place.WRITE, Place.LEVER)
    ]
    for kind in outside:
        more = {"other": "zone-a.inlet-2"} if kind.needs_other else {}
        plant = FaultyPlant(
            Dumb(), demo, [fault(kind.name, "*", 1.0 if kind.needs_magnitude else None, **more)], 1
        )
        plant.reset(START)
        heard = plant.advance([Command(SETPOINT, 20.0)], 900)
        assert len(heard) == len(demo.points), kind.name
    with pytest.raises(ConfigError, match=r"chiller_trip.*bundled simulator"):
        FaultyPlant(Dumb(), demo, [fault("chiller_trip")], 1)


def test_mistakes_name_the_key_and_the_mend(demo: Site) -> None:
    with pytest.raises(
        ConfigError, match=r"fault.kind: fault 'sensor_drfit' is not known; did you mean sensor_drift"
    ):
        fault("sensor_drfit")
    with pytest.raises(ConfigError, match=r"magnitude.*outside 0 to 0.95"):
        fault("fouled_coil", "crah-1", 3.0)
    with pytest.raises(ConfigError, match="needs a second point"):
        fault("sensor_swap", INLET)
    with pytest.raises(ConfigError, match="ends before it begins"):
        make_fault("sensor_dead", START, START)
    with pytest.raises(ConfigError, match=r"no machine of the site is 'crah-99'; did you mean crah-"):
        check_target(fault("failed_fan", "crah-99"), demo)
